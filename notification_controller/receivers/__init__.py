"""Webhooks in: who may call, and what a call asks to reconcile."""
