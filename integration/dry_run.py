"""A dry run is the real run minus its writes: while one works, nothing is written at a vendor and no row of people.

`integration.http` refuses to send a write, the functions of the engine that store what became of a record pass over it.
What is read, and what it costs of a vendor's budget, is noted as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_dry: ContextVar[bool] = ContextVar("dry run", default=False)


def is_dry() -> bool:
    """Whether what is being done now may write nothing."""
    return _dry.get()


@contextmanager
def nothing_written(dry: bool = True) -> Iterator[None]:
    """Within this, nothing is written; with `dry` off everything is as always."""
    token = _dry.set(_dry.get() or dry)
    try:
        yield
    finally:
        _dry.reset(token)
