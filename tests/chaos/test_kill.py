"""kill -9 of the worker in the middle of the work: the end state is that of an undisturbed run, nothing is doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from integration.engine.sync import runs
from integration.models import EventState, SyncJob, SyncRun, WebhookEvent
from tests.support import hub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]  # seconds: workers die and come back again and again

KILLS = 3


@pytest.fixture
def people(request):
    """How many people: `make chaos` takes 500, any other run a number that leaves time for the rest."""
    return 500 if request.config.getoption("--chaos") else 150


def mails(farm):
    return Counter(row["email"] for row in farm.control("GET", "/maileon/501/doi-mails"))


def slow_vendors(farm):
    """Slow enough that a kill hits in the middle."""
    for vendor in ("pipedrive", "maileon"):
        farm.control("POST", "/misbehave", {"vendor": vendor, "latency_ms": 4})


def at_rest():
    waiting = SyncJob.objects.filter(state__in=("waiting", "running")).exists()
    return not waiting and not WebhookEvent.objects.filter(state=EventState.NEW).exists()


def kill_while(farm, progress, total, tally):
    """Kill the worker at quarters of the progress, each time starting a new one."""
    for number in range(1, KILLS + 1):
        farm.until(
            f"{number}/{KILLS + 1} of the work", lambda number=number: progress() >= total * number / (KILLS + 1)
        )
        farm.kill_worker()
        tally.injected += 1
        farm.start_worker()


@pytest.mark.chaos("P2")
def test_a_burst_of_events_survives_kills(farm, people, tally):
    integration = hub.install(farm.sandbox_url, deals_enabled=True)
    newsletter = {integration.resources["newsletter"]: int(integration.resources["newsletter_yes"])}
    slow_vendors(farm)

    ids = []
    for n in range(people):
        body = {"name": f"Person {n}", "emails": [{"value": f"p{n}@example.com"}], "custom_fields": newsletter}
        ids.append(farm.control("POST", "/pipedrive/acme/persons", body)["data"]["id"])
    for n in range(0, people, 5):
        farm.control("POST", "/pipedrive/acme/deals", {"title": f"Deal {n}", "person_id": ids[n]})
    kill_while(farm, lambda: len(mails(farm)), people, tally)
    farm.until("everything to be done", lambda: len(mails(farm)) == people and at_rest())

    assert set(mails(farm).values()) == {1}
    sent = Counter(row["content"]["deal_id"] for row in farm.control("GET", "/maileon/501/transactions"))
    assert set(sent.values()) == {1}
    assert len(sent) == people / 5
    assert not SyncJob.objects.filter(state__in=("dead", "held")).exists()


@pytest.mark.chaos("P2")
def test_fetch_all_survives_kills(farm, people, tally):
    integration = hub.install(farm.sandbox_url)
    newsletter = {integration.resources["newsletter"]: int(integration.resources["newsletter_yes"])}
    persons = [
        {"name": f"Person {n}", "emails": [{"value": f"p{n}@example.com"}], "custom_fields": newsletter}
        for n in range(people)
    ]
    farm.control("POST", "/pipedrive/acme/seed", {"persons": persons})
    slow_vendors(farm)

    runs.start(integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    kill_while(farm, lambda: len(mails(farm)), people, tally)
    farm.until("Fetch All to end", lambda: SyncRun.objects.get(kind="fetch_all").state == "done" and at_rest())

    assert len(mails(farm)) == people
    assert set(mails(farm).values()) == {1}
    assert SyncRun.objects.get(kind="fetch_all").done >= people
    assert not SyncJob.objects.filter(state__in=("dead", "held")).exists()
