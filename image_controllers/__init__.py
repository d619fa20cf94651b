"""Scans registries for tags, chooses one by policy, and writes it into Git."""
