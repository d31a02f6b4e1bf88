"""Hand many contacts over to Brevo as one import, and remember before the call what it carries.

Brevo takes an import at once and carries it out later, or never, or in part (brevo sheet §4). Until it is proven the
links of its people are pending: what they held before stays the base of comparisons. An import has to name a list, so
it names one of ours that gets no mailings: an import that is carried out late then puts nobody back on a list.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from integration import retry
from integration.connectors.brevo import webhooks
from integration.connectors.brevo.bodies import chunks
from integration.connectors.brevo.records import Contact
from integration.dry_run import is_dry
from integration.engine.api import Result, Write, links, provisioning, save_jobs
from integration.errors import RateLimited, RecordError, TenantActionError
from integration.models import JobState, LinkState, Outcome, RecordLink, SyncJob, membership
from integration.recipes.pipedrive_brevo import results
from integration.recipes.pipedrive_brevo.reasons import BrevoReason
from integration.recipes.pipedrive_brevo.session import Session
from integration.recipes.pipedrive_brevo.state import PERSON_LINK, SETTLED, ImportContext, PersonState, in_import
from integration.recipes.pipedrive_brevo.steps import FOLDER
from integration.recipes.shared import dead_jobs

CHECK = "import_check"
LATE = "late-"  # before the marker: an import that was given up, and may still be carried out
GIVEN_UP = "address_given_up"  # a link type: hash of an address → the import that still carries it
LIST = "Lockstep imports (no mailings)"


def hand_over(ctx: Session, writes: Sequence[Write]) -> dict[int, Result]:
    """Import these people, in several imports where they are too many for one."""
    by_email = {entry.values["email"].lower(): entry for entry in writes}
    done: dict[int, Result] = {}
    for chunk in chunks([results.contact_of(entry) for entry in writes]):
        entries = [by_email[contact.email.lower()] for contact in chunk]
        _import(ctx, chunk, entries)
        for entry in entries:
            done[id(entry)] = results.synced(
                ctx, entry, PersonState(), action="import", note=BrevoReason.IMPORT_RUNNING,
                link_state=LinkState.PENDING, written=entry.link.written if entry.link else {},
            )  # fmt: skip
    return done


def _import(ctx: Session, contacts: Sequence[Contact], writes: Sequence[Write]) -> None:
    marker = uuid.uuid4().hex
    if is_dry():
        return
    list_id = own_list(ctx)
    endpoint = provisioning.ensure_endpoint(ctx.integration.right)
    notify = webhooks.notify_url(provisioning.endpoint_url(endpoint), endpoint.secret["current"], marker)
    before = {id(entry): entry.link.state if entry.link else LinkState.REMOVED for entry in writes}
    _announce(ctx, marker, writes)
    try:
        process = ctx.right.import_contacts(contacts, [list_id], notify_url=notify)
    except (RecordError, RateLimited, TenantActionError):
        _take_back(ctx, marker, writes, before)
        raise
    _save_check(ctx, marker, ImportContext(process=process))


def _announce(ctx: Session, marker: str, writes: Sequence[Write]) -> None:
    """Commit what the import carries before the call: a killed worker's successor waits for it like any other."""
    for entry in writes:
        link = entry.link or RecordLink(
            integration=ctx.integration, link_type=PERSON_LINK, source_id=entry.item.external_id
        )
        carried = PersonState(import_id=marker, sent=entry.values, overdue=False, waiting={}, came_back=False)
        link.state, link.updated_at, link.notes = LinkState.PENDING, timezone.now(), {**link.notes, **carried.stored}
        link.email_hash = entry.record.email_hash if entry.record else link.email_hash
        entry.link = link
    people = [entry.item.external_id for entry in writes]
    with transaction.atomic():
        links.save_links([entry.link for entry in writes if entry.link is not None])
        _save_check(ctx, marker, ImportContext(started=timezone.now().isoformat(), people=people))


def _take_back(ctx: Session, marker: str, writes: Sequence[Write], before: dict[int, str]) -> None:
    """The import was refused, so there is none to wait for."""
    for entry in writes:
        if entry.link is not None:
            entry.link.state, entry.link.notes = before[id(entry)], {**entry.link.notes, **SETTLED.stored}
    with transaction.atomic():
        links.save_links([entry.link for entry in writes if entry.link is not None])
        SyncJob.objects.filter(integration=ctx.integration, flow=CHECK, external_id=marker).delete()


def _save_check(ctx: Session, marker: str, context: ImportContext) -> None:
    save_jobs([SyncJob(integration=ctx.integration, flow=CHECK, external_id=marker, hint=context.stored)])


def own_list(ctx: Session) -> int:
    """The list that imports name, made when it is missing; looked up once per slice."""
    if "import_list" not in ctx.cache:
        known = {row.name: row.id for row in ctx.right.get_lists()}
        ctx.cache["import_list"] = int(known.get(LIST) or ctx.right.create_list(LIST, _folder(ctx)))
    return int(ctx.cache["import_list"])


def _folder(ctx: Session) -> str:
    folders = {row.name: row.id for row in ctx.right.get_folders()}
    return folders.get(FOLDER) or ctx.right.create_folder(FOLDER)


def parked(ctx: Session, entry: Write) -> Result | None:
    """What becomes of a change of somebody an unproven import carries; None when it may be written now.

    A change that waits is remembered in the link and looked at once the import is settled. A new address of a contact
    that Brevo has is followed at once, because mail goes there.
    """
    link = entry.link
    if link is None or not in_import(link):
        return None
    state = PersonState.of(link)
    if not _is_watched(ctx, str(state.import_id)):
        link.notes = {**link.notes, **SETTLED.stored}
        return None
    if entry.action == "change_address" and link.target_id:
        return None
    if entry.action in ("create", "update") and results.same(entry.values, state.sent or {}):
        return Result(Outcome.SKIPPED, reason=BrevoReason.IMPORT_RUNNING, link_state=None)
    known = {key: value for key, value in entry.item.hint.items() if key != "run"}
    waits = PersonState(waiting={**(state.waiting or {}), **known, "told": known.get("told", False)})
    return Result(Outcome.SKIPPED, reason=BrevoReason.IMPORT_RUNNING, link_state=None, notes=waits.stored)


def is_unproven(ctx: Session, link: RecordLink | None) -> bool:
    """Whether an import is out that may still change what Brevo has of this person."""
    marker = PersonState.of(link).import_id
    return bool(marker) and _is_watched(ctx, str(marker))


def _is_watched(ctx: Session, marker: str) -> bool:
    """Whether somebody still looks after this import. One whose job ended without settling it holds nobody back."""
    known = ctx.cache.setdefault("watched_imports", {})
    if marker not in known:
        jobs = SyncJob.objects.filter(
            integration=ctx.integration, flow=CHECK, external_id__in=(marker, f"{LATE}{marker}")
        )
        known[marker] = jobs.filter(state__in=(JobState.WAITING, JobState.RUNNING, JobState.HELD)).exists()
    return bool(known[marker])


def wake_dead(ctx: Session) -> None:
    """Look again at imports whose check ended without settling their people, for example while Brevo was away."""
    dead_jobs.retry(ctx, dead_jobs.dead_jobs(ctx, CHECK).exclude(reason=BrevoReason.IMPORT_OVERDUE))


def give_up_address(ctx: Session, link: RecordLink) -> None:
    """Remember that an import still carries an address which its person does not have any more."""
    state = PersonState.of(link)
    if state.import_id and link.email_hash:
        row = RecordLink(
            integration=ctx.integration, link_type=GIVEN_UP, source_id=link.email_hash, target_id=state.import_id
        )
        links.save_links([row])


def given_up(ctx: Session, digests: Iterable[str]) -> set[str]:
    """Which of these addresses an import still carries although nobody has them any more."""
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=GIVEN_UP)
    return set(membership.among(rows, "source_id", filter(None, digests)).values_list("source_id", flat=True))


def carried_by(ctx: Session, digest: str) -> PersonState:
    """What somebody remembers who gets an address that an import still carries for its former owner."""
    rows = RecordLink.objects.filter(integration=ctx.integration, link_type=GIVEN_UP, source_id=digest)
    marker = rows.values_list("target_id", flat=True).first() if digest else None
    return PersonState(import_id=marker, overdue=True) if marker and _is_watched(ctx, marker) else PersonState()


def forget_addresses(ctx: Session, marker: str) -> None:
    """The import is settled: what it carried says nothing any more."""
    links.of_targets(ctx.integration, GIVEN_UP, [marker]).delete()


def pause(attempts: int) -> float:
    """Seconds until an import is looked at again."""
    return retry.next_delay(retry.IMPORT_RUNNING, attempts)
