"""Writes chosen images into Git repositories where a marker asks for them."""
