"""The one place that writes wishes: what earlier ones knew is kept while they are unfinished, and no longer."""

from __future__ import annotations

import pytest

from integration.engine.dispatch.jobs import save_jobs, save_outcomes
from integration.models import SyncJob
from tests.support.factories import IntegrationFactory, JobFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration():
    return IntegrationFactory()


def wish(integration, **values):
    return SyncJob(integration=integration, flow="person_to_contact", external_id="7", **values)


@pytest.mark.parametrize("state", ["waiting", "running", "held", "dead"])
def test_what_an_unfinished_wish_knew_is_kept(integration, state):
    JobFactory(integration=integration, external_id="7", state=state, hint={"unsubscription": "then", "said": 1})

    save_jobs([wish(integration, hint={"said": 2})])

    assert SyncJob.objects.values_list("state", "hint").get() == ("waiting", {"unsubscription": "then", "said": 2})


def test_what_was_worked_off_says_nothing_about_the_next_wish(integration):
    JobFactory(integration=integration, external_id="7", state="done", hint={"deleted": True})

    save_jobs([wish(integration, hint={"said": 2})])

    assert SyncJob.objects.get().hint == {"said": 2}


@pytest.mark.parametrize(("state", "after"), [("waiting", "waiting"), ("running", "running"), ("done", "dead")])
def test_a_failure_elsewhere_never_puts_aside_what_waits_for_work(integration, state, after):
    JobFactory(integration=integration, external_id="7", state=state)

    save_outcomes([wish(integration, state="dead", reason="record_refused")])

    assert SyncJob.objects.get().state == after
