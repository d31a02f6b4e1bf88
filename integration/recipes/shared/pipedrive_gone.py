"""Who is gone from Pipedrive, and who is only out of sight.

Lists leave out what the token may not see, so missing from one is no deletion. Asked for alone, a deleted record comes
back and says so for thirty days (pipedrive sheet, settled 2026-11-29). One that is not there at all was purged or is
hidden: only a user who sees everything can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import SyncSession
from integration.errors import NotFound

HIDDEN_IN_A_ROW = 20  # after so many without one that says it was deleted, the view is gone and not the records


class Deletable(Protocol):
    """A record of Pipedrive that can say of itself that it was deleted."""

    @property
    def is_deleted(self) -> bool: ...


def proven_gone(ctx: SyncSession[PipedriveClient], get: Callable[[str], Deletable], missing: Iterable[str]) -> set[str]:
    """Which of these records, missing from a list, were deleted. `get` reads one of them alone."""
    gone: set[str] = set()
    hidden = 0
    for key in missing:
        if hidden >= HIDDEN_IN_A_ROW:
            break
        ctx.keep_lease()
        try:
            is_gone = get(key).is_deleted
        except NotFound:
            is_gone = sees_everything(ctx)
        hidden = 0 if is_gone else hidden + 1
        gone |= {key} if is_gone else set()
    return gone


def sees_everything(ctx: SyncSession[PipedriveClient]) -> bool:
    """Whether the connected user is an administrator, from whom Pipedrive hides nothing."""
    known = ctx.reference_list("left", "sees_everything", lambda: {"yes": ctx.left.is_admin() is True})
    return bool(known["yes"])
