"""From a matched event to deliveries: one bounded queue for each Provider."""
