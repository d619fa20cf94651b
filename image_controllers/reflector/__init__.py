"""Lists the tags of image repositories and chooses one of them by policy."""
