"""Personal data: what is held on one address is shown, exported, erased with a report, and no opt-out is lost."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.privacy import personal_data
from integration.engine.safety import erased
from integration.models import ErasedAddress, IdentityIndex, RecordLink, SyncJob, SyncLog, VendorCall, WebhookEvent
from integration.recipes.registry import get_recipe
from tenants.audit import AuditEntry
from tests.support.factories import LinkFactory, MemberFactory

pytestmark = pytest.mark.django_db

ADA = "ada.lovelace@example.com"


def member(tenant, role="owner"):
    client = Client()
    client.force_login(MemberFactory(tenant=tenant, role=role).user)
    return client


def address(tenant):
    return reverse("portal:people", kwargs={"tenant_id": tenant.pk})


def everything():
    """All the hub holds, as one text."""
    models = (SyncLog, WebhookEvent, RecordLink, SyncJob, VendorCall, IdentityIndex)
    return json.dumps([list(model.objects.values()) for model in models], default=str)


@pytest.fixture
def ada(world):
    person_id = world.person("Ada Lovelace")
    world.person("Zora Hurston")
    world.deliver()
    return person_id


def test_a_member_sees_where_a_person_is(world, ada):
    html = member(world.integration.tenant, "viewer").post(address(world.integration.tenant), {"email": ADA}).content
    html = html.decode()

    assert f"9001-{ada}" in html
    assert "Pending" in html
    assert "Download everything" not in html
    assert "danger" not in html


def test_a_deal_with_the_number_of_somebody_else_shows_nobody_else(world, ada):
    zora = next(row.source_id for row in RecordLink.objects.all() if row.source_id != ada)
    mine = RecordLink.objects.get(source_id=ada)
    LinkFactory(
        integration=world.integration, link_type="deal_event", source_id=zora, target_id=f"deal_added-{zora}-0",
        email_hash=mine.email_hash,
    )  # fmt: skip

    html = member(world.integration.tenant).post(address(world.integration.tenant), {"email": ADA}).content.decode()

    assert "Lovelace" in html
    assert "Hurston" not in html


def test_the_export_holds_everything_and_nobody_else(world, ada):
    form = {"email": ADA, "do": "export"}
    answer = member(world.integration.tenant, "editor").post(address(world.integration.tenant), form)

    content = json.loads(answer.content)
    assert "attachment" in answer["Content-Disposition"]
    assert content["links"][0]["last_written"]["FULLNAME"] == "Ada Lovelace"
    assert content["log"]
    assert content["events"]
    assert content["jobs"]
    assert content["ids_with_this_address"] == [ada]
    assert "Hurston" not in answer.content.decode()


@pytest.mark.chaos("H10")
def test_erasing_somebody_deleted_at_the_source_leaves_no_trace_of_the_name(world, ada):
    world.delete(ada)
    world.deliver()
    assert "Lovelace" in everything()
    zora = RecordLink.objects.get(written__FULLNAME="Zora Hurston").written

    form = {"email": ADA, "do": "erase", "sure": "yes"}
    html = member(world.integration.tenant).post(address(world.integration.tenant), form).content.decode()

    assert "Erased" in html
    assert "deleted." in html
    assert "We kept IDs, address and consent" not in html
    assert "Lovelace" not in everything()
    assert ADA not in everything()
    assert RecordLink.objects.get().written == zora
    assert not personal_data.find(world.integration.tenant, ADA, get_recipe)
    again = member(world.integration.tenant).post(address(world.integration.tenant), {"email": ADA}).content.decode()
    assert "Nothing else is stored" in again  # but the proof of what became of consent


def test_erasing_somebody_still_there_keeps_what_an_opt_out_needs(world, ada):
    form = {"email": ADA, "do": "erase", "sure": "yes"}
    html = member(world.integration.tenant).post(address(world.integration.tenant), form).content.decode()

    assert "We kept IDs, address and consent" in html
    assert RecordLink.objects.get(source_id=ada).written == {"email": ADA}
    assert "Lovelace" not in everything()

    world.say(ada, "No")
    world.deliver()
    assert ADA not in world.contacts()


@pytest.mark.chaos("H10")
def test_erasing_never_brings_back_who_opted_out(world, ada):
    world.leave(ADA)
    world.deliver()
    assert world.shown(ada) == ("no", "unsubscribed")
    mails = world.mails()

    personal_data.erase(world.integration.tenant, ADA, get_recipe)
    world.change(ada, name="Ada King")
    world.deliver()

    assert ADA not in world.contacts()
    assert world.mails() == mails


def test_an_erasure_needs_the_tick_a_whole_address_and_an_owner(world, ada):
    tenant = world.integration.tenant

    assert member(tenant).post(address(tenant), {"email": ADA, "do": "erase"}).status_code == 422
    assert member(tenant).post(address(tenant), {"email": "ada", "do": "look"}).status_code == 422
    assert (
        member(tenant, "editor").post(address(tenant), {"email": ADA, "do": "erase", "sure": "yes"}).status_code == 404
    )
    assert member(tenant, "viewer").post(address(tenant), {"email": ADA, "do": "export"}).status_code == 404
    assert "Lovelace" in everything()


@pytest.mark.chaos("H7")
def test_another_tenant_finds_exports_and_erases_nothing(world, ada):
    other = MemberFactory()

    assert not personal_data.find(other.tenant, ADA, get_recipe)
    assert personal_data.erase(other.tenant, ADA, get_recipe) == ["Nothing is stored on this address."]
    assert "Lovelace" in everything()
    client = Client()
    client.force_login(other.user)
    assert client.post(address(world.integration.tenant), {"email": ADA}).status_code == 404


@pytest.mark.chaos("H10")
def test_a_change_that_just_came_in_is_not_lost_by_an_erasure(world, ada):
    world.change(ada, name="Ada King")
    for delivery in world.held():
        world.post(delivery)

    report = personal_data.erase(world.integration.tenant, ADA, get_recipe)
    world.deliver()

    assert any("just come in" in line for line in report)
    assert world.contacts()[ADA]["standard"]["FULLNAME"] == "Ada Lovelace"
    assert SyncLog.objects.order_by("-id")[0].reason == "address_erased"
    assert "King" not in everything()


def test_an_erasure_is_shown_and_an_owner_lifts_it_with_a_reason(world, ada):
    tenant = world.integration.tenant
    owner = member(tenant)
    owner.post(address(tenant), {"email": ADA, "do": "erase", "sure": "yes"})

    row = ErasedAddress.objects.get()
    assert row.short in owner.get(address(tenant)).content.decode()
    assert ADA not in owner.get(address(tenant)).content.decode()
    looked = member(tenant, "viewer").post(address(tenant), {"email": ADA}).content.decode()
    assert "takes in nothing about it" in looked
    assert "Lift the erasure" not in looked

    lift = {"email": ADA, "do": "lift", "reason": "A mistake: asked by Ada on the phone."}
    assert member(tenant, "editor").post(address(tenant), lift).status_code == 404
    assert owner.post(address(tenant), {**lift, "reason": " "}).status_code == 422
    assert erased.entry(tenant, ADA) is not None
    html = owner.post(address(tenant), lift).content.decode()
    assert "syncs again" in html
    assert erased.entry(tenant, ADA) is None
    assert "asked by Ada on the phone" in owner.get(address(tenant)).content.decode()
    assert AuditEntry.objects.filter(what=f"Lifted the erasure {row.short}").exists()
