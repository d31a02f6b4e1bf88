"""Values are written back into a field made anew, in portions, and whoever is stopped on the way is followed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from integration.models import Integration, SyncJob
from integration.recipes.newsletter import steps
from tests.support.factories import IntegrationFactory, LinkFactory

pytestmark = pytest.mark.django_db(transaction=True)
FLOW = "consent_to_person"


def session(integration):
    return SimpleNamespace(integration=integration, resources=integration.resources)


@pytest.mark.chaos("E6")
def test_a_restore_that_was_stopped_goes_on_behind_what_it_had_queued(monkeypatch):
    integration = IntegrationFactory()
    for number in range(5):
        LinkFactory(integration=integration, source_id=str(number), notes={"consent": "confirmed"})
    monkeypatch.setattr(steps, "PORTION", 2)
    really, portions = steps.save_jobs, []

    def stopped(jobs):
        portions.append(len(jobs))
        if len(portions) == 2:
            raise SystemExit("the worker is ending")
        really(jobs)

    monkeypatch.setattr(steps, "save_jobs", stopped)
    with pytest.raises(SystemExit):
        steps.restore_values(session(integration), "person", FLOW)
    again = session(Integration.objects.get())
    assert steps.is_restoring(again, FLOW)
    assert SyncJob.objects.count() == 2

    monkeypatch.setattr(steps, "save_jobs", really)
    assert steps.restore_values(again, "person", FLOW) == 3

    assert SyncJob.objects.count() == 5
    assert not steps.is_restoring(session(Integration.objects.get()), FLOW)
