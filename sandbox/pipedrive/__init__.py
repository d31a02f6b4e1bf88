"""Pipedrive stand-in: company hosts, the OAuth host and the marketplace."""
