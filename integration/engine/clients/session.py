"""What a flow works with: one integration's settings, its two vendor clients, its lists and its lease.

Opens clients on first use, records every vendor call, and stops a worker whose lease was taken over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from config.json_value import JSONObject
from integration.connectors.base import FieldSpec, Option
from integration.engine.clients import sunsets, tokens, vendor_answers
from integration.engine.clients.rate_limits import ConnectionMeter
from integration.engine.dispatch import leases
from integration.engine.dispatch.leases import Lease
from integration.engine.flow.recipe import Recipe
from integration.engine.flow.session import AnyClient, Usage, V
from integration.errors import SetupUnfinished, TenantActionError
from integration.guard import AddressRefused
from integration.http import Exchange, Instrumentation
from integration.memory import TtlCache
from integration.models import Connection, Integration, ReferenceCache, SyncRun, VendorCall
from integration.reasons import Reason

RENEW_EVERY = leases.SYNC.lasts.total_seconds() / 12
DIRECTORY_AGE = timedelta(hours=1)
LEAST_WRITING = 1.0  # seconds of writing that follow in any case, however long it took to prepare them
CLOCKS_APART = timedelta(minutes=5)  # how far our clock may be from a vendor's


class OpenSession:
    """A SyncSession that opens clients on first use. Lives for one slice of work, for one integration."""

    def __init__(
        self,
        integration: Integration,
        recipe: Recipe,
        *,
        token: str = "",
        run: SyncRun | None = None,
        deadline: float = 0,
    ) -> None:
        self.integration = integration
        self.recipe = recipe
        self.token = token
        self.run = run
        self.deadline = deadline
        self.calls: list[VendorCall] = []
        self.last_side = "left"  # the side of the last call, whether it was made or refused by its budget
        self.skew: dict[str, float] = {}  # side → seconds our clock was ahead of the vendor's at the last answer
        self.cache: dict[str, Any] = {}  # what a flow keeps for the length of one slice
        self.usage = Usage()
        self.part_ends = 0.0
        self.page_size = 0
        self.is_urgent = False
        self._patience = settings.RATE_PATIENCE_SECONDS if token else 0.0
        self._clients: dict[str, AnyClient] = {}
        self._renewed = time.monotonic()
        self._reference_lists: dict[tuple[str, str], Mapping[str, Any]] = {}

    @property
    def settings(self) -> JSONObject:
        """The tenant's settings with the recipe's defaults below them."""
        return {**self.recipe.default_settings, **self.integration.settings}

    @property
    def resources(self) -> dict[str, Any]:
        """What provisioning made at the vendors: keys of fields, ids of options."""
        resources: dict[str, Any] = self.integration.resources
        return resources

    def resource(self, key: str) -> str | int:
        """One of them that a flow cannot do without. Raises SetupUnfinished while it is not there.

        New settings count from the moment they are stored; what they need at the vendors is made right after.
        """
        if key not in self.resources:
            self.integration.refresh_from_db(fields=["resources"])
        if key not in self.resources:
            raise SetupUnfinished("What the settings need is not made yet.", detail=key)
        found: str | int = self.resources[key]
        return found

    @property
    def left(self) -> AnyClient:
        """The client of the recipe's first system."""
        return self.client("left")

    @property
    def right(self) -> AnyClient:
        """The client of the recipe's second system."""
        return self.client("right")

    def connection(self, side: str) -> Connection:
        """The connection on one side."""
        connection: Connection = getattr(self.integration, side)
        return connection

    def client(self, side: str) -> AnyClient:
        """The opened client on one side. Raises AuthError when its token cannot be renewed."""
        if side not in self._clients:
            self.last_side = side
            self._clients[side] = open_client(
                self.connection(side),
                self._recorder(side),
                lambda: setattr(self, "last_side", side),
                self.wait,
                lambda window, cost: self.usage.spent.update({f"{side}:{window}": cost}),
                lambda: self.is_urgent,
            )
        return self._clients[side]

    def reopen(self) -> None:
        """Forget the clients, so that the next call uses fresh credentials."""
        self._clients.clear()

    def last_call(self) -> VendorCall | None:
        """The vendor call made last, to attach to the results it decided."""
        return self.calls[-1] if self.calls else None

    def time_left(self) -> bool:
        """Whether this slice may still start something."""
        return not self.deadline or time.monotonic() < self.deadline

    def part_over(self, since: float) -> bool:
        """Whether what began at `since` (monotonic) should leave the rest of a run's page to its next part."""
        return bool(self.part_ends) and time.monotonic() > max(self.part_ends, since + LEAST_WRITING)

    def wait(self, seconds: float) -> bool:
        """Wait for a vendor's limit and say so, if this slice has time and patience left for it; else False."""
        left = self.deadline - time.monotonic() if self.deadline else seconds
        if seconds > min(self._patience, left, leases.SYNC.lasts.total_seconds() / 3):
            return False
        self.keep_lease(now=True)
        self._patience -= seconds
        self.usage.waited += seconds
        time.sleep(seconds)
        return True

    def keep_lease(self, *, now: bool = False) -> None:
        """Prolong our lease. Raises LeaseLost when another worker has taken over: then nothing more may be written."""
        if not self.token or (not now and time.monotonic() - self._renewed < RENEW_EVERY):
            return
        leases.renew(Lease(leases.SYNC, self.integration.pk, self.token))
        self._renewed = time.monotonic()

    def reference_list(
        self, side: str, kind: str, fetch: Callable[[], Mapping[str, V]], *, fresh: bool = False
    ) -> Mapping[str, V]:
        """A small list of the vendor's account, kept for an hour; `fetch` gets it when missing or old."""
        key = (side, kind)
        if key not in self._reference_lists or fresh:
            self._reference_lists[key] = self._stored_list(side, kind, fetch, fresh)
        return self._reference_lists[key]

    def resolve_many(
        self,
        side: str,
        kind: str,
        ids: set[str],
        fetch: Callable[[list[str]], Mapping[str, V]],
        renamed: Callable[[datetime], Mapping[str, V] | None] = lambda since: {},
    ) -> Mapping[str, V | None]:
        """Entries for `ids` from a directory that grows by need: only unknown ones are fetched, then kept an hour.

        Once per slice `renamed` says what changed since, and what was unknown is asked about again.
        """
        connection = self.connection(side)
        memory = f"names:{side}:{kind}"
        known: dict[str, V | None] | None = self.cache.get(memory)
        age_kept = True
        if known is None:
            row = ReferenceCache.objects.filter(connection=connection, kind=kind).first()
            news = renamed(row.fetched_at - CLOCKS_APART) if row is not None and _is_young(row) else None
            age_kept = row is not None and news is not None
            known = _still_known(row.entries, news) if row is not None and news is not None else {}
            self.cache[memory] = known
        missing = sorted(ids - known.keys())
        if missing:
            known.update(dict.fromkeys(missing), **fetch(missing))
            _save_list(connection, kind, known, keep_age=age_kept)
        return known

    def fields(self, side: str, object_type: str, *, fresh: bool = False) -> Mapping[str, FieldSpec]:
        """The vendor's fields of one object type, by key."""
        connector = self.connection(side).connector

        def fetch() -> dict[str, Mapping[str, Any]]:
            return {spec.key: asdict(spec) for spec in connector.fields(self.client(side), object_type)}

        entries = self.reference_list(side, f"fields:{object_type}", fetch, fresh=fresh)
        return {key: spec_of(entry) for key, entry in entries.items()}

    def _stored_list(self, side: str, kind: str, fetch: Callable[[], Mapping[str, V]], fresh: bool) -> Mapping[str, V]:
        connection = self.connection(side)
        row = ReferenceCache.objects.filter(connection=connection, kind=kind).first()
        if row is not None and not fresh and row.fetched_at > timezone.now() - DIRECTORY_AGE:
            entries: Mapping[str, V] = row.entries
            return entries
        fetched = dict(fetch())
        _save_list(connection, kind, fetched)
        return fetched

    def _recorder(self, side: str) -> Callable[[Exchange], None]:
        connection = self.connection(side)

        def record(exchange: Exchange) -> None:
            self.calls.append(call_row(connection, exchange))
            self.usage.calls[side] += 1
            sunsets.note(connection, exchange)
            if exchange.skew is not None:
                self.skew[side] = exchange.skew
            self.keep_lease()

        return record


MOST_MEMORIES = 5_000  # connections
MEMORY_AGE = 24 * 3600.0  # seconds; what is kept never changes, so this only bounds what nobody asks for
# Connection and account → what clients remember in this process.
_memories: TtlCache[tuple[UUID, str], dict[str, Any]] = TtlCache(MOST_MEMORIES, lambda: MEMORY_AGE)


def _memory_of(connection: Connection) -> dict[str, Any]:
    return _memories.get_or_put((connection.pk, connection.external_account_id), dict)


def open_client(
    connection: Connection,
    record: Callable[[Exchange], None] = lambda exchange: None,
    on_call: Callable[[], None] = lambda: None,
    wait: Callable[[float], bool] = lambda seconds: False,
    charged: Callable[[str, float], None] = lambda window, cost: None,
    uses_reserve: Callable[[], bool] = lambda: False,
) -> AnyClient:
    """Open a vendor client for a connection, with a fresh token, its meter and a recorder of calls.

    An address that is not the vendor's is a TenantActionError: the connection asks for a person, the jobs are held.
    """
    tokens.ensure_fresh(connection)

    def noted(exchange: Exchange) -> None:
        vendor_answers.note(connection, exchange)
        record(exchange)

    wire = Instrumentation(
        ConnectionMeter(connection, on_call, wait, charged, uses_reserve), noted, _memory_of(connection),
        lambda refused: tokens.after_refusal(connection, refused),
    )  # fmt: skip
    try:
        return connection.connector.open(connection.plain_credentials, wire)
    except AddressRefused as exc:
        raise TenantActionError(exc.public, reason=Reason.ADDRESS_REFUSED) from exc


def call_row(connection: Connection, exchange: Exchange) -> VendorCall:
    """The row (not saved) for one redacted exchange."""
    return VendorCall(
        connection=connection,
        method=exchange.method,
        path=exchange.path[:1100],
        status=exchange.status,
        ms=exchange.ms,
        request=exchange.request,
        response=exchange.response,
        at=exchange.at,
    )


def spec_of(entry: Mapping[str, Any]) -> FieldSpec:
    """Build a FieldSpec from its stored form."""
    return FieldSpec(**{**entry, "options": tuple(Option(**option) for option in entry["options"])})


def _is_young(row: ReferenceCache) -> bool:
    return row.fetched_at > timezone.now() - DIRECTORY_AGE


def _still_known(entries: Mapping[str, V | None], news: Mapping[str, V]) -> dict[str, V | None]:
    """What was stored, with what changed since in its place; what was unknown then may exist by now."""
    return {key: news.get(key, value) for key, value in entries.items() if key in news or value is not None}


def _save_list(connection: Connection, kind: str, entries: Mapping[str, V], *, keep_age: bool = False) -> None:
    defaults: dict[str, Any] = {"entries": entries}
    if not keep_age:
        defaults["fetched_at"] = timezone.now()
    ReferenceCache.objects.update_or_create(
        connection=connection, kind=kind, defaults=defaults, create_defaults={**defaults, "fetched_at": timezone.now()}
    )
