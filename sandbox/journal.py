"""The journal of API calls: what was asked of each vendor and how it was answered."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT_CALLS = 20_000  # enough for a long demo; totals go on counting beyond it
BODY_EXCERPT = 2_000


@dataclass(frozen=True)
class Entry:
    n: int
    at: str
    vendor: str
    account: str
    method: str
    path: str
    query: str
    status: int
    ms: float
    body: str


class Journal:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT_CALLS)
        self.totals: Counter[str] = Counter()
        self.last = 0

    def add(self, *, at: str, vendor: str, account: str, method: str, path: str, query: str, status: int,
            ms: float, body: bytes) -> None:  # fmt: skip
        self.last += 1
        excerpt = body[:BODY_EXCERPT].decode("utf-8", "replace")
        self.entries.append(Entry(self.last, at, vendor, account, method, path, query, status, round(ms, 2), excerpt))
        self.totals[f"{vendor}:{account}"] += 1

    def select(self, vendor: str | None = None, account: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return the calls numbered above `since`, oldest first."""
        return [
            asdict(entry)
            for entry in self.entries
            if entry.n > since and vendor in (None, entry.vendor) and account in (None, entry.account)
        ]
