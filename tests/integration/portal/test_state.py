"""The numbers behind the sentence about an integration: of the last day, and what waits now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.models import SyncLog
from integration.portal import state
from tests.support.factories import IntegrationFactory, JobFactory, LogFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration():
    return IntegrationFactory()


def test_the_numbers_are_of_the_last_24_hours(integration):
    for hours, outcome in ((1, "synced"), (23, "synced"), (25, "synced"), (1, "skipped"), (500, "failed")):
        row = LogFactory(integration=integration, outcome=outcome)
        SyncLog.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    LogFactory()  # another's

    assert state.numbers(integration) == {"synced": 2, "skipped": 1, "failed": 0, "waiting": 0}


@pytest.mark.parametrize(("status", "counts"), [("waiting", 1), ("running", 1), ("held", 1), ("dead", 0), ("done", 0)])
def test_what_waits_is_what_will_still_be_worked_off(integration, status, counts):
    JobFactory(integration=integration, state=status)
    JobFactory(state=status)  # another's

    assert state.numbers(integration)["waiting"] == counts
