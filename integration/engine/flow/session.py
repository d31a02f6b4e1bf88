"""What a flow is given to work with, as a type: the engine opens one for each slice of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from typing_extensions import TypeVar

from integration.connectors.base import FieldSpec
from integration.models import Connection, Integration, SyncRun, VendorCall

if TYPE_CHECKING:
    from integration.engine.flow.recipe import Recipe

# The client of the left system, that of the right one, and the recipe's settings. The engine works with any of them;
# a recipe names its own, so that a method or a setting that does not exist is found by the type checker.
AnyClient: TypeAlias = Any  # which vendor's it is, the side decides at run time
L = TypeVar("L", covariant=True, default=Any)
R = TypeVar("R", covariant=True, default=Any)
S = TypeVar("S", covariant=True, default=Any)
V = TypeVar("V")


@dataclass
class Usage:
    """What was asked of the vendors: calls per side, cost per window ("left:daily"), seconds waited for limits."""

    calls: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    waited: float = 0.0


class SyncSession(Protocol[L, R, S]):
    """One integration's settings, its two vendor clients and its lists, for the length of one slice of work."""

    integration: Integration
    recipe: Recipe
    token: str
    run: SyncRun | None
    deadline: float
    calls: list[VendorCall]
    last_side: str  # the side of the last call, whether it was made or refused by its budget
    skew: dict[str, float]  # side → seconds our clock was ahead of the vendor's at the last answer
    cache: dict[str, Any]  # what a flow keeps for the length of one slice
    usage: Usage
    part_ends: float  # when the part of a run's page that is worked on should end (monotonic); 0: no such part
    is_urgent: bool  # an urgent flow is at work: its calls may use what is left for the customer's own use
    page_size: int  # how many records the run's page has, of which the batch may be a part; 0: no run

    @property
    def settings(self) -> S:
        """The tenant's settings with the recipe's defaults below them."""

    @property
    def resources(self) -> dict[str, Any]:
        """What provisioning made at the vendors: keys of fields, ids of options."""

    def resource(self, key: str) -> str | int:
        """One of them that a flow cannot do without. Raises SetupUnfinished while it is not there."""

    @property
    def left(self) -> L:
        """The client of the recipe's first system."""

    @property
    def right(self) -> R:
        """The client of the recipe's second system."""

    def connection(self, side: str) -> Connection:
        """The connection on one side."""

    def client(self, side: str) -> AnyClient:
        """The opened client on one side. Raises AuthError when its token cannot be renewed."""

    def reopen(self) -> None:
        """Forget the clients, so that the next call uses fresh credentials."""

    def last_call(self) -> VendorCall | None:
        """The vendor call made last, to attach to the results it decided."""

    def time_left(self) -> bool:
        """Whether this slice may still start something."""

    def part_over(self, since: float) -> bool:
        """Whether what began at `since` (monotonic) should leave the rest of a run's page to its next part."""

    def wait(self, seconds: float) -> bool:
        """Wait for a vendor's limit and say so, if there is time for it; else False."""

    def keep_lease(self, *, now: bool = False) -> None:
        """Prolong our lease. Raises LeaseLost when another worker has taken over."""

    def reference_list(
        self, side: str, kind: str, fetch: Callable[[], Mapping[str, V]], *, fresh: bool = False
    ) -> Mapping[str, V]:
        """A small list of the vendor's account, kept for an hour; `fetch` gets it when missing or old."""

    def resolve_many(
        self,
        side: str,
        kind: str,
        ids: set[str],
        fetch: Callable[[list[str]], Mapping[str, V]],
        renamed: Callable[[datetime], Mapping[str, V] | None] = ...,
    ) -> Mapping[str, V | None]:
        """Entries for `ids` from a directory that grows by need: only unknown ones are fetched, then kept an hour.

        Once per slice `renamed` says what changed since, and what was unknown is asked about again.
        """

    def fields(self, side: str, object_type: str, *, fresh: bool = False) -> Mapping[str, FieldSpec]:
        """The vendor's fields of one object type, by key."""
