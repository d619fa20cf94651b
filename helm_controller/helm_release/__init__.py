"""Reconciling HelmReleases."""
