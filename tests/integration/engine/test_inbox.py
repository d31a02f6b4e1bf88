"""The inbox: stored once, in one order for all writers, and of whom it came."""

from __future__ import annotations

import pytest

from integration.connectors.base import ParsedEvent
from integration.engine.intake import inbox
from integration.models import WebhookEvent
from integration.secrets import email_hash
from tests.support.factories import EndpointFactory

pytestmark = pytest.mark.django_db(transaction=True)


def parsed(key, **values):
    return ParsedEvent("person.change", "person", "7", dedupe_key=key, **values)


def test_two_writers_store_their_rows_in_one_order():
    """Were it the order in which they came, two writers with the same rows would wait for each other."""
    inbox.record(EndpointFactory(), [parsed(key) for key in "cab"])

    assert list(WebhookEvent.objects.order_by("id").values_list("dedupe_key", flat=True)) == ["a", "b", "c"]


def test_an_event_is_found_by_the_address_it_names():
    inbox.record(EndpointFactory(), [parsed("a", email="Ada@Example.com")])

    assert WebhookEvent.objects.get().email_hash == email_hash("ada@example.com")


@pytest.mark.parametrize("crowded", [True, False])
def test_events_of_a_crowded_tenant_give_way_at_the_address_of_all_accounts(crowded):
    endpoint = EndpointFactory()
    account = endpoint.connection.external_account_id
    asked = []

    def ask(tenant_id, count):
        asked.append((tenant_id, count))
        return crowded

    events = [parsed(key, account_id=account) for key in "ab"] + [parsed("c", account_id="nobody's")]
    assert inbox.record_for_accounts("pipedrive", events, ask) == 1

    assert set(WebhookEvent.objects.values_list("deferred", flat=True)) == {crowded}
    assert asked == [(endpoint.connection.tenant_id, 2)]


def test_an_account_that_left_gets_no_events():
    endpoint = EndpointFactory(connection__health="disconnected")

    unknown = inbox.record_for_accounts("pipedrive", [parsed("a", account_id=endpoint.connection.external_account_id)])

    assert unknown == 1
    assert not WebhookEvent.objects.exists()


def test_an_event_of_another_account_is_kept_and_not_worked_off(rings):
    inbox.record(EndpointFactory(), [parsed("a", account_id="somebody else's")])

    assert WebhookEvent.objects.values_list("state", "reason").get() == ("ignored", "wrong_account")
    assert rings == []
