"""Bucket: the objects of a bucket become an artifact."""
