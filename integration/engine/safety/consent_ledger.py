"""Write the consent ledger: whatever changes the state of consent that a link remembers leaves one entry.

The recipe says how a link's notes are read (`Recipe.consent_of`); nothing else decides what consent is.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from config.json_value import JSONObject
from integration.dry_run import is_dry
from integration.engine.flow.base import Item, Record
from integration.engine.flow.session import SyncSession
from integration.engine.records import links
from integration.models import ConsentEntry, RecordLink, WebhookEvent, columnar, membership
from integration.secrets import email_hash
from tenants.models import Tenant

MERGE = "merge of "  # a cause: with the record that was merged into this one


def entry(
    ctx: SyncSession, side: str, item: Item, record: Record | None, link: RecordLink | None, notes: JSONObject
) -> ConsentEntry | None:
    """The entry for these new notes of a link, before they are stored; None when consent stays as it is.

    `side` is the connection it was said at.
    """
    known = link.notes if link else {}
    was, became = ctx.recipe.consent_of(known), ctx.recipe.consent_of({**known, **notes})
    if was == became or not became:
        return None
    digest = (record.email_hash if record else "") or (link.email_hash if link else "")
    return columnar.new(
        ConsentEntry, integration_id=ctx.integration.pk, email_hash=digest, source_id=item.external_id,
        was=was, became=became, vendor=ctx.connection(side).vendor, cause=_cause(ctx, item),
        event_id_seen=item.event_id,
    )  # fmt: skip


def take_over(ctx: SyncSession, side: str, link: RecordLink, *, merged: str) -> None:
    """Store the link of a record into which another one, `merged`, was merged, and what that made of its consent."""
    save_links(ctx, side, [link], cause=f"{MERGE}{merged}")


def save_links(ctx: SyncSession, side: str, rows: Sequence[RecordLink], *, cause: str) -> None:
    """Store links of one type outside a batch, and for each whose consent changed by it what it was and became."""
    if not rows:
        return
    with transaction.atomic():
        mine = RecordLink.objects.filter(integration=ctx.integration, link_type=rows[0].link_type)
        stored = membership.among(mine, "source_id", [link.source_id for link in rows])
        known = dict(stored.values_list("source_id", "notes"))
        links.save_links(rows)
        entries = []
        for link in rows:
            before = _as_it_was(link, known.get(link.source_id, {}))
            if row := entry(ctx, side, Item(link.source_id), None, before, link.notes):
                row.cause = cause[:100]
                entries.append(row)
        save(entries, timezone.now())


def _as_it_was(link: RecordLink, notes: JSONObject) -> RecordLink:
    before = copy.copy(link)
    before.notes = dict(notes)
    return before


def save(entries: Sequence[ConsentEntry], at: datetime) -> None:
    """Store them; the causes that are events get the vendor's word for it. A dry run stores none."""
    if is_dry():
        return
    ids = {row.event_id_seen for row in entries if row.event_id_seen}
    events = dict(WebhookEvent.objects.filter(pk__in=ids).values_list("pk", "vendor_event")) if ids else {}
    for row in entries:
        row.cause, row.at = events.get(row.event_id_seen or 0, row.cause), at
    columnar.insert(entries)


def of_person(tenant: Tenant, email: str, links: Sequence[RecordLink]) -> QuerySet[ConsentEntry]:
    """Everything the ledger says about an address, or about the records linked with it, newest first."""
    about = Q(email_hash=email_hash(email)) | of_links(links)
    return ConsentEntry.objects.filter(about, integration__tenant=tenant).order_by("-id")


def of_links(links: Sequence[RecordLink]) -> Q:
    """What the ledger says about the records of these links, or about the addresses they remember."""
    about = Q(email_hash__in=sorted({link.email_hash for link in links} - {""}))
    sources: dict[UUID, set[str]] = defaultdict(set)
    for link in links:
        sources[link.integration_id].add(link.source_id)
    for integration, ids in sources.items():
        about |= Q(integration=integration, source_id__in=sorted(ids))
    return about


def _cause(ctx: SyncSession, item: Item) -> str:
    if ctx.run is not None:
        return str(ctx.run.kind)
    return str(item.hint.get("run") or ("resync" if item.hint.get("resync") else "follow-up"))
