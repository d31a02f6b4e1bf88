"""The operator console. Importing this package registers its pages; only the admin's autodiscovery does."""

from integration.admin import alert, call, claim, connection, event, install, job, link, log, mapping, run, system

__all__ = ["alert", "call", "claim", "connection", "event", "install", "job", "link", "log", "mapping", "run", "system"]
