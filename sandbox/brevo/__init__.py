"""Brevo stand-in: the REST API v3 and the outgoing webhooks."""
