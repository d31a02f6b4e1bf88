"""The tenant's page of differences: compare, look, decide; nothing of another tenant's."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.maileon.records import Contact
from integration.models import Drift, SyncRun
from tests.support import hub
from tests.support.factories import DriftFactory, IntegrationFactory, MemberFactory


def member(integration, role):
    client = Client()
    client.force_login(MemberFactory(tenant=integration.tenant, role=role).user)
    return client


@pytest.fixture
def owner(world):
    return member(world.integration, "owner")


@pytest.fixture
def viewer(world):
    return member(world.integration, "viewer")


def page(integration):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return reverse("portal:drift", kwargs=ids)


@pytest.fixture
def edited(world, full_slices):
    """Somebody in step, whose name was changed in Maileon."""
    key = world.person("Ada Lovelace", email="ada@example.com")
    world.deliver()
    world.click("ada@example.com")
    world.deliver()
    client = hub.client_of(world.integration.right)
    client.update_contact("ada@example.com", Contact("ada@example.com", standard_fields={"LASTNAME": "King"}))
    return key


def test_a_member_compares_looks_and_repairs(world, edited, owner):
    here = page(world.integration)
    assert "Nothing has been compared yet" in owner.get(here).content.decode()

    owner.post(here, {"do": "compare"})
    hub.drain()

    shown = owner.get(here).content.decode()
    assert "Lovelace" in shown
    assert "King" in shown
    row = Drift.objects.get()
    answer = owner.post(here, {"do": "ours", "id": row.pk}, follow=True)
    assert SyncRun.objects.get(kind="repair").pk == answer.context["run"].pk
    hub.drain()
    assert world.contacts()["ada@example.com"]["standard"]["LASTNAME"] == "Lovelace"
    assert "No difference" in owner.get(here).content.decode()


def test_many_at_once_are_asked_about_first(world, edited, owner):
    owner.post(page(world.integration), {"do": "compare"})
    hub.drain()

    asked = owner.post(page(world.integration), {"do": "leave", "every": "1"}).content.decode()
    assert "1 difference is concerned" in asked
    assert Drift.objects.get().state == "open"

    owner.post(page(world.integration), {"do": "leave", "every": "1", "confirmed": "1"})
    assert Drift.objects.get().state == "left"


def test_the_list_downloads_and_no_cell_is_a_formula(world, owner):
    DriftFactory(integration=world.integration, field="LASTNAME", ours="Byron", theirs="=1+1")
    text = owner.get(page(world.integration), {"download": "1"}).content.decode()
    assert "'=1+1" in text


def test_a_viewer_looks_and_decides_nothing(world, viewer):
    row = DriftFactory(integration=world.integration, field="LASTNAME", ours="a", theirs="b")
    here = page(world.integration)
    assert "What to do" not in viewer.get(here).content.decode()
    assert viewer.post(here, {"do": "leave", "id": row.pk}).status_code in (403, 404)
    row.refresh_from_db()
    assert row.state == "open"


def test_a_member_decides_about_nothing_of_another_tenant(world, owner):
    other = DriftFactory(integration=IntegrationFactory(), field="LASTNAME", ours="a", theirs="b")
    owner.post(page(world.integration), {"do": "leave", "id": other.pk})
    other.refresh_from_db()
    assert other.state == "open"
    assert owner.get(page(other.integration)).status_code == 404
