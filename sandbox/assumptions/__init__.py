"""What the vendors' documents leave open, and what the stand-ins do there. No connector may depend on any of it.

A `Switch` is played both ways, the default is what hurts more; `Settled` has its source; `Irrelevant` names the line of
the hub to which the answer makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.assumptions import brevo, hubspot, leadboxer, maileon, pipedrive, planhat
from sandbox.assumptions.kinds import Assumption, Irrelevant, Settled, Switch

BY_VENDOR: dict[str, tuple[Assumption, ...]] = {
    "pipedrive": pipedrive.ASSUMPTIONS,
    "hubspot": hubspot.ASSUMPTIONS,
    "maileon": maileon.ASSUMPTIONS,
    "brevo": brevo.ASSUMPTIONS,
    "leadboxer": leadboxer.ASSUMPTIONS,
    "planhat": planhat.ASSUMPTIONS,
}
SWITCHES: dict[str, Switch] = {row.key: row for rows in BY_VENDOR.values() for row in rows if isinstance(row, Switch)}


class Thrown:
    """Which switches are thrown. One object per sandbox, shared with the vendors' worlds; a reset leaves it alone."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys: frozenset[str] = frozenset()
        self.throw(keys)

    def throw(self, keys: Iterable[str]) -> None:
        """Throw exactly these; `all` throws every one. Raises ValueError for an unknown name."""
        wanted = set(keys)
        if "all" in wanted:
            wanted = set(SWITCHES)
        if unknown := wanted - set(SWITCHES):
            raise ValueError(f"unknown switch: {', '.join(sorted(unknown))}")
        self._keys = frozenset(wanted)

    def __contains__(self, key: str) -> bool:
        if key not in SWITCHES:
            raise KeyError(key)
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._keys))


__all__ = ["BY_VENDOR", "SWITCHES", "Assumption", "Irrelevant", "Settled", "Switch", "Thrown"]
