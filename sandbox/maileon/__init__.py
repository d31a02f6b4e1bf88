"""Maileon stand-in: the REST API 1.0 and the outgoing webhooks."""
