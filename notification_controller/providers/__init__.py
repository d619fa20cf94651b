"""Providers: what is known of them without calling them."""
