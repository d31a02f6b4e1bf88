"""Record links: loading them for a batch, announcing create-only calls, and the hash that tells "unchanged"."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from django.db.models import QuerySet
from django.utils import timezone

from config.json_value import JSONObject
from integration.dry_run import is_dry
from integration.engine.flow.base import Write
from integration.models import Integration, LinkState, RecordLink, columnar, membership

PARENT = "organization"  # the note that names the record which a link's own one belongs to


def content_hash(values: JSONObject) -> str:
    """Return a hash of target values that does not depend on their order."""
    text = json.dumps(values, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def own_key_of(target_id: str) -> str:
    """Our key of a target whose own id is not known: some are written as “srcid-7” (recipes say which)."""
    return target_id.removeprefix("srcid-").removeprefix("extid-")


def of_records(integration: Integration, link_type: str, ids: Iterable[str]) -> dict[str, RecordLink]:
    """The links of these source records, by their ids."""
    rows = RecordLink.objects.filter(integration=integration, link_type=link_type)
    return {link.source_id: link for link in columnar.load(membership.among(rows, "source_id", ids))}


def owners(integration: Integration, link_type: str, digests: Iterable[str]) -> dict[str, str]:
    """Keyed hash of an address → id of the record that was linked with it first."""
    rows = of_addresses(integration, link_type, digests).exclude(state=LinkState.REMOVED)
    # Put in order here: asked to do so, an SQLite without statistics prefers an index of all the integration's links.
    latest_first = sorted(rows.values_list("pk", "email_hash", "source_id"), reverse=True)
    return {digest: source_id for _, digest, source_id in latest_first}


def of_addresses(integration: Integration, link_type: str, digests: Iterable[str]) -> QuerySet[RecordLink]:
    """The links of records with one of these addresses, given by their keyed hashes.

    The index has only those who have an address, and no database can tell from the values that none of them is empty:
    without saying so, all links of the integration are looked at.
    """
    rows = RecordLink.objects.filter(integration=integration, link_type=link_type)
    return membership.among(rows.exclude(email_hash=""), "email_hash", filter(None, digests))


def of_targets(integration: Integration, link_type: str, ids: Iterable[str]) -> QuerySet[RecordLink]:
    """The links to one of these target records; the index has only those who have one."""
    rows = RecordLink.objects.filter(integration=integration, link_type=link_type)
    return membership.among(rows.exclude(target_id=""), "target_id", filter(None, ids))


def record_intent(integration: Integration, link_type: str, writes: Sequence[Write]) -> None:
    """Commit a pending link with its marker for each create-only call BEFORE the call is made.

    If the answer is lost, the next try finds the marker and looks the record up at the vendor instead of repeating.
    """
    for write in writes:
        link = write.link or RecordLink(integration=integration, link_type=link_type, source_id=write.item.external_id)
        if link.pk is None or link.state == LinkState.REMOVED or link.marker != write.marker:
            link.state, link.marker, link.updated_at = LinkState.PENDING, write.marker, timezone.now()
        if write.record and write.record.email:
            link.email_hash = write.record.email_hash
        write.link = link
    fresh = [write.link for write in writes if write.link is not None]
    save_links(fresh)


def save_state_before_call(integration: Integration, link_type: str, notes: Sequence[tuple[Write, JSONObject]]) -> None:
    """Commit what these writes' links must remember BEFORE a call is made: a killed worker's successor reads it."""
    for write, more in notes:
        if write.link is None:
            write.link = RecordLink(
                integration=integration, link_type=link_type, source_id=write.item.external_id, state=LinkState.REMOVED
            )
        write.link.notes = {**write.link.notes, **more}
        write.link.updated_at = timezone.now()
    save_links([write.link for write, _ in notes if write.link is not None])


def create_placeholder(integration: Integration, link_type: str, source_id: str, notes: JSONObject) -> RecordLink:
    """Return the link of a record that is nothing to the target but must be known; made at once, with these notes.

    Only inserts: what another write of the same batch makes of the link is never overwritten. In a dry run it is not
    stored.
    """
    if is_dry():
        return RecordLink(
            integration=integration, link_type=link_type, source_id=source_id, state=LinkState.REMOVED,
            notes=dict(notes),
        )  # fmt: skip
    link, _ = RecordLink.objects.get_or_create(
        integration=integration, link_type=link_type, source_id=source_id,
        defaults={"state": LinkState.REMOVED, "notes": dict(notes), "parent_id": parent_of(notes)},
    )  # fmt: skip
    return link


def save_links(links: Sequence[RecordLink]) -> None:
    """Insert or update whole links in one statement, found by their unique key. A dry run stores none."""
    if is_dry():
        return
    for link in links:
        link.parent_id = parent_of(link.notes)
    columnar.insert(
        links,
        unique=("integration", "link_type", "source_id"),
        update=(
            "target_id", "email_hash", "state", "marker", "written_hash", "written", "notes", "source_version",
            "parent_id", "updated_at",
        ),
    )  # fmt: skip


def parent_of(notes: JSONObject) -> str:
    """The record that these notes say a link's own one belongs to; empty for none."""
    return str(notes.get(PARENT) or "")
