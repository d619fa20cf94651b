"""Writes files that follow from the models: definitions of kinds. Never imported by a controller."""
