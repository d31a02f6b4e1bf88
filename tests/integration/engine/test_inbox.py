"""The inbox: stored once, in one order for all writers, and of whom it came."""

from __future__ import annotations

import pytest

from integration.connectors.base import ParsedEvent
from integration.engine import inbox
from integration.models import WebhookEvent
from tests.support.factories import EndpointFactory

pytestmark = pytest.mark.django_db(transaction=True)


def parsed(key, **values):
    return ParsedEvent("person.change", "person", "7", dedupe_key=key, **values)


def test_two_writers_store_their_rows_in_one_order():
    """Were it the order in which they came, two writers with the same rows would wait for each other."""
    inbox.record(EndpointFactory(), [parsed(key) for key in "cab"])

    assert list(WebhookEvent.objects.order_by("id").values_list("dedupe_key", flat=True)) == ["a", "b", "c"]
