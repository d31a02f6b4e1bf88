"""Store verified notifications. Stage 4 of the walk: called by the webhook view, commits before the vendor's 2xx.

It writes rows and wakes a worker; it must not call a vendor or decide anything.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import chain
from uuid import UUID

from django.utils import timezone

from integration.connectors.base import ParsedEvent
from integration.engine.dispatch import wakeups
from integration.engine.intake.group_commit import GroupCommit
from integration.models import LONGEST_ID, EventState, Health, WebhookEndpoint, WebhookEvent, columnar
from integration.reasons import NoReason, Reason, ReasonCode
from integration.secrets import email_hash

RECEIVED_EVERY = 10  # seconds between updates of "last received", so that a burst does not fight over one row


def record(
    endpoint: WebhookEndpoint,
    events: Sequence[ParsedEvent],
    *,
    deferred: bool = False,
    ignored: ReasonCode | NoReason = "",
) -> None:
    """Store these events once each (deliveries of the same event collapse) and ring. All are durable when it returns.

    Deferred events are routed when no others wait, ignored ones (the reason why) never.
    """
    rows = [_row(endpoint, event, deferred, ignored) for event in events]
    committed.store(rows)
    touch(endpoint)
    if any(row.state == EventState.NEW for row in rows):
        wakeups.wake_debounced(wakeups.ROUTER)


def record_for_accounts(
    vendor: str, events: Sequence[ParsedEvent], crowded: Callable[[UUID, int], bool] = lambda tenant_id, count: False
) -> int:
    """Store events that came to a vendor's one address, each for the connections of the account it names.

    All are durable when it returns. `crowded` says whose events give way to those of others. Returns how many events
    belong to nobody here.
    """
    counts = Counter(event.account_id for event in events)
    endpoints = _endpoints_of(vendor, counts.keys() - {""})
    late = {
        endpoint.pk: crowded(endpoint.connection.tenant_id, counts[account])
        for account, found in endpoints.items()
        for endpoint in found
    }
    rows = [
        _row(endpoint, event, late[endpoint.pk]) for event in events for endpoint in endpoints.get(event.account_id, ())
    ]
    committed.store(rows)
    for endpoint in chain.from_iterable(endpoints.values()):
        touch(endpoint)
    if rows:
        wakeups.wake_debounced(wakeups.ROUTER)
    return sum(event.account_id not in endpoints for event in events)


def _endpoints_of(vendor: str, accounts: Set[str]) -> Mapping[str, list[WebhookEndpoint]]:
    """The endpoints of a vendor's accounts by account; without those that were disconnected."""
    known = WebhookEndpoint.objects.select_related("connection").filter(
        connection__vendor=vendor, connection__external_account_id__in=accounts
    )
    endpoints: dict[str, list[WebhookEndpoint]] = defaultdict(list)
    for endpoint in known.exclude(connection__health=Health.DISCONNECTED):
        endpoints[endpoint.connection.external_account_id].append(endpoint)
    return endpoints


def _store(rows: Sequence[WebhookEvent]) -> None:
    """Insert those that are not there yet, in one order for everybody, so that two writers never block each other."""
    ordered = sorted(rows, key=lambda row: (str(row.connection_id), row.dedupe_key))
    columnar.insert(ordered, unique=("connection", "dedupe_key"))


def _row(
    endpoint: WebhookEndpoint, event: ParsedEvent, deferred: bool, ignored: ReasonCode | NoReason = ""
) -> WebhookEvent:
    expected = endpoint.connection.external_account_id
    foreign = bool(event.account_id and expected and event.account_id != expected)
    if not foreign and not ignored and len(event.external_id) > LONGEST_ID:
        ignored = Reason.RECORD_UNREADABLE
    return columnar.new(
        WebhookEvent,
        connection_id=endpoint.connection_id,
        vendor_event=event.vendor_event[:80],
        object_type=event.object_type[:40],
        external_id=event.external_id[:LONGEST_ID],
        email_hash=email_hash(event.email),
        dedupe_key=_key(event.dedupe_key),
        occurred_at=event.occurred_at,
        payload={**event.payload, **({"email": event.email} if event.email else {})},
        deferred=deferred,
        state=EventState.IGNORED if foreign or ignored else EventState.NEW,
        reason=Reason.WRONG_ACCOUNT if foreign else ignored,
    )


def _key(dedupe_key: str) -> str:
    """The key of a row. A longer one is digested: two that begin alike are two events."""
    return dedupe_key if len(dedupe_key) <= LONGEST_ID else hashlib.sha256(dedupe_key.encode()).hexdigest()


def touch(endpoint: WebhookEndpoint) -> None:
    now = timezone.now()
    last = endpoint.last_received_at
    if last is None or (now - last).total_seconds() > RECEIVED_EVERY:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(last_received_at=now)
        endpoint.last_received_at = now


def _weight(row: WebhookEvent) -> int:
    """Bytes of an event, nearly: all that may be large is in its payload."""
    return len(json.dumps(row.payload))


committed = GroupCommit(_store, _weight)
