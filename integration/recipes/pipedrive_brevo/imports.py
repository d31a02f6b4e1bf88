"""Flow import → outcome: what became of a bulk import, which answers no single row (brevo sheet §4).

It is looked at when Brevo calls our notify address, else after growing pauses. Nothing Brevo reports is relied on: the
contacts are read back, and `settling` decides about each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration import retry
from integration.connectors.brevo.client import BrevoClient
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
    consent_ledger,
    links,
    write_each,
)
from integration.errors import NotFound
from integration.models import Outcome, RecordLink, WebhookEvent, membership
from integration.reasons import NoReason, Reason, ReasonCode
from integration.recipes.pipedrive_brevo import importing, settling
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.settings import Settings
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, ImportContext, PersonState

LOOKS = retry.JOB.attempts - 2  # so often an import is looked at, then its people are written one by one
LOST_LOOKS = 2  # so often one whose process nobody knows


class ImportCheck(Flow[PipedriveClient, BrevoClient, Settings]):
    """Brevo import → what became of its rows."""

    key = importing.CHECK
    label = _("Import → outcome")
    side = "right"
    source_object = "process"
    target_object = "contact"
    link_type = "import"
    events = frozenset({"importFinished"})
    batch_size = 20
    urgent = True  # the people of an import wait for it

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
            known = ImportContext.read(item.hint)
            if known.people is not None:
                found[item.external_id] = Record(item.external_id, {"status": _look(ctx, known, item.attempts)})
        return found

    def decide(self, ctx: Session, batch: Batch, item: Item, record: Record | None) -> Decision:
        """An import without a job of ours is settled already."""
        return Skip(Reason.UNCHANGED) if record is None else Sync("check", mapped=False)

    def write(self, ctx: Session, writes: Sequence[Write]) -> Sequence[Result]:
        """Settle the people of each import, or look again later."""
        return write_each(ctx, writes, lambda write: _check(ctx, write))


def _look(ctx: Session, known: ImportContext, attempts: int) -> str:
    if not known.process:  # the answer of the call was lost: nobody can say whether there is an import
        return settling.WAITING if attempts <= LOST_LOOKS else settling.FAILED
    try:
        return str(ctx.right.get_process(known.process).status)
    except NotFound:
        return settling.FAILED


def _check(ctx: Session, write: Write) -> Result:
    assert write.record is not None
    known, status = ImportContext.read(write.item.hint), str(write.record.values["status"])
    if status == settling.WAITING:
        return _wait(ctx, write, known)
    result = _settle(ctx, known, _people(ctx, write, known), status)
    importing.forget_addresses(ctx, _marker(write))
    return result


def _wait(ctx: Session, write: Write, known: ImportContext) -> Result:
    if write.item.attempts < LOOKS:
        pause = retry.next_delay(retry.LATE_IMPORT) if known.overdue else importing.pause(write.item.attempts)
        return Result(Outcome.RETRYING, reason=BrevoReason.IMPORT_RUNNING, retry_after=pause, link_state=None)
    people = _people(ctx, write, known)
    again = settling.let_go(people, for_good=bool(known.overdue))
    links.save_links(people)
    watch = ImportContext(process=known.process, started=known.started, people=known.people, overdue=True)
    late = (
        () if known.overdue else (Enqueue(importing.CHECK, f"{importing.LATE}{write.item.external_id}", watch.stored),)
    )
    detail = f"{len(people)} people are written one by one."
    return Result(Outcome.FAILED, action="import_checked", reason=BrevoReason.IMPORT_OVERDUE, detail=detail,
                  link_state=None, follow_ups=(*again, *late), call=ctx.last_call())  # fmt: skip


def _people(ctx: Session, write: Write, known: ImportContext) -> list[RecordLink]:
    """The links of those this import still carries."""
    marker = _marker(write)
    mine = RecordLink.objects.filter(integration=ctx.integration, link_type=PERSON_LINK)
    rows = membership.among(mine, "source_id", known.people or ())
    return [link for link in rows if PersonState.of(link).import_id == marker]


def _marker(write: Write) -> str:
    return write.item.external_id.removeprefix(importing.LATE)


def _settle(ctx: Session, known: ImportContext, people: list[RecordLink], status: str) -> Result:
    started = datetime.fromisoformat(known.started) if known.started else timezone.now()
    outcome = settling.settle(ctx, people, status, started)
    consent_ledger.save_links(ctx, "right", people, cause="import")
    failed = "Brevo says that the import failed." if status == settling.FAILED else ""
    dropped = f"Brevo did not keep {', '.join(outcome.dropped)}." if outcome.dropped else ""
    detail = " ".join(filter(None, (_counted(len(people), outcome), failed, dropped)))
    return Result(Outcome.SYNCED, action="import_checked", reason=_reason(outcome), detail=detail,
                  link_state=None, follow_ups=outcome.wishes, call=ctx.last_call())  # fmt: skip


def _counted(count: int, outcome: settling.Settled) -> str:
    return f"{count - outcome.again} of {count} arrived." if outcome.again else f"{count} arrived."


def _reason(outcome: settling.Settled) -> ReasonCode | NoReason:
    if outcome.again:
        return BrevoReason.IMPORT_LEFT_OUT
    return Reason.FIELD_UNKNOWN if outcome.dropped else ""
