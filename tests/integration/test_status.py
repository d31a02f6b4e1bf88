"""Portal, console, /healthz and Diagnose say the same of each state that an integration can be in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.diagnose import examine
from integration.engine.dispatch import sweeper
from integration.engine.insight.status import SyncState, connection_status, status_of, statuses
from integration.engine.setup import lifecycle
from integration.models import (
    Brake,
    Connection,
    Doorbell,
    Integration,
    SyncJob,
    WebhookEvent,
    WebhookHabit,
)
from integration.recipes.registry import get_recipe
from tests.support import factories
from tests.support.factories import EndpointFactory, EventFactory, IntegrationFactory, JobFactory, MemberFactory

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def job(integration, state, reason="", due=timedelta(0)):
    JobFactory(integration=integration, state=state, reason=reason, next_attempt_at=timezone.now() - due)


def calm(integration):
    """Nothing is the matter."""


def just_in(integration):
    job(integration, "waiting")


def dead_job(integration):
    job(integration, "dead", "record_refused")


def held_job(integration):
    job(integration, "held", "doi_mailing_missing")


def left_by_a_switched_off_part(integration):
    job(integration, "held", "flow_off")


def broken_mapping(integration):
    factories.MappingFactory(integration=integration, problem="Gone.")


def brake_tripped(integration):
    Brake.objects.create(integration=integration, kind="removals", tripped_at=timezone.now())
    job(integration, "held", "mass_delete")


def brake_and_late_job(integration):
    brake_tripped(integration)
    job(integration, "waiting", due=2 * MINUTE)


def late_job(integration):
    job(integration, "waiting", due=2 * MINUTE)


def moves(integration):
    job(integration, "done")


def late_job_among_others_done(integration):
    late_job(integration)
    moves(integration)


def late_event_while_others_are_done(integration):
    late_event(integration)
    moves(integration)


def compared(integration):
    factories.RunFactory(integration=integration, kind="compare", state="done", finished_at=timezone.now() - 3 * HOUR)


def nothing_travelled(integration):
    integration.log.all().delete()


def much_too_late_but_moving(integration):
    much_too_late_job(integration)
    moves(integration)


def much_too_late_job(integration):
    job(integration, "waiting", due=20 * MINUTE)


def late_event(integration):
    event = EventFactory(connection=integration.left, state="new")
    WebhookEvent.objects.filter(pk=event.pk).update(received_at=timezone.now() - 2 * MINUTE)


def fetch_all(integration):
    factories.RunFactory(integration=integration, state="running", kind="fetch_all")


def no_worker(integration):
    Doorbell.objects.update(rung_at=timezone.now() - 10 * MINUTE)


def needs_authorisation(integration):
    Connection.objects.filter(pk=integration.right_id).update(health="needs_you", health_reason="credentials_refused")


def resting_vendor(integration):
    Connection.objects.filter(pk=integration.left_id).update(not_before=timezone.now() + 10 * MINUTE)


def silent_webhook(integration):
    endpoint = EndpointFactory(connection=integration.left, last_received_at=timezone.now() - 48 * HOUR)
    WebhookHabit.objects.create(endpoint=endpoint, hour=timezone.now(), observed=1000, weights=[1.0] * 168)
    factories.SubscriptionFactory(connection=integration.left, external_id="1", event="person.change")


def failed_step(integration):
    step = {"key": "x", "label": "Webhooks", "ok": False, "detail": "No more.", "reason": "webhook_limit"}
    Integration.objects.update(provisioning=[step])


def paused(integration):
    lifecycle.pause(integration)


def paused_with_dead_job(integration):
    lifecycle.pause(integration)
    dead_job(integration)


def everything_off(integration):
    Integration.objects.update(settings={"contacts_enabled": False, "deals_enabled": False})


def setting_up(integration):
    Integration.objects.update(state="draft")


@dataclass(frozen=True)
class Case:
    """One state: how it comes about, what it is, the codes of its reasons, and what people read."""

    arrange: Callable[[Integration], None]
    state: SyncState
    codes: tuple[str, ...] = ()
    words: str = ""
    http: int = 200


NEEDS, SLOW = SyncState.NEEDS_ATTENTION, SyncState.DELAYED
CASES = [
    Case(calm, SyncState.IN_SYNC, words="In sync as far as changes tell: Pipedrive and Maileon have not been compared"),
    Case(compared, SyncState.IN_SYNC, words="Everything is in sync. Last change"),
    Case(nothing_travelled, SyncState.READY, words="No record has travelled yet."),
    Case(just_in, SyncState.IN_SYNC),
    Case(left_by_a_switched_off_part, SyncState.IN_SYNC),
    Case(late_job_among_others_done, SyncState.CATCHING_UP, words="1 change is being synced."),
    Case(late_event_while_others_are_done, SyncState.CATCHING_UP, words="1 change is being synced."),
    Case(much_too_late_but_moving, SyncState.CATCHING_UP, words="1 change is being synced.", http=503),
    Case(late_job, SLOW, ("queue_late",), "The oldest change has waited for 2 minutes."),
    Case(late_event, SLOW, ("queue_late",), "None was synced in the last 2 minutes"),
    Case(fetch_all, SyncState.CATCHING_UP, words="Fetch All is under way."),
    Case(resting_vendor, SLOW, ("resting",), "Calls to Pipedrive are paused until"),
    Case(dead_job, NEEDS, ("record_refused",), "1 record failed:"),
    Case(held_job, NEEDS, ("doi_mailing_missing",), "1 record waits:"),
    Case(broken_mapping, NEEDS, ("mapping_broken",), "X → Y: Gone."),
    Case(brake_tripped, NEEDS, ("mass_delete",), "1 record waits:"),
    Case(brake_and_late_job, NEEDS, ("mass_delete", "queue_late"), "1 record waits:"),
    Case(much_too_late_job, SLOW, ("queue_late",), "The oldest change has waited for 20 minutes.", http=503),
    Case(no_worker, SLOW, ("worker_gone",), "No worker is alive: the last one was heard at", http=503),
    Case(needs_authorisation, NEEDS, ("credentials_refused",), "The credentials were rejected"),
    Case(silent_webhook, NEEDS, ("webhook_silent",), "Pipedrive has sent nothing since"),
    Case(failed_step, NEEDS, ("webhook_limit",), "Webhooks: No more."),
    Case(everything_off, NEEDS, ("nothing_on",), "Nothing is switched on."),
    Case(paused, SyncState.PAUSED, words="Paused"),
    Case(paused_with_dead_job, SyncState.PAUSED, ("record_refused",), "Paused"),
    Case(setting_up, SyncState.SETTING_UP),
]


@pytest.fixture
def member():
    return MemberFactory()


@pytest.fixture
def integration(member):
    sweeper.sweep()
    row = IntegrationFactory(tenant=member.tenant, activated_at=timezone.now() - 48 * HOUR)
    factories.LogFactory(integration=row)
    return row


@pytest.fixture
def portal(member):
    client = Client()
    client.force_login(member.user)
    return client


@pytest.fixture
def console(settings):
    settings.WHITENOISE_USE_FINDERS = False
    client = Client()
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def _asks_no_vendor(monkeypatch):
    """Diagnose looks at our own rows only."""
    monkeypatch.setattr(examine, "CHECKS", tuple(check for check in examine.CHECKS if check.key == "state"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.arrange.__name__)
def test_everybody_says_the_same(case, integration, portal, console):
    case.arrange(integration)
    row = fresh(integration)
    found = status_of(row, get_recipe)
    assert (found.state, found.codes) == (case.state, case.codes)

    label = str(case.state.label)
    ids = {"tenant_id": row.tenant_id, "integration_id": row.pk}
    listed = portal.get(reverse("portal:overview", kwargs={"tenant_id": row.tenant_id}))
    page = portal.get(reverse("portal:integration", kwargs=ids))
    assert [shown.word for _, _, shown in listed.context["rows"]] == [page.context["status"].word] == [label]
    for answer in (listed, page):
        assert case.words in answer.content.decode()
    assert len(page.context["needs"]) + len(page.context["delays"]) == len(case.codes)

    changelist = console.get(reverse("admin:integration_integration_changelist"))
    assert [entry.status for entry in changelist.context["cl"].result_list] == [found]
    assert label in changelist.content.decode()
    filtered = console.get(reverse("admin:integration_integration_changelist"), {"status": case.state})
    assert [entry.pk for entry in filtered.context["cl"].result_list] == [row.pk]
    change = console.get(reverse("admin:integration_integration_change", args=[row.pk])).content.decode()
    assert label in change
    if found.wrong or found.progress:
        assert [*found.wrong, *found.progress][0].what in change
    front = console.get("/admin/")
    counted = {str(number.label.word): number.figure for number in front.context["integrations"]}
    assert counted[label] == "1"

    health = Client().get("/healthz")
    assert (health.status_code, health.json()["state"]) == (case.http, case.state)

    diagnosis = console.get(reverse("admin:integration_integration_diagnose", args=[row.pk])).content.decode()
    assert label in diagnosis
    assert ("Nothing is wrong" in diagnosis) == (
        not case.codes and case.state not in (SyncState.SETTING_UP, SyncState.CATCHING_UP)
    )
    report = diagnosed(row)
    assert (report["status"], report["reasons"]) == (case.state, list(case.codes))


def test_one_that_was_uninstalled(integration, portal, console):
    Integration.objects.update(state="uninstalled")
    row = fresh(integration)
    assert status_of(row, get_recipe).state == SyncState.REMOVED
    ids = {"tenant_id": row.tenant_id, "integration_id": row.pk}
    assert portal.get(reverse("portal:integration", kwargs=ids)).context["status"].word == "Uninstalled"
    changelist = console.get(reverse("admin:integration_integration_changelist"), {"state": "uninstalled"})
    assert [entry.status.state for entry in changelist.context["cl"].result_list] == [SyncState.REMOVED]
    assert Client().get("/healthz").json()["state"] is None


def test_a_switched_off_tenant_is_not_called_in_sync(integration):
    type(integration.tenant).objects.update(is_active=False)
    found = status_of(fresh(integration), get_recipe)
    assert (found.state, found.codes) == (SyncState.PAUSED, ("tenant_off",))


def test_a_list_takes_no_more_queries_than_one(integration, django_assert_num_queries):
    for arrange in (dead_job, broken_mapping, late_job, needs_authorisation):
        arrange(integration)
    row = fresh(integration)
    with django_assert_num_queries(QUERIES):
        status_of(row, get_recipe)
    for _ in range(10):
        other = IntegrationFactory()
        for arrange in (dead_job, broken_mapping, late_job, needs_authorisation, late_event):
            arrange(other)
    rows = fresh_rows()
    with django_assert_num_queries(QUERIES):
        assert len(statuses(rows, get_recipe)) == 11


QUERIES = 16  # one for each thing that is asked


def test_the_consoles_list_takes_as_many_queries_for_many(integration, console, django_assert_max_num_queries):
    address = reverse("admin:integration_integration_changelist")
    with django_assert_max_num_queries(100) as one:
        console.get(address)
    for _ in range(10):
        dead_job(IntegrationFactory())
    with django_assert_max_num_queries(len(one)) as many:
        assert len(console.get(address).context["cl"].result_list) == 11
    assert len(many) <= len(one)


def test_what_is_anothers_changes_nothing(integration):
    other = IntegrationFactory()
    for arrange in (dead_job, broken_mapping, late_job, late_event, resting_vendor, fetch_all):
        arrange(other)
    assert status_of(fresh(integration), get_recipe).state == SyncState.IN_SYNC


@pytest.mark.parametrize(("late", "said"), [(1, "1 change is being synced."), (2, "2 changes are being synced.")])
def test_what_waits_is_counted(integration, late, said):
    for _ in range(late):
        late_job(integration)
    for _ in range(20):
        moves(integration)
    [progress] = status_of(fresh(integration), get_recipe).progress
    assert (progress.count, progress.what) == (late, said)


def test_the_worst_comes_first(integration):
    for arrange in (dead_job, broken_mapping, needs_authorisation, no_worker, everything_off):
        arrange(integration)
    assert status_of(fresh(integration), get_recipe).codes == (
        "credentials_refused", "mapping_broken", "record_refused", "nothing_on", "worker_gone",
    )  # fmt: skip


def test_reasons_of_jobs_are_counted(integration):
    SyncJob.objects.all().delete()
    for _ in range(3):
        dead_job(integration)
    held_job(integration)
    issues = status_of(fresh(integration), get_recipe).issues
    assert [(issue.code, issue.count, issue.job_state) for issue in issues] == [
        ("record_refused", 3, "dead"), ("doi_mailing_missing", 1, "held"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"health": "ok"}, SyncState.CONNECTED), ({"health": "unchecked"}, SyncState.UNCHECKED),
        ({"health": "disconnected"}, SyncState.DISCONNECTED),
        ({"health": "needs_you", "health_reason": "credentials_refused"}, NEEDS),
        ({"health": "needs_you", "health_detail": "Twice."}, NEEDS),
        ({"health": "ok", "not_before": timezone.now() + 48 * HOUR}, SLOW),
        ({"health": "ok", "not_before": timezone.now() - HOUR}, SyncState.CONNECTED),
    ],
)  # fmt: skip
def test_a_connection_has_a_status_too(integration, console, values, state):
    Connection.objects.filter(pk=integration.left_id).update(**values)
    row = Connection.objects.get(pk=integration.left_id)
    assert connection_status(row).state == state
    listed = console.get(reverse("admin:integration_connection_changelist")).content.decode()
    assert str(state.label) in listed


def fresh(integration):
    return Integration.objects.select_related("left", "right", "tenant", "paused_by").get(pk=integration.pk)


def fresh_rows():
    return list(Integration.objects.select_related("left", "right", "tenant"))


def diagnosed(row):
    out = io.StringIO()
    try:
        call_command("diagnose", integration=row.pk, json=True, stdout=out)
    except CommandError:
        pass
    [report] = json.loads(out.getvalue())
    return report
