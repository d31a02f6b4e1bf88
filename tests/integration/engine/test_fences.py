"""One odd event, recipe, row or page never stops another, and what gets nowhere is ended with a reason."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import pytest
from django.db import DataError, OperationalError

from integration import tasks
from integration.connectors.base import ParsedEvent
from integration.engine.alerts import watch
from integration.engine.dispatch import deadlock, sweeper
from integration.engine.flow.base import Item, Page
from integration.engine.insight import status
from integration.engine.intake import inbox
from integration.engine.setup import lifecycle
from integration.engine.setup.provisioning import StepResult
from integration.engine.sync import polls, router, runner, runs, start_everywhere
from integration.models import LONGEST_ID, AlertKind, SyncJob, SyncLog, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support.factories import EndpointFactory, EventFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)
STRANGE = "pipedrive_mailchimp"


def told(kind: str = AlertKind.NOT_ROUTED) -> list[str]:
    from django.utils import timezone

    return [row.what for row in watch.look(get_recipe, timezone.now())[0] if row.kind == kind]


@pytest.mark.chaos("E1")
def test_an_event_that_the_database_refuses_is_found_by_halves_and_told(monkeypatch):
    integration = IntegrationFactory()
    for number in range(9):
        EventFactory(connection=integration.left, external_id=str(number))
    really = router.save_jobs

    def refusing(jobs):
        if any(job.external_id == "5" for job in jobs):
            raise DataError("value too long")
        really(jobs)

    monkeypatch.setattr(router, "save_jobs", refusing)

    assert router.route_new_events(recipes_with(FakeFlow())) == 9

    assert sorted(SyncJob.objects.values_list("external_id", flat=True)) == list("01234678")
    spoilt = WebhookEvent.objects.get(external_id="5")
    assert (spoilt.state, spoilt.reason) == ("ignored", "internal_error")
    assert "1 events of" in told()[0]


@pytest.mark.chaos("E1")
def test_a_database_in_trouble_refuses_nobodys_event(monkeypatch):
    EventFactory(connection=IntegrationFactory().left)

    def away(jobs):
        raise OperationalError("the server is going down")

    monkeypatch.setattr(router, "save_jobs", away)
    with pytest.raises(OperationalError):
        router.route_new_events(recipes_with(FakeFlow()))

    assert WebhookEvent.objects.get().state == "new"


@pytest.mark.chaos("E1")
def test_events_of_a_recipe_this_version_does_not_have_wait_for_one_that_has_it():
    strange = IntegrationFactory(recipe=STRANGE)
    event = EventFactory(connection=strange.left, external_id="7")

    router.route_new_events(get_recipe)
    event.refresh_from_db()
    assert (event.state, event.reason) == ("held", "recipe_unknown")
    assert STRANGE in told()[0]
    assert router.release_held(get_recipe) == 0
    assert runner.run(str(strange.pk), get_recipe) == "unknown"

    new_version = recipes_with(FakeFlow())
    assert router.release_held(new_version) == 1
    router.route_new_events(new_version)
    assert SyncJob.objects.get().external_id == "7"


@pytest.mark.chaos("E1")
def test_such_an_integration_is_shown_as_what_it_is():
    strange = IntegrationFactory(recipe=STRANGE, state="active")

    found = status.status_of(strange, get_recipe)

    assert [issue.code for issue in found.issues] == ["recipe_unknown"]


@pytest.mark.chaos("E1")
def test_ids_that_are_too_long_are_told_where_they_enter():
    endless = "9" * (LONGEST_ID + 1)
    integration = IntegrationFactory()
    endpoint = EndpointFactory(connection=integration.left)
    inbox.record(endpoint, [ParsedEvent("person.change", "person", endless, "k" * 300), ParsedEvent(
        "person.change", "person", "1", "k" * 301)])  # fmt: skip
    assert sorted(WebhookEvent.objects.values_list("state", "reason")) == [
        ("ignored", "record_unreadable"),
        ("new", ""),
    ]

    flow = FakeFlow(source={endless: {"name": "x"}, "1": {"name": "y"}})
    runs.start(integration, "fetch_all", flow.key)
    runner.run(str(integration.pk), recipes_with(flow))
    assert list(flow.target) == ["1"]
    assert SyncRun.objects.get().state == "done"
    assert "longer than an id" in SyncLog.objects.get(source_id=endless[:LONGEST_ID]).detail


@pytest.mark.chaos("E1")
def test_one_integration_that_cannot_be_asked_stops_no_schedule(monkeypatch):
    fine = IntegrationFactory()
    IntegrationFactory(settings=[])  # a row that no form of ours has written

    assert tasks.poll_all() != "0 polls"
    assert set(SyncRun.objects.values_list("integration", flat=True)) == {fine.pk}
    assert polls.start_due_everywhere(["leadboxer_pipedrive"], get_recipe) == 0


def test_on_a_large_hub_the_polls_come_due_one_after_the_other(monkeypatch, rings):
    monkeypatch.setattr(start_everywhere, "AT_ONCE", 2)
    rows = [IntegrationFactory() for _ in range(4)]

    tasks.poll_all()

    due = list(
        SyncRun.objects.filter(flow="person_to_contact").order_by("next_attempt_at").values_list("next_attempt_at")
    )
    assert len(set(due)) > 1
    assert len(rings) < len(rows)


@pytest.mark.chaos("E2")
def test_a_vendor_that_leads_back_to_the_same_page_ends_the_run():
    integration = IntegrationFactory()
    flow = FakeFlow(source={"1": {"name": "x"}})
    flow.page = lambda ctx, kind, cursor, since: Page([Item("1")], {"1": flow._record("1")}, "again")
    runs.start(integration, "fetch_all", flow.key)

    for _ in range(30):
        SyncRun.objects.filter(state__in=("waiting", "running")).update(next_attempt_at="2020-01-01T00:00Z")
        integration.left.__class__.objects.update(not_before=None)
        runner.run(str(integration.pk), recipes_with(flow), slice_seconds=0)

    run = SyncRun.objects.get()
    assert run.state == "failed"
    assert "same page" in run.problem


@pytest.mark.chaos("E2")
def test_jobs_of_a_flow_that_is_gone_wait_for_a_version_that_has_it():
    job = JobFactory(flow="old_name")

    runner.run(str(job.integration_id), recipes_with(FakeFlow()))
    job.refresh_from_db()
    assert job.state == "waiting"

    runner.run(str(job.integration_id), recipes_with(FakeFlow(key="old_name", source={job.external_id: {"name": "x"}})))
    job.refresh_from_db()
    assert job.state == "done"


@pytest.mark.chaos("E7")
def test_a_transaction_in_anothers_way_is_tried_once_more():
    tries = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def work():
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("deadlock detected") from Deadlock()
        return "done"

    assert deadlock.retried(work) == "done"
    with pytest.raises(OperationalError):
        deadlock.retried(lambda: (_ for _ in ()).throw(OperationalError("gone")))


@pytest.mark.chaos("E6")
def test_an_uninstall_that_cannot_be_finished_keeps_neither_the_sweep_nor_others_waiting(monkeypatch):
    broken, fine = (IntegrationFactory(state="uninstalled", id=UUID(int=number)) for number in (1, 2))
    really = lifecycle.strip_personal_data

    def strip(integration, alive):
        if integration.pk == broken.pk:
            raise ZeroDivisionError("a bug of ours")
        really(integration, alive)

    monkeypatch.setattr(lifecycle, "strip_personal_data", strip)
    monkeypatch.setattr(
        lifecycle.provisioning, "run_step", lambda ctx, step: StepResult(step.key, step.label, True, "")
    )

    with suppress(ZeroDivisionError):
        tasks.sweep()

    fine.refresh_from_db()
    broken.refresh_from_db()
    assert (fine.uninstalled_at is not None, broken.uninstalled_at) == (True, None)
    assert sweeper.last_sweep() is not None
