"""Find everything the hub holds on the person behind one address, in all integrations of one tenant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from integration.engine.flow.base import Flow
from integration.engine.flow.recipe import Recipe, Recipes
from integration.models import (
    UNROUTED,
    ComparedRecord,
    Drift,
    IdentityIndex,
    Integration,
    JobState,
    RecordLink,
    RunState,
    SyncJob,
    SyncLog,
    SyncRun,
    WebhookEvent,
)
from integration.secrets import email_hash
from tenants.models import Tenant

UNFINISHED = (JobState.WAITING, JobState.RUNNING)
MOST_LOGGED = 2000  # records that the log has met at one address


@dataclass(frozen=True)
class Holding:
    """The rows about one address, all of one tenant; `ids` has the person's records, by connection."""

    tenant: Tenant
    digests: frozenset[str]
    links: list[RecordLink]
    log: QuerySet[SyncLog]
    events: QuerySet[WebhookEvent]
    jobs: QuerySet[SyncJob]
    addresses: QuerySet[IdentityIndex]
    drifts: QuerySet[Drift]
    compared: QuerySet[ComparedRecord]
    ids: Mapping[UUID, frozenset[str]]
    urgent: frozenset[str]  # flows that bring opt-outs: what of them waits or was given up is not lost
    bare: frozenset[int]  # links by which an opt-out finds the person, and which therefore keep the address

    def __bool__(self) -> bool:
        rows = (self.log, self.events, self.jobs, self.addresses, self.drifts, self.compared)
        return bool(self.links) or any(found.exists() for found in rows)

    def unsettled(self) -> int:
        """Count the changes that have come in and are not handled."""
        return self.events.filter(state__in=UNROUTED).count() + self.jobs.filter(state__in=UNFINISHED).count()

    def is_run_under_way(self) -> bool:
        """Whether a worker goes through people of the tenant just now, and keeps in memory whom it has read."""
        return SyncRun.objects.filter(integration__tenant=self.tenant, state=RunState.RUNNING).exists()

    def settled_jobs(self) -> QuerySet[SyncJob]:
        """Jobs that may go. An opt-out that its app refused is tried again with each poll, so it stays."""
        given_up = Q(state__in=(JobState.DEAD, JobState.HELD), flow__in=self.urgent)
        return self.jobs.exclude(Q(state__in=UNFINISHED) | given_up)


@dataclass(frozen=True)
class Key:
    """A record of the person in one integration, with the flows that work on it."""

    integration: Integration
    flows: tuple[Flow, ...]
    source_id: str
    target_id: str = ""

    def ids(self) -> Iterator[tuple[UUID, str]]:
        """Yield at which connection the record has which id. Flows that share a link name it by the first one's."""
        first = self.flows[0]
        source, target = self.integration.left_id, self.integration.right_id
        if first.side == "right":
            source, target = target, source
        if self.source_id:
            yield source, self.source_id
        if self.target_id:
            yield target, self.target_id


@dataclass(frozen=True)
class Records:
    """Records of the person that the same flows of one integration work on."""

    integration: Integration
    flows: tuple[Flow, ...]
    keys: tuple[Key, ...]

    @property
    def names(self) -> list[str]:
        """The keys of the flows."""
        return [flow.key for flow in self.flows]

    def by_source(self, column: str) -> Q:
        """Rows of these flows whose `column` has the id of one of the records at its source."""
        sources = {f"{column}__in": sorted({key.source_id for key in self.keys})}
        return Q(integration=self.integration, flow__in=self.names, **sources)

    def compared(self) -> Q:
        """What a comparison has read of them: it keeps what the target answered."""
        targets = sorted({key.target_id for key in self.keys} - {""})
        return Q(run__integration=self.integration, run__flow__in=self.names, record_id__in=targets)

    def events(self) -> Q:
        """The events about them, at either side."""
        kinds = {kind for flow in self.flows for kind in (flow.source_object, flow.target_object, flow.link_type)}
        about = Q(pk__in=())
        for connection, ids in self.ids().items():
            about |= Q(connection=connection, object_type__in=kinds, external_id__in=sorted(ids))
        return about

    def ids(self) -> dict[UUID, set[str]]:
        """Their ids, by connection."""
        found: dict[UUID, set[str]] = defaultdict(set)
        for key in self.keys:
            for connection, record_id in key.ids():
                found[connection].add(record_id)
        return found


def find(tenant: Tenant, email: str, recipes: Recipes) -> Holding:
    """Return everything held on this address in any integration of the tenant."""
    digest = email_hash(email)
    addresses = IdentityIndex.objects.filter(connection__tenant=tenant, email_hash=digest)
    links = list(links_of(tenant, digest, addresses))
    return held_of(tenant, {digest}, links, addresses, recipes)


def held_of(
    tenant: Tenant,
    digests: Collection[str],
    links: list[RecordLink],
    addresses: QuerySet[IdentityIndex],
    recipes: Recipes,
    more: Iterable[Key] = (),
) -> Holding:
    """Return what is held on these links and addresses, on the records the log met there, and on `more`."""
    keys = [*more, *_of_links(links, recipes)]
    keys += _of_addresses(tenant, addresses, recipes)
    keys += _of_log(tenant, digests, recipes)
    by_address = Q(email_hash__in=digests)
    about_log, about_jobs, about_events, compared = by_address, Q(pk__in=()), by_address, by_address
    ids: dict[UUID, set[str]] = defaultdict(set)
    for records in _together(keys):
        about_log |= records.by_source("source_id")
        about_jobs |= records.by_source("external_id")
        about_events |= records.events()
        compared |= records.compared()
        for connection, found in records.ids().items():
            ids[connection] |= found
    return Holding(
        tenant,
        frozenset(digests),
        links,
        SyncLog.objects.filter(about_log, integration__tenant=tenant),
        WebhookEvent.objects.filter(about_events, connection__tenant=tenant),
        SyncJob.objects.filter(about_jobs, integration__tenant=tenant),
        addresses,
        Drift.objects.filter(about_log, integration__tenant=tenant),
        ComparedRecord.objects.filter(compared, run__integration__tenant=tenant),
        {connection: frozenset(found) for connection, found in ids.items()},
        frozenset(flow.key for key in keys for flow in key.flows if flow.urgent),
        frozenset(link.pk for link in links if _leads_to_a_person(link, recipes)),
    )


def _together(keys: Iterable[Key]) -> Iterator[Records]:
    """Group the records, so that a condition has as many terms as there are integrations and flows."""
    groups: dict[tuple[UUID, tuple[str, ...]], list[Key]] = defaultdict(list)
    for key in keys:
        groups[key.integration.pk, tuple(flow.key for flow in key.flows)].append(key)
    for own in groups.values():
        yield Records(own[0].integration, own[0].flows, tuple(own))


def links_of(tenant: Tenant, digest: str, addresses: QuerySet[IdentityIndex]) -> QuerySet[RecordLink]:
    """By the address, and by the ids whose primary address it is."""
    about = Q(email_hash=digest)
    for entry in addresses.filter(is_primary=True).exclude(external_id=""):
        about |= Q(integration__left=entry.connection_id, link_type=entry.object_type, source_id=entry.external_id)
    rows = RecordLink.objects.select_related("integration__left", "integration__right", "integration__tenant")
    return rows.filter(about, integration__tenant=tenant).order_by("pk")


def _leads_to_a_person(link: RecordLink, recipes: Recipes) -> bool:
    """Whether an opt-out may come by this link; where no flow is known, it may."""
    recipe = recipes(link.integration.recipe)
    flows = flows_of(recipe, link.link_type)
    is_main = recipe.main_flow.link_type == link.link_type
    return is_main or not flows or any(flow.parting_actions for flow in flows)


def flows_of(recipe: Recipe, link_type: str) -> tuple[Flow, ...]:
    """The flows that work on links of this type."""
    return tuple(flow for flow in recipe.flows if flow.link_type == link_type)


def _of_links(links: Iterable[RecordLink], recipes: Recipes) -> Iterator[Key]:
    for link in links:
        if flows := flows_of(recipes(link.integration.recipe), link.link_type):
            yield Key(link.integration, flows, link.source_id, link.target_id)


def _of_addresses(tenant: Tenant, addresses: QuerySet[IdentityIndex], recipes: Recipes) -> Iterator[Key]:
    """Records that were read and are linked with nothing, as Fetch All meets them."""
    integrations = list(Integration.objects.filter(tenant=tenant))
    for entry in addresses.filter(is_primary=True).exclude(external_id=""):
        for integration in integrations:
            side = {integration.left_id: "left", integration.right_id: "right"}.get(entry.connection_id)
            flows = recipes(integration.recipe).flows if side else ()
            mine = tuple(
                flow for flow in flows
                if flow.side == side and entry.object_type in (flow.link_type, flow.source_object)
            )  # fmt: skip
            if mine:
                yield Key(integration, mine, entry.external_id)


def _of_log(tenant: Tenant, digests: Collection[str], recipes: Recipes) -> Iterator[Key]:
    """Records that the log met at the address: skipped ones leave nothing else."""
    rows = SyncLog.objects.filter(email_hash__in=digests, integration__tenant=tenant).order_by()
    met = rows.values_list("integration", "flow", "source_id", "target_id").distinct()[:MOST_LOGGED]
    integrations = {row.pk: row for row in Integration.objects.filter(tenant=tenant)}
    for integration_id, flow_key, source_id, target_id in met:
        integration = integrations[integration_id]
        recipe = recipes(integration.recipe)
        known = [flow for flow in recipe.flows if flow.key == flow_key]
        if known:
            yield Key(integration, flows_of(recipe, known[0].link_type), source_id, target_id)
