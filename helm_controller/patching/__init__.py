"""Changes to live objects as Helm makes them client-side: by comparing three states."""
