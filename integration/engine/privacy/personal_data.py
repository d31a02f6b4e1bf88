"""Everything the hub holds on the person behind one address: find it, export it, erase it.

What has to stay for the person's own sake is only this: ids, address and state of consent of somebody who is still at
the source, so that an opt-out still travels and nobody who opted out is written to again. It goes with the next erasure
after the person was deleted there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from config.json_value import JSONValue
from config.texts import english
from integration.dry_run import is_dry
from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item
from integration.engine.flow.recipe import Recipes
from integration.engine.flow.session import SyncSession
from integration.engine.privacy.erasing import Erasing
from integration.engine.privacy.holding import UNFINISHED, Holding, Key, find, flows_of, held_of
from integration.engine.safety import consent_ledger, erased
from integration.errors import IntegrationError
from integration.models import UNROUTED, IdentityIndex, Integration, RecordLink, State, SyncRun, VendorCall
from tenants.models import Tenant

__all__ = ["Holding", "erase", "erase_record", "export", "find"]


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
    digests -= _of_somebody_else(ctx, link_type, source_id, digests)
    addresses = IdentityIndex.objects.filter(connection__tenant=tenant, email_hash__in=digests)
    others = RecordLink.objects.filter(integration__tenant=tenant, email_hash__in=digests).exclude(pk__in=own)
    joined = ("integration__left", "integration__right")
    links, gone = [*own, *others.select_related(*joined)], set(own.values_list("pk", flat=True))
    key = Key(integration, flows_of(ctx.recipe, link_type), source_id)
    held = held_of(tenant, digests, links, addresses, lambda name: ctx.recipe, [key])  # of others by address alone
    held = replace(held, jobs=held.jobs.exclude(pk=job_id or 0))
    emails = {str(link.written.get("email") or "") for link in links} - {""}
    with english():  # the log keeps it
        return _erase(held, emails, gone, None)


def _of_somebody_else(ctx: SyncSession, link_type: str, source_id: str, digests: set[str]) -> set[str]:
    """Addresses that the record had once and another one at its source has now, asked there.

    Links and index only say whom to ask. Where the source does not answer, the address counts as the other one's.
    """
    linked = RecordLink.objects.filter(integration=ctx.integration, link_type=link_type, email_hash__in=digests)
    listed = IdentityIndex.objects.filter(
        connection=ctx.integration.left, object_type=link_type, email_hash__in=digests, is_primary=True
    ).exclude(external_id="")
    known = dict(linked.exclude(source_id=source_id).values_list("source_id", "email_hash"))
    known |= dict(listed.exclude(external_id=source_id).values_list("external_id", "email_hash"))
    if not known:
        return set()
    try:
        there = flows_of(ctx.recipe, link_type)[0].read(ctx, [Item(key) for key in known])
    except IntegrationError:
        return set(known.values())
    return {record.email_hash for record in there.values()} & digests


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


def erase(tenant: Tenant, email: str, recipes: Recipes, by: AbstractBaseUser | None = None) -> list[str]:
    """Erase what is held, and return the report: what was found where, what became of it, and what had to stay and why.

    Asks the source who is still there; one it cannot ask about counts as still there, and so does one whose deletion
    has come in and is not worked off: without its link nobody would know whom to delete at the target. From now on
    nothing about the address is taken in again (`engine.safety.erased`).
    """
    held = find(tenant, email, recipes)
    gone = _gone(held.links, recipes) - _awaited(held)
    return _erase(held, {email}, gone, by)


def _erase(held: Holding, emails: Iterable[str], gone: set[int], by: AbstractBaseUser | None) -> list[str]:
    """The bodies of calls first, in portions: a long transaction would keep the intake waiting."""
    work = Erasing(held, emails)
    work.cut_calls()
    with transaction.atomic():
        work.rows(gone)
        work.elsewhere(emails)
        erased.remember(held.tenant, held.digests, by)
    erased.forget_routed(held.tenant, held.digests)
    return work.report()


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
            VendorCall.objects.bulk_create(_without_bodies(ctx.calls))
    return found


def _without_bodies(calls: Sequence[VendorCall]) -> Sequence[VendorCall]:
    """Calls that ask who is still there: what they answered is what is being erased."""
    for call in calls:
        call.path, call.request, call.response = call.path.partition("?")[0], "", ""
    return calls


def _awaited(held: Holding) -> set[int]:
    """The links of records a change waits for."""
    jobs = held.jobs.filter(state__in=UNFINISHED).values_list("integration", "external_id")
    events = held.events.filter(state__in=UNROUTED).values_list("connection", "external_id")
    waiting = {*jobs, *events}
    return {
        link.pk
        for link in held.links
        for owner in (link.integration_id, link.integration.left_id, link.integration.right_id)
        if (owner, link.source_id) in waiting
    }
