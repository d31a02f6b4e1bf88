"""Meet rows that another version of the code left behind: a flow was renamed or dropped."""

from __future__ import annotations

import pytest

from integration.engine.sync import runner
from integration.models import SyncRun
from tests.support.factories import IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_of_a_flow_that_is_gone_ends_and_breaks_no_slice():
    integration = IntegrationFactory()
    flow = FakeFlow()
    SyncRun.objects.create(integration=integration, kind="poll", flow="old_name")
    said = []
    for _ in range(20):
        try:
            said.append(runner.run(str(integration.pk), recipes_with(flow)))
        except Exception as exc:
            said.append(f"{type(exc).__name__}: {exc}")
    run = SyncRun.objects.get()
    assert run.state == "failed"


def test_a_job_of_a_flow_that_is_gone_does_not_ring_without_end(rings):
    integration = IntegrationFactory()
    flow = FakeFlow()
    JobFactory(integration=integration, flow="old_name", external_id="1")
    words = []
    for _ in range(10):  # each ring is a queue message that starts the next slice at once
        rings.clear()
        words.append(runner.run(str(integration.pk), recipes_with(flow)))
        if str(integration.pk) not in rings:
            break
    assert len(words) < 10
