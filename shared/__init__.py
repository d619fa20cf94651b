"""What Headrace's controllers have in common, from pure values up to the runtime."""
