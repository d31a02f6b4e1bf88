"""Erase what is held on one person, table by table, and say what was found where.

Rows of the person alone are deleted or emptied. Where many people stand in one row (bodies of calls, reports,
sentences), this one is cut out and the others stay.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django_q.models import Failure

from config.json_value import JSONValue
from integration.connectors.registry import get_connector
from integration.engine.privacy.holding import UNFINISHED, Holding
from integration.engine.records.traces import Found, Person, cut_text, cut_value, mask_path, names_in, without_words
from integration.engine.safety.consent_ledger import of_links
from integration.models import (
    UNROUTED,
    Alert,
    AlertNotice,
    Connection,
    ConsentEntry,
    FieldMapping,
    Integration,
    RecordLink,
    ReferenceCache,
    RunState,
    SyncJob,
    SyncLog,
    SyncRun,
    VendorCall,
    WebhookEvent,
)
from tenants import forgetting

PORTION = 500
MOST_IDS = 20  # of one person at one account that calls are searched for
AT_ONCE = 10  # words in one look-up: an expression may be a thousand terms deep


@dataclass(frozen=True)
class Told:
    """Where sentences and reports may name a person: its columns of text, those of JSON, and the way to the tenant.

    `busy` are the states in which a worker writes the row: it is left alone then, so that nothing of it is lost.
    """

    model: type[Model]
    tenant: str
    texts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()


REPORTS = Told(SyncRun, "integration__tenant", ("problem",), ("samples", "options", "cursor"), (RunState.RUNNING,))
TOLD = (
    Told(SyncJob, "integration__tenant", ("detail",), ("hint",), UNFINISHED),
    Told(Alert, "tenant", ("what",)),
    Told(AlertNotice, "alert__tenant", ("problem",)),
    Told(Connection, "tenant", ("health_detail",)),
    Told(Integration, "tenant", (), ("provisioning",)),
    Told(FieldMapping, "integration__tenant", ("problem",)),
)


class Erasing:
    """One erasure under way. The lines of its report come in the order in which things were done."""

    def __init__(self, held: Holding, emails: Iterable[str]) -> None:
        self._held = held
        self._said: list[str] = []
        self._nothing: list[str] = []
        self._words: set[str] = set()
        self._person = Person(frozenset(emails))
        self._learn(word for link in held.links for part in (link.written, link.notes) for word in names_in(part))
        self._learn(word for row in held.events.values_list("payload", flat=True) for word in names_in(row))
        self._learn(word for row in held.jobs.values_list("hint", flat=True) for word in names_in(row))
        self._learn(word for row in held.compared.values_list("values", flat=True) for word in names_in(row))
        self._learn(word for row in held.log.values_list("changes", flat=True) for word in _names_in_changes(row))

    def report(self) -> list[str]:
        """What was found and what became of it, a sentence each; last, where nothing was found."""
        if not self._said:
            return [gettext("Nothing is stored on this address.")]
        where = ", ".join(self._nothing)
        nothing = [gettext("Nothing was found in: {places}.").format(places=where)] if where else []
        return [*self._said, *nothing]

    def cut_calls(self) -> None:
        """Cut the person's records out of the bodies of calls, by ids and addresses first, then by the names found."""
        cut: Counter[str] = Counter()
        found = Found()
        for connection in Connection.objects.filter(tenant=self._held.tenant):
            ids = self._held.ids.get(connection.pk, frozenset())
            cut[connection.vendor] += _cut_calls(connection, replace(self._person, ids=ids), found)
        self._learn(found.words)
        if self._words:
            for connection in Connection.objects.filter(tenant=self._held.tenant):
                cut[connection.vendor] += _cut_calls(connection, replace(self._person, ids=frozenset()), found)
        for vendor, count in sorted(cut.items()):
            text = ngettext(
                "{count} recorded call to {vendor}: this person was cut out.",
                "{count} recorded calls to {vendor}: this person was cut out.",
                count,
            )
            self._add(count, text.format(count=count, vendor=get_connector(vendor).label))
        if not cut.total():
            self._nothing.append(gettext("recorded calls"))

    def rows(self, gone: set[int]) -> None:
        """Erase everything else; the links with these numbers go, the others are kept bare."""
        held = self._held
        unsettled = held.unsettled()
        stay = [link for link in held.links if link.pk not in gone]
        self._empty_log()
        self._kept_as_proof()
        self._empty_events()
        self._delete_jobs()
        self._delete_drifts()
        self._delete_addresses(stay)
        self._delete_links(gone)
        self._cut_told()
        _strip(stay, held.bare)
        if stay:
            self._said.append(
                gettext(
                    "We kept IDs, address and consent, so that a later unsubscribe still works: the person still "
                    "exists in the app they come from, or a change of theirs waits. Delete the person there, then "
                    "erase again."
                )
            )
        if unsettled:
            text = ngettext(
                "{count} change of this person has just come in and is handled first; only an unsubscribe or a "
                "deletion still travels. Erase again in a minute.",
                "{count} changes of this person have just come in and are handled first; only an unsubscribe or a "
                "deletion still travels. Erase again in a minute.",
                unsettled,
            )
            self._add(unsettled, text)
        if held.is_run_under_way():
            self._said.append(
                gettext("A run is under way that may have read this person. Erase again when it is done.")
            )

    def elsewhere(self, emails: Iterable[str]) -> None:
        """Forget the address where people sign in, and what failed tasks tell of the person."""
        for email in emails:
            forgotten = forgetting.forget_address(self._held.tenant, email)
            invited = ngettext("{count} invitation deleted.", "{count} invitations deleted.", forgotten.invitations)
            self._add(forgotten.invitations, invited, gettext("invitations"))
            tried = ngettext(
                "{count} failed sign-in deleted.", "{count} failed sign-ins deleted.", forgotten.sign_ins
            )  # fmt: skip
            self._add(forgotten.sign_ins, tried, gettext("failed sign-ins"))
            if forgotten.is_member:
                self._said.append(
                    gettext(
                        "The address also belongs to somebody who signs in to Lockstep. That account stays: remove the "
                        "member on the Team page."
                    )
                )
        count = _forget_failures(replace(self._person, words=frozenset()))  # of all tenants: by the address alone
        self._add(count, ngettext("{count} report of a failed task deleted.",
                                  "{count} reports of failed tasks deleted.", count))  # fmt: skip

    def _learn(self, words: Iterable[str]) -> None:
        self._words.update(words)
        self._person = replace(self._person, words=frozenset(self._words))

    def _add(self, count: int, text: str, where: str = "") -> None:
        if count:
            self._said.append(text.format(count=count))
        elif where:
            self._nothing.append(where)

    def _empty_log(self) -> None:
        rows = SyncLog.objects.filter(pk__in=list(self._held.log.values_list("pk", flat=True)))
        count = rows.update(changes={}, detail="", email_hash="")
        text = ngettext(
            "{count} log entry emptied; IDs and outcome stay.",
            "{count} log entries emptied; IDs and outcome stay.",
            count,
        )
        self._add(count, text, gettext("log"))

    def _kept_as_proof(self) -> None:
        links = self._held.links
        count = ConsentEntry.objects.filter(of_links(links), integration__tenant=self._held.tenant).count()
        text = ngettext(
            "{count} entry of the consent ledger kept as proof: states, times and a keyed hash, no address.",
            "{count} entries of the consent ledger kept as proof: states, times and a keyed hash, no address.",
            count,
        )
        self._add(count, text)

    def _empty_events(self) -> None:
        """One that is still to be routed stays as it is."""
        events = WebhookEvent.objects.filter(pk__in=list(self._held.events.values_list("pk", flat=True)))
        count = events.exclude(state__in=UNROUTED).update(payload={}, email_hash="")
        self._add(count, ngettext("{count} event emptied.", "{count} events emptied.", count), gettext("events"))

    def _delete_jobs(self) -> None:
        """One that is still to be handled stays."""
        jobs = SyncJob.objects.filter(pk__in=list(self._held.settled_jobs().values_list("pk", flat=True)))
        count = jobs.delete()[1].get("integration.SyncJob", 0)
        self._add(count, ngettext("{count} job deleted.", "{count} jobs deleted.", count), gettext("jobs"))

    def _delete_drifts(self) -> None:
        """Findings about the person, and what a comparison under way has read."""
        self._held.compared.delete()
        count = self._held.drifts.delete()[0]
        text = ngettext("{count} difference deleted.", "{count} differences deleted.", count)
        self._add(count, text, gettext("differences"))

    def _delete_addresses(self, stay: Iterable[RecordLink]) -> None:
        addresses = self._held.addresses.exclude(external_id__in=[link.source_id for link in stay])
        count = addresses.delete()[0]
        text = ngettext(
            "{count} entry of the address index deleted.", "{count} entries of the address index deleted.", count
        )
        self._add(count, text, gettext("address index"))

    def _delete_links(self, gone: set[int]) -> None:
        count = RecordLink.objects.filter(pk__in=gone).delete()[0]
        text = ngettext(
            "{count} link between two records deleted.", "{count} links between two records deleted.", count
        )
        self._add(count, text, gettext("links"))

    def _cut_told(self) -> None:
        """Cut the person out of reports, alerts and messages of this tenant."""
        ids = frozenset().union(*self._held.ids.values())
        person = replace(self._person, ids=ids)
        count = _cut_rows(REPORTS, self._held.tenant.pk, person)
        text = ngettext(
            "{count} dry-run report emptied of this person.", "{count} dry-run reports emptied of this person.", count
        )
        self._add(count, text, gettext("reports"))
        count = sum(_cut_rows(told, self._held.tenant.pk, person) for told in TOLD)
        text = ngettext(
            "{count} alert or message: this person was cut out.",
            "{count} alerts or messages: this person was cut out.",
            count,
        )
        self._add(count, text, gettext("alerts and messages"))
        lists = ReferenceCache.objects.filter(connection__tenant=self._held.tenant)
        lists = lists.annotate(entries_text=Cast("entries", TextField()))
        count = sum(lists.filter(about).delete()[0] for about in _mentions(("entries_text",), self._person.sure))
        text = ngettext(
            "{count} list of an app deleted; the next sync reads it again.",
            "{count} lists of an app deleted; the next sync reads them again.",
            count,
        )
        self._add(count, text)


def _names_in_changes(changes: JSONValue) -> Iterator[str]:
    """Yield the names in a log entry: field → [old, new]."""
    for field, values in changes.items() if isinstance(changes, dict) else ():
        for value in values if isinstance(values, list) else ():
            yield from names_in({field: value})


def _mentions(columns: Sequence[str], words: Iterable[str]) -> Iterator[Q]:
    """Yield conditions, a few words each, on texts that hold one of them; JSON may hold it escaped."""
    forms = [form for word in words for form in dict.fromkeys((word, json.dumps(word)[1:-1])) if form]
    for start in range(0, len(forms), AT_ONCE):
        about = Q(pk__in=())
        for form in forms[start : start + AT_ONCE]:
            for column in columns:
                about |= Q(**{f"{column}__icontains": form})
        yield about


def _id_forms(ids: Iterable[str]) -> list[str]:
    """How an id stands in a body: as a text, as a number after a colon, a comma or a bracket, in an element of XML."""
    return [
        form for one in sorted(ids) for form in (f'"{one}"', f":{one}", f": {one}", f"[{one}", f", {one}", f">{one}<")
    ]


def _cut_calls(connection: Connection, person: Person, found: Found) -> int:
    calls = VendorCall.objects.filter(connection=connection)
    words = [*person.sure, *person.masked]
    conditions = [*_mentions(("path", "request", "response"), words),
                  *_mentions(("request", "response"), _id_forms(person.ids))]  # fmt: skip
    if len(person.ids) > MOST_IDS:
        conditions = [Q()]  # read once, instead of searched through for each of them
    numbers = {pk for about in conditions for pk in calls.filter(about).values_list("pk", flat=True)}
    changed = 0
    ordered = sorted(numbers)
    for start in range(0, len(ordered), PORTION):
        rows = list(calls.filter(pk__in=ordered[start : start + PORTION]))
        cut = [row for row in rows if _cut_call(row, person, found)]
        VendorCall.objects.bulk_update(cut, ["path", "request", "response"], batch_size=100)
        changed += len(cut)
    return changed


def _cut_call(row: VendorCall, person: Person, found: Found) -> bool:
    before = (row.path, row.request, row.response)
    row.path = mask_path(row.path, person)
    row.request, row.response = cut_text(row.request, person, found), cut_text(row.response, person, found)
    return (row.path, row.request, row.response) != before


def _cut_rows(told: Told, tenant: UUID, person: Person) -> int:
    """Cut the person out of the rows of one table, each under its lock. Returns how many rows were changed."""
    columns = [*told.texts, *(f"{name}_text" for name in told.documents)]
    rows = told.model._default_manager.filter(**{told.tenant: tenant})
    if told.busy:
        rows = rows.exclude(state__in=told.busy)
    searched = rows.annotate(**{f"{name}_text": Cast(name, TextField()) for name in told.documents})
    words = [*person.sure, *person.masked, *(_id_forms(person.ids) if told.model is SyncRun else ())]
    found = {key for about in _mentions(columns, words) for key in searched.filter(about).values_list("pk", flat=True)}
    changed = 0
    for row in rows.filter(pk__in=found).select_for_update(of=("self",)).order_by("pk"):
        if _cut_row(row, told, person):
            row.save(update_fields=[*told.texts, *told.documents])
            changed += 1
    return changed


def _cut_row(row: Model, told: Told, person: Person) -> bool:
    before = [getattr(row, name) for name in (*told.texts, *told.documents)]
    for name in told.texts:
        setattr(row, name, without_words(getattr(row, name), person))
    for name in told.documents:
        left = cut_value(getattr(row, name), person, Found())
        setattr(row, name, _masked(left, person))
    return before != [getattr(row, name) for name in (*told.texts, *told.documents)]


def _masked(value: JSONValue, person: Person) -> JSONValue:
    if isinstance(value, str):
        return without_words(value, person)
    if isinstance(value, list):
        return [_masked(part, person) for part in value]
    if isinstance(value, dict):
        return {without_words(key, person): _masked(part, person) for key, part in value.items()}
    return value


def _strip(links: Sequence[RecordLink], bare: frozenset[int]) -> None:
    """Leave a person's link no value but the address, by which an opt-out finds them; leave others, of deals, none."""
    for link in links:
        is_kept = link.pk in bare
        link.written = {key: value for key, value in link.written.items() if key == "email" and is_kept}
        link.email_hash = link.email_hash if is_kept else ""
        link.written_hash, link.updated_at = "", timezone.now()
    RecordLink.objects.bulk_update(links, ["written", "written_hash", "email_hash", "updated_at"])


def _forget_failures(person: Person) -> int:
    """Delete the results of failed tasks that name the person. They are few: the queue keeps none that succeeded."""
    naming = [
        task.pk for task in Failure.objects.all() if person.is_named_in(f"{task.args} {task.kwargs} {task.result}")
    ]
    count: int = Failure.objects.filter(pk__in=naming).delete()[0]
    return count
