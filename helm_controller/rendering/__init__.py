"""Charts into manifests: the helm program renders, post-renderers change."""
