"""Kustomization: the story in `reconciler`, one module per step."""
