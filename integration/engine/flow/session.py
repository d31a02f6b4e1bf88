"""What a flow is given to work with, as a type: the engine opens one for each slice of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from integration.connectors.base import FieldSpec
from integration.models import Connection, Integration, SyncRun, VendorCall

if TYPE_CHECKING:
    from integration.engine.flow.recipe import Recipe


class SyncSession(Protocol):
    """One integration's settings, its two vendor clients and its lists, for the length of one slice of work."""

    integration: Integration
    recipe: Recipe
    token: str
    run: SyncRun | None
    deadline: float
    calls: list[VendorCall]
    talking_to: str  # the side of the last call, whether it was made or refused by its budget
    skew: dict[str, float]  # side → seconds our clock was ahead of the vendor's at the last answer
    memory: dict[str, Any]  # what a flow keeps for the length of one slice

    @property
    def settings(self) -> Mapping[str, Any]:
        """The tenant's settings with the recipe's defaults below them."""

    @property
    def resources(self) -> dict[str, Any]:
        """What provisioning made at the vendors: keys of fields, ids of options."""

    def resource(self, key: str) -> str | int:
        """One of them that a flow cannot do without. Raises SetupUnfinished while it is not there."""

    @property
    def left(self) -> Any:
        """The client of the recipe's first system."""

    @property
    def right(self) -> Any:
        """The client of the recipe's second system."""

    def connection(self, side: str) -> Connection:
        """The connection on one side."""

    def client(self, side: str) -> Any:
        """The opened client on one side. Raises AuthError when its token cannot be renewed."""

    def reopen(self) -> None:
        """Forget the clients, so that the next call uses fresh credentials."""

    def last_call(self) -> VendorCall | None:
        """The vendor call made last, to attach to the results it decided."""

    def time_left(self) -> bool:
        """Whether this slice may still start something."""

    def wait(self, seconds: float) -> bool:
        """Wait for a vendor's limit and say so, if there is time for it; else False."""

    def keep_lease(self, *, now: bool = False) -> None:
        """Prolong our lease. Raises LeaseLost when another worker has taken over."""

    def directory(
        self, side: str, kind: str, fetch: Callable[[], Mapping[str, Any]], *, fresh: bool = False
    ) -> Mapping[str, Any]:
        """A small list of the vendor's account, kept for an hour; `fetch` gets it when missing or old."""

    def names(
        self, side: str, kind: str, ids: set[str], fetch: Callable[[list[str]], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Entries for `ids` from a directory that grows by need: only unknown ones are fetched, then kept an hour."""

    def fields(self, side: str, object_type: str, *, fresh: bool = False) -> Mapping[str, FieldSpec]:
        """The vendor's fields of one object type, by key."""
