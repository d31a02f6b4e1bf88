"""Flow import → outcome: what became of a bulk import, which answers no single row (brevo sheet §4).

It is looked at when Brevo calls our notify address, else after growing pauses. Without problems everybody arrived;
with some, the contacts are read back, and whoever is not as we wrote them is written again, alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from integration import retry
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import StoredContact
from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.api import (
    Batch,
    Decision,
    Enqueue,
    Flow,
    Item,
    Record,
    Result,
    Route,
    Skip,
    Sync,
    Write,
    links,
    write_each,
)
from integration.errors import NotFound
from integration.models import Outcome, RecordLink, WebhookEvent
from integration.reasons import Reason
from integration.recipes.pipedrive_brevo.contacts import IMPORT, ORGANIZATION
from integration.recipes.pipedrive_brevo.person_to_contact import LINK_TYPE
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings

OVERLAP = timedelta(minutes=2)


class ImportCheck(Flow[PipedriveClient, BrevoClient, Settings]):
    """Brevo import → what became of its rows."""

    key = "import_check"
    label = "Import → outcome"
    side = "right"
    source_object = "process"
    target_object = "contact"
    link_type = "import"
    events = frozenset({"importFinished"})
    batch_size = 20

    @property
    def subscriptions(self) -> frozenset[str]:
        """None: the address Brevo calls goes along with each import."""
        return frozenset()

    def enabled(self, settings: Settings) -> bool:
        """On with "Sync persons"."""
        return bool(settings["persons_enabled"])

    def route(self, ctx: Session, event: WebhookEvent) -> Sequence[Route] | Skip:
        """The import we know by this marker; its job waits already."""
        return [Route(event.external_id)]

    def read(self, ctx: Session, items: Sequence[Item]) -> Mapping[str, Record]:
        """Ask how far each process is."""
        found = {}
        for item in items:
            if process_id := item.hint.get("process"):
                found[item.external_id] = Record(item.external_id, _look(ctx, process_id))
        return found

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """An import without a job of ours is settled already."""
        return Skip(Reason.UNCHANGED) if record is None else Sync("check", mapped=False)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Settle the people of each import, or look again later."""
        return write_each(ctx, writes, lambda write: _settle(ctx, write))


def _look(ctx: Session, process_id: str) -> dict[str, Any]:
    try:
        process = ctx.right.get_process(process_id)
    except NotFound:
        return {"status": "failed", "problems": {}}
    return {"status": process.status, "problems": dict(process.problems)}


def _settle(ctx: Session, write: Write) -> Result:
    assert write.record is not None
    status, problems = write.record.values["status"], write.record.values["problems"]
    if status == "waiting":
        pause = retry.next_delay(retry.IMPORT_RUNNING, write.item.attempts)
        return Result(Outcome.RETRYING, reason=BrevoReason.IMPORT_RUNNING, retry_after=pause, link_state=None)
    people = list(
        RecordLink.objects.filter(
            integration=ctx.integration, link_type=LINK_TYPE, **{f"notes__{IMPORT}": write.item.external_id}
        )
    )
    said = ", ".join(f"{count} × {name}" for name, count in problems.items())
    if status == "done" and not problems and not ctx.settings["organizations_enabled"]:
        return _arrived(ctx, people)
    found = _read_back(ctx, write) if status == "done" else {}
    again = [link for link in people if not _is_there(link, found)]
    for link in people:
        link.notes[IMPORT] = None
        contact = found.get(str(link.written.get("email", "")).lower())
        link.target_id = contact.id if contact else link.target_id
        if link in again:  # not as we wrote it: whatever is there, it is written as new
            link.state, link.written, link.written_hash = "removed", {}, ""
    links.save_links(people)
    wishes = [Enqueue("person_to_contact", link.source_id, {"alone": status == "done"}) for link in again]
    if ctx.settings["organizations_enabled"]:  # their links need the contacts' ids, which are known only now
        ids = sorted({str(link.notes[ORGANIZATION]) for link in people if link.notes.get(ORGANIZATION)})
        wishes += [Enqueue("organization_to_company", key) for key in ids]
    detail = f"{len(people) - len(again)} of {len(people)} arrived. {said}".strip()
    return Result(Outcome.SYNCED, action="import_checked", reason=BrevoReason.IMPORT_LEFT_OUT if again else "",
                  detail=detail, link_state=None, follow_ups=tuple(wishes), call=ctx.last_call())  # fmt: skip


def _arrived(ctx: Session, people: Sequence[RecordLink]) -> Result:
    """Everybody arrived. One contact is read back: attributes that Brevo dropped without a word show there."""
    for link in people:
        link.notes[IMPORT] = None
    links.save_links(people)
    sample = next((link for link in people if link.written.get("email")), None)
    dropped = _dropped(ctx, sample) if sample else []
    detail = f"{len(people)} arrived." + (f" Brevo did not keep {', '.join(dropped)}." if dropped else "")
    return Result(Outcome.SYNCED, action="import_checked", reason=Reason.FIELD_UNKNOWN if dropped else "",
                  detail=detail, link_state=None, call=ctx.last_call())  # fmt: skip


def _dropped(ctx: Session, link: RecordLink) -> list[str]:
    contact = ctx.right.find_contact(str(link.written["email"]))
    if contact is None:
        return []
    wanted = [key for key, value in link.written.items() if value not in (None, "", []) and key != "email"]
    return [key for key in wanted if contact.attributes.get(key) is None]


def _read_back(ctx: Session, write: Write) -> dict[str, StoredContact]:
    """Address → contact, for all contacts changed since the import began."""
    since = datetime.fromisoformat(write.item.hint["started"]) - OVERLAP
    found: dict[str, StoredContact] = {}
    offset: int | None = 0
    while offset is not None:
        page = ctx.right.contacts_page(offset, modified_since=since)
        found.update({contact.email.lower(): contact for contact in page.complete() if contact.email})
        offset = page.next_cursor
    return found


def _is_there(link: RecordLink, found: Mapping[str, StoredContact]) -> bool:
    contact = found.get(str(link.written.get("email", "")).lower())
    if contact is None:
        return False
    phone = link.written.get("SMS")
    return not phone or contact.attributes.get("SMS") == phone
