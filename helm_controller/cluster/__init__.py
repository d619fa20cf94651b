"""Manifests of a release into a cluster, and out of it again."""
