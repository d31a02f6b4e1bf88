"""The operator console. Importing this package registers its pages; only the admin's autodiscovery does."""

from integration.admin import call, connection, event, install, job, link, log, mapping, run, system

__all__ = ["call", "connection", "event", "install", "job", "link", "log", "mapping", "run", "system"]
