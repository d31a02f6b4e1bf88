"""The operator console. Importing this package registers its pages; only the admin's autodiscovery does."""

from integration.admin.lists import (
    alert,
    call,
    claim,
    connection,
    drift,
    erased,
    event,
    job,
    link,
    log,
    mapping,
    run,
    sunset,
    system,
    tenant,
)
from integration.admin.lists.integration import admin as integration

__all__ = [
    "alert",
    "call",
    "claim",
    "connection",
    "drift",
    "erased",
    "event",
    "integration",
    "job",
    "link",
    "log",
    "mapping",
    "run",
    "sunset",
    "system",
    "tenant",
]
