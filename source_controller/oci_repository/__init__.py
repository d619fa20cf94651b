"""OCIRepository: content in a registry becomes an artifact."""
