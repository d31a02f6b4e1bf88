"""The health of a connection: since when it is so, and that nobody calls an account that left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration.engine.clients import connection_health
from integration.models import Connection, Health
from tests.support.factories import ConnectionFactory

pytestmark = pytest.mark.django_db
BEFORE = timezone.now() - timedelta(days=3)


@pytest.mark.parametrize(
    ("reason", "moves"), [("credentials_refused", False), ("permission_missing", True)], ids=["the same", "another"]
)
def test_since_when_it_is_so_moves_only_when_it_changes(reason, moves):
    connection = ConnectionFactory(
        health="needs_you", health_reason="credentials_refused", health_changed_at=BEFORE, health_detail="before"
    )

    connection_health.mark(connection, Health.NEEDS_YOU, reason, "now")

    found = Connection.objects.get()
    assert (found.health_changed_at > BEFORE, found.health_reason, found.health_detail) == (moves, reason, "now")


def test_an_account_that_left_is_not_called_and_does_not_work(sandbox):
    connection = ConnectionFactory(health="disconnected", base_url=f"{sandbox.url}/pipedrive/acme")
    sandbox.control("DELETE", "/calls")

    assert connection_health.check(connection) is False

    assert sandbox.control("GET", "/calls") == []
    assert Connection.objects.get().health == "disconnected"
