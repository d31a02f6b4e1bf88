"""What the standard suite has to know of a vendor: how to open a client, which calls to try, how its webhooks look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.connectors.base import Connector, Credentials, WebhookRequest
from tests.support.client_cases import WRONG_SHAPES

Client = Any  # each vendor's own
ANYTHING = frozenset(WRONG_SHAPES)  # a call whose answer is not looked into


@dataclass(frozen=True)
class Call:
    """One call of a client. `fine` are bodies that are no wrong shape for it: an empty list is an empty answer."""

    name: str
    make: Callable[[Client], object]
    fine: frozenset[bytes] = frozenset()
    statuses: frozenset[int] = frozenset()  # that it takes for an answer: a missing record is none


@dataclass(frozen=True)
class Deliveries:
    """How the vendor calls us: `request` builds a genuine call of a fixture with a secret, None for none at all."""

    request: Callable[[str, bytes, str | None], WebhookRequest]  # (fixture's name, body, secret)
    folder: Path  # of fixtures, named after their event
    elsewhere: frozenset[str] = frozenset()  # events without a body, so without a fixture
    proofs: tuple[Callable[[str | None], WebhookRequest], ...] = ()  # further ways in which a secret may come

    @property
    def fixtures(self) -> list[Path]:
        """All bodies, by name."""
        return sorted(path for path in self.folder.glob("*.json") if not path.stem.endswith(".headers"))


@dataclass(frozen=True)
class Vendor:
    """One connector under test. `secret` is what must stand nowhere; reads come first among the `calls`."""

    connector: Connector
    credentials: Callable[[str], Credentials]  # the address of the stand-in → credentials
    secret: str
    reads: tuple[Call, ...]
    writes: tuple[Call, ...] = ()
    deliveries: Deliveries | None = None
    sign_in: tuple[Call, ...] = ()  # what asks the token endpoint; the client given to it is of no use
    foreign: tuple[str, ...] = field(default=())  # addresses that only look like the vendor's

    @property
    def calls(self) -> tuple[Call, ...]:
        """Reads and writes."""
        return self.reads + self.writes
