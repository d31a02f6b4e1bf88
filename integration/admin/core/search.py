"""Looking for a record in tables of millions: by the keyed hash of an e-mail address or by an exact id, never by LIKE.

Each look-up is one equality on an index with a LIMIT of its own, newest first; what it finds is then read by primary
key. Tables whose indexes begin with the integration or connection get those columns from a sub-query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from integration.admin.core.masking import mask_id
from integration.engine.insight.code_words import noun
from integration.models import (
    Connection,
    Drift,
    Integration,
    RecordLink,
    SyncJob,
    SyncLog,
    WebhookEvent,
)
from integration.recipes.registry import RECIPES, get_recipe
from integration.secrets import email_hash

M = TypeVar("M", bound=Model)

LIMIT = 500  # newest rows one search shows
HELP = _("Email address or exact ID")


@dataclass(frozen=True)
class Term:
    """What somebody typed: an address (then only its hash is used) or an id."""

    text: str

    @property
    def hash(self) -> str:
        """The keyed hash of an address, empty for an id."""
        return email_hash(self.text) if "@" in self.text else ""

    @property
    def key(self) -> int | None:
        """The number of a row of ours, when it can be one."""
        return number_or_none(self.text.removeprefix("#"))


def number_or_none(text: str) -> int | None:
    """The number of a row, None for anything else somebody put into an address."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def uuid_or_nil(text: str) -> UUID:
    """The id of an integration or connection; the nil UUID, which no row has, for anything else in an address."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


@cache
def nouns(flow_key: str) -> tuple[str, str]:
    """What the two ids of a flow's records are: `person`, `contact`. Flows of one link type share them."""
    for key in RECIPES:
        flows = get_recipe(key).flows
        for flow in flows:
            if flow.key == flow_key:
                first = next(other for other in flows if other.link_type == flow.link_type)
                return first.source_object, first.target_object
    return "record", "record"


def record_name(flow_key: str, source_id: str, target_id: str = "") -> str:
    """A pair of records as a person would name it."""
    source, target = map(noun, nouns(flow_key))
    source_id, target_id = mask_id(source_id), mask_id(target_id)
    return f"{source} {source_id} ↔ {target} {target_id}" if target_id else f"{source} {source_id}"


def link_types() -> list[str]:
    """Every kind of link there can be."""
    return sorted({flow.link_type for key in RECIPES for flow in get_recipe(key).flows})


def _everywhere() -> QuerySet[Integration]:
    return Integration.objects.order_by().only("pk")


def _log(term: Term) -> Iterator[Q]:
    if term.hash:
        yield Q(email_hash=term.hash) & ~Q(email_hash="")
    else:
        yield Q(source_id=term.text)
        yield Q(target_id=term.text) & ~Q(target_id="")


def _events(term: Term) -> Iterator[Q]:
    if term.hash:
        yield Q(email_hash=term.hash) & ~Q(email_hash="")
    else:
        yield Q(connection__in=Connection.objects.order_by().only("pk"), external_id=term.text)
        if term.key is not None:
            yield Q(pk=term.key)


def _links(term: Term) -> Iterator[Q]:
    where = Q(integration__in=_everywhere(), link_type__in=link_types())
    if term.hash:
        yield where & Q(email_hash=term.hash) & ~Q(email_hash="")
    else:
        yield where & Q(source_id=term.text)
        yield where & Q(target_id=term.text) & ~Q(target_id="")


def _jobs(term: Term) -> Iterator[Q]:
    if term.hash:
        for link in matching(RecordLink, term).select_related("integration")[:20]:
            yield Q(integration=link.integration_id, flow__in=flows_of(link), external_id__in=[link.source_id])
        yield Q(pk__in=[pk for pk in matching(SyncLog, term).values_list("job_id", flat=True)[:LIMIT] if pk])
    else:
        yield Q(integration__in=_everywhere(), flow__in=list(flow_labels()), external_id=term.text)


def _drifts(term: Term) -> Iterator[Q]:
    if term.hash:
        yield Q(email_hash=term.hash) & ~Q(email_hash="")
        return
    where = Q(integration__in=_everywhere(), flow__in=list(flow_labels()))
    yield where & Q(source_id=term.text)
    yield where & Q(source_id="", target_id=term.text)
    for link in matching(RecordLink, term).select_related("integration")[:20]:
        yield Q(integration=link.integration_id, flow__in=flows_of(link), source_id=link.source_id)


def flows_of(link: RecordLink) -> list[str]:
    """The flows that work on a link; the first one writes its target."""
    recipe = link.integration.recipe
    return [flow.key for flow in get_recipe(recipe).flows if flow.link_type == link.link_type]


LOOK_UPS: dict[type[Model], Callable[[Term], Iterator[Q]]] = {
    SyncLog: _log,
    WebhookEvent: _events,
    RecordLink: _links,
    SyncJob: _jobs,
    Drift: _drifts,
}
SEARCHABLE = tuple(LOOK_UPS)


def matching(model: type[M], term: Term) -> QuerySet[M]:
    """The newest rows of a table that speak of this address or id, newest first."""
    found: set[int] = set()
    for condition in LOOK_UPS[model](term):
        found.update(model._default_manager.filter(condition).order_by("-id").values_list("pk", flat=True)[:LIMIT])
    rows = model._default_manager.filter(pk__in=sorted(found, reverse=True)[:LIMIT])
    return rows.order_by("-id")


def flow_labels() -> dict[str, str]:
    """Every flow's label by its key, in the language of who reads."""
    return {flow.key: str(flow.label) for key in RECIPES for flow in get_recipe(key).flows}
