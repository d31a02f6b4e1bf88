"""The page of a person compares both sides now: a name edited behind our back is told, whatever is remembered."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.maileon.records import Contact
from integration.engine.insight import explain_record
from integration.models import Integration
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import MemberFactory, UserFactory

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@example.com"


@pytest.fixture
def maileon(world):
    """Ada in sync at Maileon, and what edits her last name there or deletes her."""
    key = world.person("Ada Lovelace")
    world.deliver()
    client = hub.client_of(world.integration.right)

    def edit():
        client.update_contact(ADA, Contact(ADA, standard_fields={"LASTNAME": "King"}))

    return world, key, edit, lambda: client.delete_contact(ADA)


@pytest.fixture
def brevo(brevo_world):
    """The same at Brevo."""
    key = brevo_world.person("Ada Lovelace")
    brevo_world.deliver()

    def edit():
        brevo_world.edit(ADA, FULLNAME="King")  # synced in one direction
        brevo_world.held()

    return brevo_world, key, edit, lambda: None


@pytest.fixture(params=["maileon", "brevo"])
def edited(request):
    return request.getfixturevalue(request.param)


def verdict(world):
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=world.integration.pk)
    (found,) = explain_record.verdicts(row, get_recipe(row.recipe), ADA)
    return found


def pages(world, key):
    """What the console's person page, the portal's and its page of the record say, and the portal's browser."""
    ids = {"tenant_id": world.integration.tenant_id}
    tenants, operators = Client(), Client()
    tenants.force_login(MemberFactory(tenant=world.integration.tenant, role="owner").user)
    operators.force_login(UserFactory(is_staff=True, is_superuser=True))
    record = reverse("portal:record", kwargs={**ids, "integration_id": world.integration.pk})
    answers = [
        operators.get(reverse("console-why"), {"integration": world.integration.pk, "q": ADA}),
        tenants.post(reverse("portal:people", kwargs=ids), {"email": ADA}),
        tenants.get(record, {"flow": "person_to_contact", "id": key}),
    ]
    return [answer.content.decode() for answer in answers], tenants, record


def test_an_edit_behind_our_back_is_told_and_gone_after_sync_now(edited):
    world, key, edit, _ = edited
    assert verdict(world).in_step
    edit()

    found = verdict(world)

    assert not found.in_step
    [difference] = found.look.differences
    assert difference.ours in ("Lovelace", "Ada Lovelace")
    assert difference.theirs == "King"
    assert difference.label != difference.label.upper(), "a name and no key"
    vendor = found.look.target
    shown, tenant, record = pages(world, key)
    for page in shown:
        assert f"({difference.ours} in Pipedrive, King in {vendor})" in page
        assert f"Differs: {difference.label}" in page
        assert "Not in sync" in page
    tenant.post(record, {"flow": "person_to_contact", "id": key})
    hub.drain()
    assert verdict(world).in_step
    for page in pages(world, key)[0]:
        assert "compared fields are alike, just read." in page


def test_a_field_of_both_directions_is_for_somebody_to_decide(brevo):
    world, *_ = brevo
    world.edit(ADA, LASTNAME="King")
    world.held()

    found = verdict(world)

    assert not found.in_step
    assert "synced in both directions" in found.look.sentence


def test_who_was_deleted_there_is_not_called_in_sync(maileon):
    world, key, _, delete = maileon
    delete()
    world.held()

    assert not verdict(world).in_step
    for page in pages(world, key)[0]:
        assert "It is not in Maileon any more" in page


def test_nothing_remembered_is_called_in_sync_when_maileon_does_not_answer(maileon):
    world, key, _, _ = maileon
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "error_rate": 1.0, "error_status": 500})

    found = verdict(world)

    assert not found.in_step
    assert found.problems


def test_support_sees_which_field_differs_and_no_value(maileon, signed_in_support):
    world, _, edit, _ = maileon
    edit()
    page = signed_in_support.get(reverse("console-why"), {"integration": world.integration.pk, "q": ADA})
    assert "Differs:" in page.content.decode()
    assert "King" not in page.content.decode()


@pytest.fixture
def signed_in_support():
    from django.contrib.auth.models import Permission

    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_synclog", "view_recordlink"]))
    client = Client()
    client.force_login(user)
    return client
