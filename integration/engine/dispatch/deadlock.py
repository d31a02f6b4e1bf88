"""Try a transaction once more that the database ended because it and another one waited for each other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError

log = logging.getLogger(__name__)

IN_EACH_OTHERS_WAY = frozenset({"40P01", "40001"})  # SQLSTATE: deadlock, serialization failure

T = TypeVar("T")


def retried(work: Callable[[], T]) -> T:
    """Return what `work` returns. It is one transaction that changes nothing outside the database.

    Must not be called within a transaction: that one has ended, too.
    """
    try:
        return work()
    except OperationalError as exc:
        if getattr(exc.__cause__, "sqlstate", None) not in IN_EACH_OTHERS_WAY:
            raise
        log.warning("A transaction was in another's way and is tried once more.", exc_info=exc)
    return work()
