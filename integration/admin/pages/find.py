"""What happened to ada@example.com? Where they are and what was done, newest first, on one page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.pages import PageContext
from integration.admin.core import fixes, html
from integration.admin.core.labels import Labels, changes, labels_of
from integration.admin.core.masking import mask_id
from integration.admin.core.search import Term, flow_labels, flows_of, matching, record_name
from integration.admin.lists.call import asked, status_badge
from integration.admin.lists.link import consent, sides
from integration.admin.pages.record import questions
from integration.connectors.registry import get_connector
from integration.engine.insight.code_words import words
from integration.engine.safety import consent_ledger
from integration.models import ConsentEntry, RecordLink, SyncJob, SyncLog, WebhookEvent

LINKS, ROWS, SHOWN = 20, 150, 200
CREDENTIALS = ("integration__left__credentials", "integration__right__credentials")
CONSENT = html.Badge(html.BLUE, "how_to_reg", _("Consent"))
WAITING = ("waiting", "running", "held", "dead")


@dataclass(frozen=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    kind: str
    address: str
    title: str
    badge: html.Badge
    where: str
    reason: html.Html = ""
    changes: html.Html = ""
    doors: html.Html = ""

    @property
    def when(self) -> html.Html:
        """The moment in words."""
        return html.when(self.at)


@dataclass(frozen=True)
class Pair:
    """One record link: where the record is on both sides."""

    link: RecordLink
    source: str
    target: str
    badge: html.Badge
    consent: str
    address: str


def find(request: HttpRequest) -> HttpResponse:
    """The page. It shows log rows, so it asks for the right to see those."""
    if not request.user.has_perm("integration.view_synclog"):
        raise PermissionDenied
    query = request.GET.get("q", "").strip()[:200]
    context: PageContext = {**admin.site.each_context(request), "title": gettext("Find"), "find_query": query}
    if query:
        context |= look(Term(query))
    return TemplateResponse(request, "lockstep/find.html", context)


def look(term: Term) -> PageContext:
    """Links, then everything about them and about the term itself."""
    links = list(matching(RecordLink, term).select_related("integration__tenant")[:LINKS])
    logs = _logs(term, links)
    events = _events(term, links, logs)
    jobs = _jobs(term, links, logs)
    labels = labels_of(row.integration for row in logs if row.changes)
    entries = [*(_log_entry(row, labels) for row in logs), *map(_event_entry, events), *map(_job_entry, jobs)]
    entries += [_consent_entry(row) for row in _consents(term, links)]
    entries.sort(key=lambda entry: (entry.at, entry.kind), reverse=True)
    return {
        "pairs": [_pair(link) for link in reversed(links)], "entries": entries[:SHOWN], "cut": len(entries) > SHOWN,
        "asks": questions(term.text, links, logs),
    }  # fmt: skip


def _either(conditions: Iterable[Q]) -> Q | None:
    """Any of these, or nothing when there are none."""
    found = None
    for condition in conditions:
        found = condition if found is None else found | condition
    return found


M = TypeVar("M", bound=Model)


def _with(rows: QuerySet[M], condition: Q | None) -> QuerySet[M]:
    """The newest rows found by the term, and those the links lead to."""
    if condition is None:
        return rows
    keys = rows.model._default_manager.filter(condition).order_by("-id").values_list("pk", flat=True)[:ROWS]
    both = Q(pk__in=list(rows.values_list("pk", flat=True)[:ROWS])) | Q(pk__in=list(keys))
    both_found: QuerySet[M] = rows.model._default_manager.filter(both)
    return both_found


def _logs(term: Term, links: list[RecordLink]) -> list[SyncLog]:
    """By address or id; and by the ids of a person's links, for rows written before the address was known."""
    about = _either(
        Q(integration=link.integration_id, flow__in=flows_of(link), source_id=link.source_id)
        for link in (links if term.hash else ())
    )
    rows = _with(matching(SyncLog, term), about).select_related(
        "integration__tenant", "integration__left", "integration__right", "call", "run"
    )
    return list(rows.defer("call__request", "call__response", *CREDENTIALS).order_by("-id")[:ROWS])


def _events(term: Term, links: list[RecordLink], logs: list[SyncLog]) -> list[WebhookEvent]:
    """By address or id; the events the log speaks of; and new ones of the linked records that wait to be routed."""
    asked = {row.event_id for row in logs if row.event_id}
    conditions = [Q(pk__in=asked)] if asked else []
    for link in links if term.hash else ():
        own = Q(connection=link.integration.left_id, external_id=link.source_id, object_type=link.link_type)
        conditions.append(own)
    rows = _with(matching(WebhookEvent, term), _either(conditions))
    rows = rows.select_related("connection__tenant").defer("connection__credentials", "payload")
    return list(rows.order_by("-id")[:ROWS])


def _jobs(term: Term, links: list[RecordLink], logs: list[SyncLog]) -> list[SyncJob]:
    """What is still to be done."""
    conditions = [
        Q(integration=link.integration_id, flow__in=flows_of(link), external_id=link.source_id) for link in links
    ]
    if asked := {row.job_id for row in logs if row.job_id}:
        conditions.append(Q(pk__in=asked))
    if not term.hash:
        conditions.append(Q(pk__in=matching(SyncJob, term).values_list("pk")))
    condition = _either(conditions)
    if condition is None:
        return []
    rows = SyncJob.objects.filter(condition, state__in=WAITING).select_related(
        "integration__tenant", "integration__left", "integration__right"
    )
    return list(rows.defer(*CREDENTIALS).order_by("-id")[:ROWS])


def _consents(term: Term, links: list[RecordLink]) -> list[ConsentEntry]:
    """What the ledger says of the address, or of the linked records."""
    conditions = [Q(integration=link.integration_id, source_id=link.source_id) for link in links]
    if term.hash:
        conditions.append(Q(email_hash=term.hash))
    condition = _either(conditions)
    if condition is None:
        return []
    rows = ConsentEntry.objects.filter(condition).select_related("integration__tenant")
    return list(rows.order_by("-id")[:ROWS])


def _pair(link: RecordLink) -> Pair:
    left, right = sides(link)
    return Pair(
        link, f"{left} {mask_id(link.source_id)}",
        f"{right} {mask_id(link.target_id)}" if link.target_id else gettext("not found"),
        html.badge("link", link.state), consent(link), html.url_of(link),
    )  # fmt: skip


def _log_entry(row: SyncLog, labels: Labels) -> Entry:
    doors: list[tuple[str, str]] = []
    if row.event_id:
        doors.append((_address("webhookevent", row.event_id), gettext("Event #{number}").format(number=row.event_id)))
    if row.run is not None:
        doors.append((html.url_of(row.run), str(row.run)))
    said = html.doors(doors)
    if row.call is not None:
        call = html.door(row.call, asked(row.call, 80))
        said = format_html("{} {} {} ms {}", call, status_badge(row.call.status), row.call.ms, said)
    action = words(row.action) if row.action else gettext("Checked")
    title = f"{action}: {record_name(row.flow, row.source_id, row.target_id)}"
    fields = changes(row.changes, labels, fold=True) if row.changes else ""
    why = html.reason(row.reason, row.detail, row.integration.recipe) if row.reason or row.detail else ""
    if row.outcome in ("failed", "held", "retrying") and (mends := fixes.doors(row.reason, row.integration)):
        why = format_html("{}<div>{}</div>", why, mends)
    badge = html.badge("outcome", row.outcome)
    return Entry(row.created_at, gettext("Log"), html.url_of(row), title, badge, _where(row), why, fields, said)


def _event_entry(event: WebhookEvent) -> Entry:
    title = gettext("Event #{number}: {event}").format(number=event.pk, event=event).strip()
    why = html.reason(event.reason) if event.reason else ""
    where = f"{event.connection.tenant}, {event.connection.connector.label}"
    return Entry(
        event.received_at, gettext("Event"), html.url_of(event), title, html.badge("event", event.state), where, why
    )


def _job_entry(job: SyncJob) -> Entry:
    why = html.reason(job.reason, job.detail, job.integration.recipe) if job.reason or job.detail else ""
    if mends := fixes.doors(job.reason, job.integration):
        why = format_html("{}<div>{}</div>", why, mends)
    title = gettext("To be done: {record}").format(record=record_name(job.flow, job.external_id))
    badge = html.badge("job", job.state)
    return Entry(job.updated_at, gettext("Job"), html.url_of(job), title, badge, _where(job), why)


def _consent_entry(row: ConsentEntry) -> Entry:
    was = words(row.was) if row.was else gettext("not known")
    title = gettext("Consent of {id}: {before} → {after}").format(
        id=mask_id(row.source_id), before=was, after=words(row.became)
    )
    label = get_connector(row.vendor).label
    text = gettext("Changed in {app}, reported by {cause}.")
    if row.event_id_seen:
        text = gettext("Changed in {app}, reported by {cause}, event #{event}.")
    told = text.format(app=label, cause=mask_id(row.cause), event=row.event_id_seen)
    if row.cause.startswith(consent_ledger.MERGE):
        other = mask_id(row.cause.removeprefix(consent_ledger.MERGE))
        text = gettext("Taken over from {other}, which was merged into this record in {app}.")
        told = text.format(other=other, app=label)
    where = str(row.integration.tenant)
    return Entry(row.at, gettext("Consent"), html.url_of(row.integration), title, CONSENT, where, told)


def _where(row: SyncLog | SyncJob) -> str:
    return f"{flow_labels().get(row.flow, row.flow)}, {row.integration.tenant}"


def _address(model: str, pk: int) -> str:
    return reverse(f"admin:integration_{model}_change", args=[pk])
