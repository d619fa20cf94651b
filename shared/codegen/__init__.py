"""Writes files that follow from the models: definitions of kinds and their reference pages.

Never imported by a controller.
"""
