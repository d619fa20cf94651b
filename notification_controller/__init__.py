"""Takes events and delivers them to people and services; takes webhooks and asks for reconciliations."""
