"""Records by their links: a walk over them finds those that are gone, and the target's troubles become the source's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from integration.engine.api import SyncSession, links
from integration.models import LinkState, RecordLink

PAGE_SIZE = 500


@dataclass(frozen=True)
class LinkedPage:
    """One page of links. `next_cursor` is None at the end."""

    links: Sequence[RecordLink]
    next_cursor: str | None


def linked(ctx: SyncSession, link_type: str) -> QuerySet[RecordLink]:
    """The links of records in step."""
    return RecordLink.objects.filter(integration=ctx.integration, link_type=link_type, state=LinkState.ACTIVE)


def linked_page(ctx: SyncSession, link_type: str, cursor: str | None) -> LinkedPage:
    """The links behind the cursor, in the order in which they were made."""
    rows = list(linked(ctx, link_type).filter(pk__gt=cursor or 0).order_by("pk")[:PAGE_SIZE])
    return LinkedPage(rows, str(rows[-1].pk) if len(rows) == PAGE_SIZE else None)


def by_source(ctx: SyncSession, link_type: str, unreadable: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with records of the target, by the records that are linked to them."""
    linked = links.of_targets(ctx.integration, link_type, unreadable)
    return {source: unreadable[target] for source, target in linked.values_list("source_id", "target_id")}


def handed_over(link: RecordLink, source_id: str) -> RecordLink:
    """What this link has, as the link of another record. It is not saved."""
    return RecordLink(
        integration=link.integration, link_type=link.link_type, source_id=source_id, target_id=link.target_id,
        email_hash=link.email_hash, state=link.state, written=link.written, notes=link.notes,
    )  # fmt: skip
