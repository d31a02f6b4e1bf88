"""Everything the hub holds on the person behind one address: find it, export it, erase it.

What has to stay for the person's own sake is only this: ids, address and state of consent of somebody who is still at
the source, so that an opt-out still travels and nobody who opted out is written to again. It goes with the next erasure
after the person was deleted there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from config.json_value import JSONValue
from config.texts import english
from integration.dry_run import is_dry
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item
from integration.engine.flow.recipe import Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.safety import consent_ledger
from integration.errors import IntegrationError
from integration.models import (
    ComparedRecord,
    ConsentEntry,
    Drift,
    EventState,
    IdentityIndex,
    Integration,
    JobState,
    RecordLink,
    State,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)
from integration.secrets import email_hash
from tenants.models import Tenant

PORTION = 2000


@dataclass(frozen=True)
class Holding:
    """The rows about one address, all of one tenant."""

    links: list[RecordLink]
    log: QuerySet[SyncLog]
    events: QuerySet[WebhookEvent]
    jobs: QuerySet[SyncJob]
    addresses: QuerySet[IdentityIndex]
    drifts: QuerySet[Drift]
    compared: QuerySet[ComparedRecord]

    def __bool__(self) -> bool:
        rows = (self.log, self.events, self.jobs, self.addresses, self.drifts, self.compared)
        return bool(self.links) or any(found.exists() for found in rows)


def find(tenant: Tenant, email: str, recipes: Recipes) -> Holding:
    """Return everything held on this address in any integration of the tenant."""
    digest = email_hash(email)
    addresses = IdentityIndex.objects.filter(connection__tenant=tenant, email_hash=digest)
    links = list(_links(tenant, digest, addresses))
    keys = [
        (link.integration, link.link_type, link.source_id, _flows(link.integration.recipe, link.link_type, recipes))
        for link in links
    ]
    return _holding(tenant, {digest}, links, addresses, keys)


Key = tuple[Integration, str, str, list[str]]  # whose record, of which kind, with which id, in which flows


def _holding(
    tenant: Tenant, digests: set[str], links: list[RecordLink], addresses: QuerySet[IdentityIndex], keys: Iterable[Key]
) -> Holding:
    by_address = Q(email_hash__in=digests)
    about_log, about_jobs, about_events = by_address, Q(pk__in=()), by_address
    for integration, link_type, source_id, flows in keys:
        about_log |= Q(integration=integration, flow__in=flows, source_id=source_id)
        about_jobs |= Q(integration=integration, flow__in=flows, external_id=source_id)
        about_events |= Q(connection=integration.left, object_type=link_type, external_id=source_id)
    return Holding(
        links,
        SyncLog.objects.filter(about_log, integration__tenant=tenant),
        WebhookEvent.objects.filter(about_events, connection__tenant=tenant),
        SyncJob.objects.filter(about_jobs, integration__tenant=tenant),
        addresses,
        Drift.objects.filter(about_log, integration__tenant=tenant),
        ComparedRecord.objects.filter(by_address, run__integration__tenant=tenant),
    )


def erase_record(ctx: SyncSession, link_type: str, source_id: str, job_id: int | None) -> list[str]:
    """Erase what is held on a record that its source has deleted for good, and return the report.

    Found by its id, and by its addresses in all integrations of the tenant. The job that carries it out stays. A dry
    run erases nothing.
    """
    if is_dry():
        return []
    integration, tenant = ctx.integration, ctx.integration.tenant
    own = RecordLink.objects.filter(integration=integration, link_type=link_type, source_id=source_id)
    known = IdentityIndex.objects.filter(connection=integration.left, object_type=link_type, external_id=source_id)
    digests = {*own.values_list("email_hash", flat=True), *known.values_list("email_hash", flat=True)} - {""}
    addresses = IdentityIndex.objects.filter(connection__tenant=tenant, email_hash__in=digests)
    others = RecordLink.objects.filter(integration__tenant=tenant, email_hash__in=digests).exclude(pk__in=own)
    links, gone = [*own, *others.select_related("integration__left")], set(own.values_list("pk", flat=True))
    key = (integration, link_type, source_id, _flows(integration.recipe, link_type, lambda name: ctx.recipe))
    held = _holding(tenant, digests, links, addresses, [key])
    held = replace(held, jobs=held.jobs.exclude(pk=job_id or 0))
    emptied = _empty_calls(held)
    with english(), transaction.atomic():  # the log keeps it
        return [line for line in (_calls_emptied(emptied), *_erase(held, gone)) if line]


def export(tenant: Tenant, email: str, recipes: Recipes) -> dict[str, JSONValue]:
    """Return everything held as plain data for a download. Times are ISO 8601 in UTC."""
    held = find(tenant, email, recipes)
    return {
        "address": email,
        "tenant": tenant.name,
        "exported_at": timezone.now().isoformat(),
        "links": [
            {
                "integration": str(link.integration), "kind": link.link_type, "source_id": link.source_id,
                "target_id": link.target_id, "state": link.state, "last_written": link.written, "memory": link.notes,
                "since": link.created_at.isoformat(), "updated_at": link.updated_at.isoformat(),
            }
            for link in held.links
        ],
        "log": [
            {
                "at": row.created_at.isoformat(), "flow": row.flow, "source_id": row.source_id,
                "target_id": row.target_id, "outcome": row.outcome, "action": row.action, "reason": row.reason,
                "detail": row.detail, "changes": row.changes,
            }
            for row in held.log.order_by("id").iterator(chunk_size=2000)
        ],
        "events": [
            {
                "received_at": row.received_at.isoformat(), "event": row.vendor_event, "id": row.external_id,
                "content": row.payload,
            }
            for row in held.events.order_by("id").iterator(chunk_size=2000)
        ],
        "jobs": [
            {"flow": job.flow, "id": job.external_id, "state": job.state, "hint": job.hint, "detail": job.detail}
            for job in held.jobs.order_by("id")
        ],
        "consent": [
            {
                "at": row.at.isoformat(), "id": row.source_id, "was": row.was, "became": row.became,
                "said_in": row.vendor, "cause": row.cause, "event": row.event_id_seen,
            }
            for row in consent_ledger.of_person(tenant, email, held.links)
        ],
        "differences": [
            {
                "flow": row.flow, "kind": row.kind, "source_id": row.source_id, "target_id": row.target_id,
                "field": row.field, "ours": row.ours, "theirs": row.theirs, "since": row.since.isoformat(),
            }
            for row in held.drifts.order_by("id")
        ],
        "read_for_a_comparison": [row.values for row in held.compared.order_by("id")],
        "ids_with_this_address": sorted(set(held.addresses.values_list("external_id", flat=True))),
    }  # fmt: skip


def erase(tenant: Tenant, email: str, recipes: Recipes) -> list[str]:
    """Erase what is held, and return the report: one sentence per kind of row, and what had to stay and why.

    Asks the source who is still there; one it cannot ask about counts as still there, and so does one whose deletion
    has come in and is not worked off: without its link nobody would know whom to delete at the target.
    """
    held = find(tenant, email, recipes)
    gone = _gone(held.links, recipes) - _awaited(held)
    calls = _calls_emptied(_empty_calls(held))
    with transaction.atomic():
        said = [line for line in (calls, *_erase(held, gone)) if line]
    return said or [gettext("Nothing is stored on this address.")]


def _erase(held: Holding, gone: set[int]) -> list[str]:
    """Erase all but the calls, and say what was done to which rows; a line is empty where there were none."""
    unsettled = _unsettled(held)
    stay = [link for link in held.links if link.pk not in gone]
    said = [
        _empty_log(held),
        _kept_as_proof(held),
        _samples_emptied(_erase_samples(held.links)),
        _empty_events(held),
        _delete_jobs(held),
        _delete_drifts(held),
        _delete_addresses(held, stay),
        _delete_links(gone),
    ]
    _strip(stay)
    if stay:
        said.append(
            gettext(
                "We kept IDs, address and consent, so that a later unsubscribe still works: the person still exists in "
                "the app they come from, or a change of theirs waits. Delete the person there, then erase again."
            )
        )
    if unsettled:
        text = ngettext(
            "{count} change of this person has just come in and is synced first. Erase again in a minute.",
            "{count} changes of this person have just come in and are synced first. Erase again in a minute.",
            unsettled,
        )
        said.append(_said(unsettled, text))
    return said


UNFINISHED = (JobState.WAITING, JobState.RUNNING)


def _unsettled(held: Holding) -> int:
    """Count the changes that have come in and are not worked off."""
    return held.events.filter(state=EventState.NEW).count() + held.jobs.filter(state__in=UNFINISHED).count()


def _empty_log(held: Holding) -> str:
    rows = SyncLog.objects.filter(pk__in=list(held.log.values_list("pk", flat=True)))
    count = rows.update(changes={}, detail="", email_hash="")
    text = ngettext(
        "{count} log entry emptied; IDs and outcome stay.", "{count} log entries emptied; IDs and outcome stay.", count
    )
    return _said(count, text)


def _kept_as_proof(held: Holding) -> str:
    about = Q(email_hash__in=[link.email_hash for link in held.links if link.email_hash])
    for link in held.links:
        about |= Q(integration=link.integration_id, source_id=link.source_id)
    count = ConsentEntry.objects.filter(about).count() if held.links else 0
    text = ngettext(
        "{count} entry of the consent ledger kept as proof: states, times and a keyed hash, no address.",
        "{count} entries of the consent ledger kept as proof: states, times and a keyed hash, no address.",
        count,
    )
    return _said(count, text)


def _empty_events(held: Holding) -> str:
    """One that is still to be routed stays as it is."""
    events = WebhookEvent.objects.filter(pk__in=list(held.events.values_list("pk", flat=True)))
    count = events.exclude(state=EventState.NEW).update(payload={}, email_hash="")
    return _said(count, ngettext("{count} event emptied.", "{count} events emptied.", count))


def _delete_jobs(held: Holding) -> str:
    """One that is still to be worked off stays."""
    jobs = SyncJob.objects.filter(pk__in=list(held.jobs.values_list("pk", flat=True)))
    finished = jobs.exclude(state__in=UNFINISHED)
    count = finished.delete()[1].get("integration.SyncJob", 0)
    return _said(count, ngettext("{count} job deleted.", "{count} jobs deleted.", count))


def _delete_drifts(held: Holding) -> str:
    """Findings about the person, and what a comparison under way has read."""
    held.compared.delete()
    count = held.drifts.delete()[0]
    return _said(count, ngettext("{count} difference deleted.", "{count} differences deleted.", count))


def _delete_addresses(held: Holding, stay: Iterable[RecordLink]) -> str:
    addresses = held.addresses.exclude(external_id__in=[link.source_id for link in stay])
    count = addresses.delete()[0]
    text = ngettext(
        "{count} entry of the address index deleted.", "{count} entries of the address index deleted.", count
    )
    return _said(count, text)


def _delete_links(gone: set[int]) -> str:
    count = RecordLink.objects.filter(pk__in=gone).delete()[0]
    text = ngettext("{count} link between two records deleted.", "{count} links between two records deleted.", count)
    return _said(count, text)


def _strip(links: Sequence[RecordLink]) -> None:
    """Leave them no value but the address."""
    for link in links:
        link.written = {key: value for key, value in link.written.items() if key == "email"}
        link.written_hash, link.updated_at = "", timezone.now()
    RecordLink.objects.bulk_update(links, ["written", "written_hash", "updated_at"])


def _empty_calls(held: Holding) -> int:
    """Bodies of calls hold many people at once: all of the accounts concerned go. They are kept for days only.

    In small portions: a long transaction would keep the intake waiting.
    """
    accounts = {pk for link in held.links for pk in (link.integration.left_id, link.integration.right_id)}
    accounts |= set(held.events.values_list("connection", flat=True).distinct())
    calls = VendorCall.objects.filter(connection__in=accounts).exclude(request="", response="")
    total = 0
    while ids := list(calls.values_list("pk", flat=True)[:PORTION]):
        total += VendorCall.objects.filter(pk__in=ids).update(request="", response="")
    return total


def _links(tenant: Tenant, digest: str, addresses: QuerySet[IdentityIndex]) -> Iterable[RecordLink]:
    """By the address, and by the ids whose primary address it is."""
    about = Q(email_hash=digest)
    for entry in addresses.filter(is_primary=True).exclude(external_id=""):
        about |= Q(integration__left=entry.connection_id, link_type=entry.object_type, source_id=entry.external_id)
    rows = RecordLink.objects.select_related("integration__left", "integration__right", "integration__tenant")
    return rows.filter(about, integration__tenant=tenant).order_by("pk")


def _flows(recipe: str, link_type: str, recipes: Recipes) -> list[str]:
    return [flow.key for flow in recipes(recipe).flows if flow.link_type == link_type]


def _gone(links: Iterable[RecordLink], recipes: Recipes) -> set[int]:
    """The links whose source record no longer exists, asked at the source now."""
    by_kind: dict[tuple[Integration, str], list[RecordLink]] = defaultdict(list)
    for link in links:
        by_kind[link.integration, link.link_type].append(link)
    found: set[int] = set()
    for (integration, kind), rows in by_kind.items():
        if integration.state == State.UNINSTALLED:
            found.update(link.pk for link in rows)
            continue
        recipe = recipes(integration.recipe)
        flow = next(flow for flow in recipe.flows if flow.link_type == kind)
        ctx = OpenSession(integration, recipe, run=SyncRun(integration=integration, dry_run=True))
        try:
            there = flow.read(ctx, [Item(link.source_id) for link in rows])
            found.update(link.pk for link in rows if link.source_id not in there)
        except IntegrationError:
            continue
        finally:
            VendorCall.objects.bulk_create(ctx.calls)
    return found


def _awaited(held: Holding) -> set[int]:
    """The links of records a change waits for."""
    jobs = held.jobs.filter(state__in=(JobState.WAITING, JobState.RUNNING)).values_list("integration", "external_id")
    events = held.events.filter(state=EventState.NEW).values_list("connection", "external_id")
    waiting = {*jobs, *events}
    return {
        link.pk
        for link in held.links
        for owner in (link.integration_id, link.integration.left_id, link.integration.right_id)
        if (owner, link.source_id) in waiting
    }


def _erase_samples(links: Iterable[RecordLink]) -> int:
    """Dry-run reports show a few records by name and value: take this person's out."""
    changed = 0
    for link in links:
        for run in SyncRun.objects.filter(integration=link.integration).exclude(samples={}):
            samples = {
                key: [row for row in rows if str(row.get("id")) != link.source_id] for key, rows in run.samples.items()
            }
            if samples != run.samples:
                run.samples = samples
                run.save(update_fields=["samples"])
                changed += 1
    return changed


def _calls_emptied(count: int) -> str:
    text = ngettext("{count} recorded vendor call emptied.", "{count} recorded vendor calls emptied.", count)
    return _said(count, text)


def _samples_emptied(count: int) -> str:
    text = ngettext(
        "{count} dry-run report emptied of this person.", "{count} dry-run reports emptied of this person.", count
    )
    return _said(count, text)


def _said(count: int, text: str) -> str:
    return text.format(count=count) if count else ""
