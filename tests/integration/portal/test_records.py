"""One record from the portal: search it, look at what would be sent, sync it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import RecordLink, SyncJob, SyncLog
from tests.support import hub
from tests.support.factories import IntegrationFactory, LogFactory, MemberFactory

pytestmark = pytest.mark.django_db


def member(integration, role="owner"):
    client = Client()
    client.force_login(MemberFactory(tenant=integration.tenant, role=role).user)
    return client


def address(integration, name="record"):
    return reverse(f"portal:{name}", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk})


@pytest.mark.parametrize("query", ["ada.lovelace@example.com", "ovelac", "id"])
def test_a_person_is_found_by_address_part_of_the_name_or_id(world, query):
    person_id = world.person("Ada Lovelace")
    client = member(world.integration)

    html = client.get(address(world.integration), {"q": person_id if query == "id" else query}).content.decode()

    assert "Ada Lovelace" in html
    assert f"id={person_id}" in html


def test_the_preview_shows_what_would_be_sent_and_sends_nothing(world):
    person_id = world.person("Ada Lovelace")
    world.deliver()
    world.change(person_id, name="Ada King")
    world.sandbox.control("DELETE", "/calls")

    query = {"flow": "person_to_contact", "id": person_id}
    html = member(world.integration).get(address(world.integration), query).content.decode()

    assert "Nothing has been sent" in html
    assert "FULLNAME" in html
    assert "Ada Lovelace" in html
    assert "Ada King" in html
    assert all(call.startswith("GET") for vendor in ("pipedrive", "maileon") for call in world.calls(vendor))
    assert world.contacts()["ada.lovelace@example.com"]["standard"]["FULLNAME"] == "Ada Lovelace"


def test_the_preview_names_why_a_person_would_be_skipped(world):
    person_id = world.person("Ada Lovelace", email="")

    query = {"flow": "person_to_contact", "id": person_id}
    html = member(world.integration).get(address(world.integration), query).content.decode()

    assert "Nothing would be sent" in html
    assert "No email address" in html


def test_sync_now_brings_the_record_up_to_date(world):
    person_id = world.person("Ada Lovelace")
    world.deliver()
    world.change(person_id, name="Ada King")
    world.held()  # the webhook is lost

    form = {"flow": "person_to_contact", "id": person_id}
    html = member(world.integration, "editor").post(address(world.integration), form, follow=True).content.decode()
    hub.drain()

    assert "read and synced now" in html
    assert world.contacts()["ada.lovelace@example.com"]["standard"]["FULLNAME"] == "Ada King"


def test_a_vendor_that_refuses_is_a_sentence_not_an_error(world):
    connection = world.integration.left
    connection.store_credentials({"api_token": "0" * 40}, "0" * 40)
    connection.save()

    html = member(world.integration).get(address(world.integration), {"q": "ada@example.com"}).content.decode()

    assert "does not accept our credentials" in html
    assert RecordLink.objects.count() == 0


def test_viewers_search_but_sync_nothing_and_unknown_flows_are_not_found():
    integration = IntegrationFactory()
    form = {"flow": "person_to_contact", "id": "7"}

    assert member(integration, "viewer").post(address(integration), form).status_code == 404
    assert member(integration).post(address(integration), {**form, "flow": "nonsense"}).status_code == 404
    assert member(integration).post(address(integration), {**form, "id": ""}).status_code == 404
    assert not SyncJob.objects.exists()


def test_a_paused_integration_says_so_and_queues_nothing():
    integration = IntegrationFactory(state="paused")
    form = {"flow": "person_to_contact", "id": "7"}

    html = member(integration).post(address(integration), form, follow=True).content.decode()

    assert "Nothing is synced now. Present state: Paused." in html
    assert not SyncJob.objects.exists()


def test_activity_offers_sync_again_and_filters_by_flow():
    integration = IntegrationFactory()
    LogFactory(integration=integration, source_id="71", flow="person_to_contact")
    LogFactory(integration=integration, source_id="72", flow="deal_to_event")

    html = member(integration).get(address(integration, "activity"), {"flow": "deal_to_event"}).content.decode()

    assert "72" in html
    assert 'value="71"' not in html
    assert "Sync again" in html
    assert "Sync again" not in member(integration, "viewer").get(address(integration, "activity")).content.decode()
    assert SyncLog.objects.count() == 2
