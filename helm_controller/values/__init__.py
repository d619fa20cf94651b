"""Values of a release: references, merging and the grammar of `--set`."""
