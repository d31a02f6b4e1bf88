"""Connecting two systems: both keys are proven first, then the settings page follows."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Connection, Integration
from tests.support import hub
from tests.support.factories import MemberFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member():
    return MemberFactory()


def signed_in(member):
    client = Client()
    client.force_login(member.user)
    return client


def address(tenant):
    return reverse("portal:connect", kwargs={"tenant_id": tenant.pk}) + "?recipe=pipedrive_maileon"


def form(sandbox, **changed):
    return {
        "left-base_url": f"{sandbox.url}/pipedrive/acme", "left-secret": hub.PIPEDRIVE_TOKEN,
        "right-secret": hub.MAILEON_KEY, **changed,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _maileon_is_the_sandbox(sandbox, monkeypatch):
    """The address of Maileon is never typed; here it is the sandbox's."""
    from dataclasses import replace

    from integration.connectors import registry
    from integration.portal import connect

    def get_connector(key):
        found = registry.get_connector(key)
        return replace(found, default_base_url=f"{sandbox.url}/maileon/1.0") if key == "maileon" else found

    monkeypatch.setattr(connect, "get_connector", get_connector)


def test_the_whole_way_from_two_keys_to_active(sandbox, member):
    client = signed_in(member)
    overview = client.get(reverse("portal:overview", kwargs={"tenant_id": member.tenant_id})).content.decode()
    assert "Connect two apps" in overview
    assert "API token" in client.get(address(member.tenant)).content.decode()

    answer = client.post(address(member.tenant), form(sandbox))

    integration = Integration.objects.get(tenant=member.tenant)
    assert integration.state == "draft"
    assert (integration.left.account_name, integration.right.account_name) == ("ACME GmbH", "ACME Newsletter")
    saved = {"contacts_enabled": "on", "doi_enabled": "on", "doi_key": "welcome1"}
    html = client.post(answer.url, saved, follow=True).content.decode()
    assert "steps are done" in html
    assert Integration.objects.get().state == "active"


def test_a_wrong_key_names_the_cause_and_keeps_the_account_that_works(sandbox, member):
    answer = signed_in(member).post(address(member.tenant), form(sandbox, **{"right-secret": "wrong-key-000000"}))
    html = answer.content.decode()

    assert answer.status_code == 422
    assert "The credentials were rejected" in html
    assert "wrong-key-000000" not in html
    assert hub.PIPEDRIVE_TOKEN not in html
    assert "ACME GmbH" in html, "the proven account is offered"
    assert [row.vendor for row in Connection.objects.all()] == ["pipedrive"]
    assert not Integration.objects.exists()


def test_a_foreign_address_is_refused_before_any_call(sandbox, member):
    changed = {"left-base_url": "https://pipedrive.example.net"}

    answer = signed_in(member).post(address(member.tenant), form(sandbox, **changed))

    assert answer.status_code == 422
    assert not Connection.objects.exists()


def test_an_account_that_is_connected_is_picked_not_typed_again(sandbox, member):
    client = signed_in(member)
    client.post(address(member.tenant), form(sandbox))
    left, right = Connection.objects.order_by("created_at")

    client.post(address(member.tenant), {"left-account": str(left.pk), "right-account": str(right.pk)})
    assert Integration.objects.count() == 1, "the same pair is not connected twice"

    html = client.post(address(member.tenant), form(sandbox)).content.decode()
    assert "connected already" in html
    assert Connection.objects.count() == 2


@pytest.mark.chaos("H7")
def test_viewers_and_foreign_tenants_connect_nothing(sandbox):
    viewer, other = MemberFactory(role="viewer"), MemberFactory()

    assert "Ask the owner" in signed_in(viewer).get(address(viewer.tenant)).content.decode()
    assert signed_in(viewer).post(address(viewer.tenant), form(sandbox)).status_code == 404
    assert signed_in(viewer).post(address(other.tenant), form(sandbox)).status_code == 404
    foreign = hub.connect(other.tenant, "pipedrive", f"{sandbox.url}/pipedrive/acme", api_token=hub.PIPEDRIVE_TOKEN)
    editor, owner = MemberFactory(role="editor"), MemberFactory()
    picked = {"left-account": str(foreign.pk), "right-secret": hub.MAILEON_KEY}
    assert signed_in(editor).post(address(editor.tenant), form(sandbox)).status_code == 404
    assert signed_in(owner).post(address(owner.tenant), picked).status_code == 422
    assert not Integration.objects.exists()
