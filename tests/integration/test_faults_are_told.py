"""Each fault of the chaos table that leaves a trace in our rows is told on every page: what, since, until and where.

None of these pages may say that the integration is in sync, and Diagnose may not say that nothing is wrong. The table
has a row for each process and vendor fault; those that leave no trace are named with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.clients import connection_health, rate_limits, vendor_answers
from integration.engine.diagnose import examine
from integration.engine.dispatch import heartbeat, sweeper
from integration.engine.insight.status import status_of
from integration.errors import ContractError, RateLimited
from integration.http import Exchange, LimitStatus
from integration.models import (
    Brake,
    Connection,
    Doorbell,
    Drift,
    Health,
    Integration,
    WebhookHabit,
)
from integration.recipes.registry import get_recipe
from tests.support import factories
from tests.support.factories import EndpointFactory, JobFactory

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CLOCK = r"(?:\d+ \w+, )?\d\d:\d\d"  # with the day where it is not today's
UNSEEN = ("credentials", "rights", "webhooks", "fields", "mapping", "clock")  # checks that ask a vendor


def job(row, state, reason="", due=timedelta(0), **values):
    JobFactory(integration=row, state=state, reason=reason, next_attempt_at=timezone.now() + due, **values)


def workers_silent(row):
    Doorbell.objects.filter(key__startswith="worker:").update(rung_at=timezone.now() - timedelta(seconds=16))


def pages_just_started(row):
    workers_silent(row)
    heartbeat.serving()


def schedule_stands_still(row):
    Doorbell.objects.filter(key="sweeper").update(rung_at=timezone.now() - 6 * MINUTE)


def queue_stands_still(row):
    job(row, "waiting", due=-2 * MINUTE)


def poison_job(row):
    job(row, "dead", "crashed")


def deep_queue(row):
    for _ in range(30):
        job(row, "waiting", due=-10 * MINUTE)
    job(row, "done")


def asked_to_wait(row):
    connection_health.note_error(row.left, RateLimited("Slow down.", retry_after=300))
    job(row, "waiting")


def asked_to_wait_a_moment(row):
    connection_health.note_error(row.left, RateLimited("Slow down.", retry_after=30))


def day_used_up(row):
    rate_limits.ConnectionMeter(row.left).after([LimitStatus("day", remaining=10, limit=30_000, resets_in=7200)])
    job(row, "waiting")


def vendor_down(row):
    for _ in range(2):
        vendor_answers.note(row.right, Exchange("GET", "/contacts", 0, 5, "", ""))
    job(row, "waiting")


def refused_record(row):
    job(row, "dead", "record_refused")


def key_refused(row):
    connection_health.mark(row.right, Health.NEEDS_YOU, "credentials_refused")
    job(row, "held", "credentials_refused")


def nonsense_answers(row):
    for _ in range(2):
        connection_health.note_error(row.right, ContractError("Not JSON."))


def part_of_a_batch_put_off(row):
    job(row, "waiting", "transient", 20 * MINUTE)


def not_visible_yet(row):
    job(row, "waiting", "transient", 2 * MINUTE)


def mapping_broken(row):
    factories.MappingFactory(integration=row, problem="Gone.")


def webhook_missing(row):
    step = {"key": "webhooks", "label": "Webhooks", "ok": True, "detail": "", "reason": ""}
    Integration.objects.filter(pk=row.pk).update(provisioning=[step])


def webhook_silent(row):
    endpoint = EndpointFactory(connection=row.left, last_received_at=timezone.now() - 2 * DAY)
    WebhookHabit.objects.create(endpoint=endpoint, hour=timezone.now(), observed=1000, weights=[1.0] * 168)
    factories.SubscriptionFactory(connection=row.left, external_id="1", event="person.change")


def step_failed(row):
    step = {"key": "webhooks", "label": "Webhooks", "ok": False, "detail": "40 of 40.", "reason": "webhook_limit"}
    Integration.objects.filter(pk=row.pk).update(provisioning=[step])


def another_account(row):
    connection_health.mark(row.right, Health.NEEDS_YOU, "credentials_refused", "These credentials open another one.")


def held(row):
    job(row, "held", "doi_mailing_missing")


def brake(row):
    Brake.objects.create(integration=row, kind="removals", tripped_at=timezone.now())
    job(row, "held", "mass_delete")


def nothing_on(row):
    Integration.objects.filter(pk=row.pk).update(settings={"contacts_enabled": False, "deals_enabled": False})


def drifted(row):
    for number in range(2):
        Drift.objects.create(
            integration=row, flow="person_to_contact", kind="differs", source_id=str(number), field="LASTNAME"
        )


def only_one_side(row):
    Drift.objects.create(integration=row, flow="person_to_contact", kind="only_source", source_id="1", target_id="1")


def import_waits(row):
    job(row, "waiting", "contact_queued", 2 * MINUTE)


def not_asked_lately(row):
    Connection.objects.filter(pk=row.right_id).update(last_answer_at=timezone.now() - 2 * HOUR)


def never_asked(row):
    Connection.objects.filter(pk=row.right_id).update(last_answer_at=None)


def nothing_travelled(row):
    row.log.all().delete()


@dataclass(frozen=True)
class Fault:
    """How a fault comes about, what the pages say of it, and the word of the state."""

    arrange: Callable[[Integration], None]
    words: str  # a regular expression
    state: str = "Needs attention"
    row: str = ""  # of the chaos table


SLOW, BUSY = "Delayed", "Catching up"
FAULTS = (
    Fault(workers_silent, rf"No worker is alive: the last one was heard at {CLOCK}.*nothing is lost", SLOW, "P2 P3 P5"),
    Fault(schedule_stands_still, rf"the schedule has not run since {CLOCK}", SLOW, "P10"),
    Fault(pages_just_started, "Lockstep is starting", BUSY),
    Fault(queue_stands_still, "has waited for 2 minutes. None was synced in the last 2 minutes", SLOW, "P7"),
    Fault(poison_job, "1 record failed:", row="P11"),
    Fault(deep_queue, "30 changes are being synced. About 60 minutes left", BUSY, "P13"),
    Fault(asked_to_wait, rf"paused until {CLOCK}.*1 change waits; nothing is lost", SLOW, "V1"),
    Fault(asked_to_wait_a_moment, rf"paused until {CLOCK}", BUSY, "V1"),
    Fault(day_used_up, rf"limit of Pipedrive is used up .*continues at .*{CLOCK}.*1 change waits", SLOW, "V2"),
    Fault(vendor_down, rf"Maileon has not answered since {CLOCK}.*; next try .*{CLOCK}.*1 change waits", SLOW, "V3"),
    Fault(refused_record, "1 record failed:", row="V4"),
    Fault(key_refused, "Maileon: The credentials were rejected", row="V5"),
    Fault(nonsense_answers, rf"Maileon has not answered properly since {CLOCK}", SLOW, "V6"),
    Fault(part_of_a_batch_put_off, rf"1 change is tried again at .*{CLOCK}", SLOW, "V7"),
    Fault(not_visible_yet, rf"1 change is tried again at .*{CLOCK}", BUSY, "V9"),
    Fault(mapping_broken, "X → Y: Gone", row="V11"),
    Fault(webhook_missing, "webhooks? in Pipedrive (is|are) missing", row="V13"),
    Fault(webhook_silent, "Pipedrive has sent nothing since", row="V13"),
    Fault(step_failed, "Webhooks: 40 of 40", row="V14"),
    Fault(another_account, "Maileon: The credentials were rejected", row="V15"),
    Fault(held, "1 record waits:"),
    Fault(brake, "1 record waits:"),
    Fault(nothing_on, "Nothing is switched on"),
    Fault(drifted, rf"2 fields differ between Pipedrive and Maileon, found .*{CLOCK}"),
    Fault(only_one_side, "1 record is only in one of Pipedrive and Maileon, found"),
    Fault(import_waits, rf"1 change is tried again at .*{CLOCK}", BUSY),
    Fault(not_asked_lately, rf"Maileon was last asked at .*{CLOCK}", SLOW),
    Fault(never_asked, "Maileon has not been asked yet", SLOW),
)
NO_TRACE = {
    "P1": "a web process that dies leaves what it had stored; what it had not, the vendor sends again",
    "P4": "a deploy ends in order: the next heartbeat comes before the last one is old",
    "P6": "without a database no page answers; /healthz says so (test_policy)",
    "P8": "the vendor sends again what was stored already; one event stays one",
    "P9": "a clock that jumps is told by Diagnose where a vendor's differs (test_diagnose)",
    "P12": "an old worker leaves what it does not know to a new one; it waits like any change",
    "V8": "a create whose answer was lost is looked up before it is tried again",
    "V10": "every record of a moving list is seen; nothing waits",
    "V12": "a merge or deletion at the vendor is work like any other",
}


def test_every_process_and_vendor_fault_is_told_or_leaves_no_trace():
    told = {row for fault in FAULTS for row in fault.row.split()}
    assert not told & NO_TRACE.keys()
    assert told | NO_TRACE.keys() == {*(f"P{n}" for n in range(1, 14)), *(f"V{n}" for n in range(1, 16))}


@pytest.fixture
def integration():
    sweeper.sweep()
    member = factories.MemberFactory()
    row = factories.IntegrationFactory(tenant=member.tenant, activated_at=timezone.now() - 2 * DAY)
    factories.LogFactory(integration=row)
    factories.RunFactory(integration=row, kind="compare", state="done", finished_at=timezone.now() - HOUR)
    return row


@pytest.fixture
def walk(integration, settings, monkeypatch):
    """Read every page that says how the integration is; each by its name, without the lists' filters."""
    settings.WHITENOISE_USE_FINDERS = False
    own = tuple(check for check in examine.CHECKS if check.key not in UNSEEN)
    monkeypatch.setattr(examine, "CHECKS", own)
    portal, console = Client(), Client()
    portal.force_login(integration.tenant.members.get().user)
    console.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    pages = {
        "tenant": (portal, reverse("portal:overview", kwargs={"tenant_id": integration.tenant_id})),
        "overview": (portal, reverse("portal:integration", kwargs=ids)),
        "front": (console, "/admin/"),
        "integrations": (console, reverse("admin:integration_integration_changelist")),
        "integration": (console, reverse("admin:integration_integration_change", args=[integration.pk])),
        "connections": (console, reverse("admin:integration_connection_changelist")),
        "left": (console, reverse("admin:integration_connection_change", args=[integration.left_id])),
        "right": (console, reverse("admin:integration_connection_change", args=[integration.right_id])),
        "diagnose": (console, reverse("admin:integration_integration_diagnose", args=[integration.pk])),
    }

    def read():
        found = {}
        for name, (client, address) in pages.items():
            answer = client.get(address)
            assert answer.status_code == 200, name
            found[name] = _read(answer.content.decode())
        return found

    return read


def _read(html):
    """What a person reads there; what one may filter by says nothing of the rows."""
    html = re.sub(r"<(script|style|select|aside|nav)\b.*?</\1>", " ", html, flags=re.S)
    html = re.sub(r'<form id="filter-form".*?</form>', " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_without_a_fault_every_page_says_in_sync(integration, walk):
    found = walk()
    for name in ("tenant", "overview", "front", "integration"):
        assert "Everything is in sync. Last change" in found[name], name
    assert "In sync" in found["integrations"]
    assert "Nothing is wrong" in found["diagnose"]
    assert Client().get("/healthz").json()["state"] == "in_sync"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.arrange.__name__)
def test_a_fault_is_told_on_every_page(fault, integration, walk):
    fault.arrange(integration)

    found = walk()

    for name, text in found.items():
        assert "in sync" not in text.casefold(), name
        assert "Nothing is wrong" not in text, name
    for name in ("tenant", "overview", "integration"):
        assert re.search(fault.words, found[name]), (name, found[name][:2000])
    for name in ("overview", "tenant", "integrations", "integration", "diagnose"):
        assert fault.state in found[name], name
    assert Client().get("/healthz").json()["state"] != "in_sync"
    assert fault.state in found["front"]
    if fault.state != BUSY:
        assert "Not OK" in found["diagnose"]


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.state != BUSY], ids=lambda fault: fault.arrange.__name__
)
def test_each_line_leads_to_where_one_sees_or_fixes_it(fault, integration, settings):
    fault.arrange(integration)
    portal, ids = Client(), {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    portal.force_login(integration.tenant.members.get().user)
    page = portal.get(reverse("portal:integration", kwargs=ids))
    lines = [*page.context["needs"], *page.context["delays"]]
    assert lines
    for line in lines:
        address = reverse(f"portal:{line.page}", kwargs=ids) + line.query
        assert address.replace("&", "&amp;") in page.content.decode()
        assert portal.get(address).status_code == 200


def test_a_fault_of_another_is_not_told(walk):
    other = factories.IntegrationFactory()
    factories.LogFactory(integration=other)
    refused_record(other)
    assert "Everything is in sync. Last change" in walk()["overview"]


@pytest.mark.chaos("V3")
def test_a_vendor_that_is_down_is_told_at_the_second_call(integration):
    vendor_answers.note(integration.right, Exchange("GET", "/contacts", 503, 5, "", ""))
    assert state_of(integration) == "In sync"
    vendor_answers.note(integration.right, Exchange("GET", "/contacts", 503, 5, "", ""))
    assert state_of(integration) == SLOW
    vendor_answers.note(integration.right, Exchange("GET", "/contacts", 200, 5, "", ""))
    assert state_of(integration) == "In sync"


def test_before_the_first_record_the_pages_say_what_is_left(integration, walk):
    nothing_travelled(integration)
    found = walk()
    assert "Connected. No record has travelled yet." in found["overview"]
    assert "Change a record in Pipedrive" in found["overview"]
    assert "In sync" not in found["integrations"]


def state_of(integration):
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=integration.pk)
    return str(status_of(row, get_recipe).state.label)
