"""Alerts: which events each of them wants, and what is wrong with them."""
