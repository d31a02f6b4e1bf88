"""The one address of a vendor whose app serves all accounts: proof, portals apart, and nothing lost."""

from __future__ import annotations

import json
import time

import pytest
from django.db import DatabaseError
from django.test import Client

from integration.connectors.base import WebhookRequest
from integration.connectors.hubspot import webhooks
from integration.engine.intake import inbox
from integration.engine.setup import provisioning
from integration.errors import TenantActionError
from integration.models import WebhookEndpoint, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support.factories import ConnectionFactory, EndpointFactory

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "the-secret-of-our-app"
ADDRESS = "/hooks/hubspot/"


@pytest.fixture(autouse=True)
def app(settings):
    settings.OAUTH_APPS = {"hubspot": {"client_id": "client-id", "client_secret": SECRET}}
    settings.PUBLIC_URL = "https://hub.example.com"


def portal(account_id, **values):
    connection = ConnectionFactory(
        vendor="hubspot", auth_kind="oauth", base_url="https://api.hubapi.com", external_account_id=account_id, **values
    )
    return EndpointFactory(connection=connection)


def event(account_id, number=1, **facts):
    return {
        "eventId": number, "subscriptionId": 7, "portalId": int(account_id), "appId": 54321,
        "occurredAt": 1742077073905, "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": number,
        "changeFlag": "CREATED", "changeSource": "CRM_UI", "sourceId": "userId:1", **facts,
    }  # fmt: skip


def post(payload, *, secret=SECRET, address=ADDRESS, age=0):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    stamp = str(int((time.time() - age) * 1000))
    call = WebhookRequest("POST", f"https://hub.example.com{address}", {}, {}, raw)
    headers = {
        "X-HubSpot-Signature-v3": webhooks.signature_v3(call, secret, stamp), "X-HubSpot-Request-Timestamp": stamp,
    }  # fmt: skip
    return Client(headers=headers).post(address, raw, content_type="application/json")


def test_a_mixed_array_goes_to_each_portal_and_rings_once(rings):
    one, other = portal("101"), portal("102")

    answer = post([event("101", 1), event("102", 2), event("101", 3)])

    assert (answer.status_code, answer.json()) == (200, {"received": 3, "unknown": 0})
    found = {(row.connection_id, row.external_id) for row in WebhookEvent.objects.all()}
    assert found == {(one.connection_id, "1"), (other.connection_id, "2"), (one.connection_id, "3")}
    assert rings == ["router"]
    one.refresh_from_db()
    assert one.last_received_at is not None


def test_unknown_portals_get_their_2xx_and_take_nobody_with_them(rings):
    known = portal("101")

    answer = post([event("999", 1), event("101", 2)])

    assert (answer.status_code, answer.json()["unknown"]) == (200, 1)
    assert [row.connection_id for row in WebhookEvent.objects.all()] == [known.connection_id]
    assert post([event("999", 3)]).status_code == 200
    assert rings == ["router"]


def test_a_disconnected_portal_hears_nothing_and_is_not_told():
    portal("101", health="disconnected")

    assert post([event("101")]).status_code == 200
    assert not WebhookEvent.objects.exists()


def test_two_tenants_with_one_portal_both_hear():
    first, second = portal("101"), portal("101")

    assert post([event("101")]).status_code == 200
    assert {row.connection_id for row in WebhookEvent.objects.all()} == {first.connection_id, second.connection_id}


def test_a_portal_of_another_vendor_with_the_same_number_hears_nothing():
    EndpointFactory(connection=ConnectionFactory(external_account_id="101"))

    assert post([event("101")]).json()["unknown"] == 1
    assert not WebhookEvent.objects.exists()


@pytest.mark.chaos("W1")
@pytest.mark.parametrize("wrong", [{"secret": "another-secret"}, {"secret": "x"}, {"age": 400}, {"age": -400}])
def test_without_proof_it_is_401_and_nothing_is_stored(wrong):
    portal("101")

    assert post([event("101")], **wrong).status_code == 401
    assert not WebhookEvent.objects.exists()


@pytest.mark.chaos("W1")
def test_an_endpoints_own_secret_proves_nothing_here():
    endpoint = portal("101")

    assert post([event("101")], secret=endpoint.secret["current"]).status_code == 401


def test_without_an_app_nothing_proves_anything(settings):
    settings.OAUTH_APPS = {}
    portal("101")

    for secret in ("", "None"):
        assert post([event("101")], secret=secret).status_code == 401


@pytest.mark.chaos("W17")
def test_the_address_the_vendor_was_given_counts_not_the_host_it_came_by(settings):
    portal("101")
    raw, stamp = json.dumps([event("101")]).encode(), str(int(time.time() * 1000))
    call = WebhookRequest("POST", f"http://testserver{ADDRESS}", {}, {}, raw)
    headers = {
        "X-HubSpot-Signature-v3": webhooks.signature_v3(call, SECRET, stamp), "X-HubSpot-Request-Timestamp": stamp,
    }  # fmt: skip

    assert Client(headers=headers).post(ADDRESS, raw, content_type="application/json").status_code == 401


@pytest.mark.chaos("W2")
def test_the_same_event_twice_is_one_row():
    portal("101")

    for attempt in (0, 1, 2):
        assert post([event("101", attemptNumber=attempt)] * 2).status_code == 200
    assert WebhookEvent.objects.count() == 1


@pytest.mark.chaos("W11")
def test_a_hundred_events_with_a_bad_one_are_ninety_nine_and_a_row_that_tells_of_it():
    portal("101")

    assert post([*(event("101", n) for n in range(99)), {"portalId": 101}]).status_code == 200
    assert WebhookEvent.objects.exclude(vendor_event="unreadable").count() == 99
    odd = WebhookEvent.objects.get(vendor_event="unreadable")
    assert odd.payload["problem"]
    assert odd.payload["body"] == '{"portalId": 101}'


@pytest.mark.chaos("W11")
def test_a_row_that_names_no_account_takes_none_of_its_neighbours_with_it():
    portal("101")

    assert post([*(event("101", n) for n in range(9)), {"objectId": 7}]).status_code == 200
    assert WebhookEvent.objects.count() == 9


@pytest.mark.chaos("W7")
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{not json", b"[" * 20_000, b'"text"', b"\xff\xfe"])
def test_a_proven_body_nobody_can_read_is_not_sent_again_and_again(body):
    assert post(body).status_code == 200
    assert not WebhookEvent.objects.exists()


@pytest.mark.chaos("W7")
def test_too_large_and_of_no_size_are_refused(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert post([event("101")]).status_code == 413
    assert (
        Client().post(ADDRESS, b"[]", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked").status_code
        == 411
    )


def test_vendors_of_the_other_kind_have_no_such_address_and_the_other_way_round():
    endpoint = portal("101")

    assert post([event("101")], address="/hooks/pipedrive/").status_code == 404
    assert post([event("101")], address="/hooks/nobody/").status_code == 404
    assert post([event("101")], address=f"/hooks/hubspot/{endpoint.token}/").status_code == 404
    assert Client().get(ADDRESS).status_code == 405


@pytest.mark.parametrize(("moment", "stored"), [("before", 0), ("after", 2)])
def test_a_failing_database_is_503_and_leaves_nothing_half_done(monkeypatch, moment, stored):
    """All events of a call or none; what is stored but not acknowledged is one event when it comes again."""
    portal("101")
    call = [event("101"), event("101", eventId=2)]

    def fail(*args, **kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(*(inbox.committed, "write") if moment == "before" else (inbox, "touch"), fail)
    answer = post(call)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert WebhookEvent.objects.count() == stored
    monkeypatch.undo()
    assert post(call).status_code == 200
    assert WebhookEvent.objects.count() == 2


def test_the_endpoint_of_a_portal_has_the_address_of_the_app(settings):
    endpoint = portal("101")

    assert provisioning.endpoint_url(endpoint) == "https://hub.example.com/hooks/hubspot/"
    assert WebhookEndpoint.objects.count() == 1


def test_there_is_no_secret_of_an_endpoint_to_rotate():
    endpoint = portal("101")
    with pytest.raises(TenantActionError, match="secret of the app"):
        provisioning.rotate_webhook_secret(endpoint.connection, get_recipe)
