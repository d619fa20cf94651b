"""What Helm stores of a release: the record, its encoding, its digests."""
