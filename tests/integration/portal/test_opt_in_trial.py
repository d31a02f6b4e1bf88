"""“Send me a test opt-in email”: the only proof that a mailing goes out is that it arrives."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.models import VendorCall
from tenants import invitations
from tenants.audit import AuditEntry
from tests.support import hub
from tests.support.factories import MemberFactory, UserFactory
from tests.support.world import ACCOUNT, World

pytestmark = pytest.mark.django_db

MINE = "grace@acme.example"


def member(world: World, email: str = MINE, role: str = "editor") -> Client:
    client = Client()
    user = UserFactory(email=email)
    client.force_login(MemberFactory(tenant=world.integration.tenant, user=user, role=role).user)
    return client


def address(world: World, name: str = "opt_in_trial") -> str:
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


def press(world: World, client: Client) -> str:
    return client.post(address(world), follow=True).content.decode()


def test_the_member_who_asks_gets_the_mail_and_nobody_else(world: World) -> None:
    page = press(world, member(world))

    assert world.mails() == [MINE]
    assert f"Maileon accepted an opt-in email to {MINE}" in page
    assert "If nothing arrives within ten minutes" in page
    assert world.contacts()[MINE]["permission"] == 1
    assert AuditEntry.objects.filter(what="Opt-in email sent to oneself").count() == 1


def test_a_mailing_that_does_not_exist_is_noticed_by_the_empty_inbox(world: World) -> None:
    world.sandbox.control("PATCH", f"/maileon/{ACCOUNT}", {"doi_mailings": ["welcome"]})
    hub.save(world.integration, contacts_enabled=True, doi_enabled=True, doi_key="nosuch")

    page = press(world, member(world))

    assert world.mails() == []
    assert "the mailing “nosuch” does not exist" in page


def test_a_subscriber_keeps_the_permission_and_is_told(world: World) -> None:
    press(world, member(world))
    world.click(MINE)

    page = press(world, member(world))

    assert world.mails() == [MINE]
    assert "knows this address as a subscriber already" in page
    assert world.contacts()[MINE]["permission"] == 5


def test_who_unsubscribed_is_not_written_to(world: World) -> None:
    press(world, member(world))
    world.click(MINE)
    world.leave(MINE)

    page = press(world, member(world))

    assert world.mails() == [MINE]
    assert "this address has unsubscribed before" in page


def test_without_an_address_or_with_the_process_off_nothing_goes_out(world: World) -> None:
    assert "has no email address" in press(world, member(world, email=""))

    hub.save(world.integration, contacts_enabled=True, doi_enabled=False, permission="1")
    client = member(world)

    assert client.post(address(world)).status_code == 404
    assert "Send me a test opt-in email" not in client.get(address(world, "settings")).content.decode()
    assert world.mails() == []


def test_the_mails_count_as_opt_in_mails_of_the_day(world: World, settings) -> None:
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 1

    press(world, member(world))
    page = press(world, member(world, email="ada@acme.example"))

    assert world.mails() == [MINE]
    assert "are used up" in page


def test_the_button_stands_below_the_settings_of_editors_only(world: World) -> None:
    assert "Send me a test opt-in email" in member(world).get(address(world, "settings")).content.decode()

    viewer = member(world, role="viewer")
    assert "Send me a test opt-in email" not in viewer.get(address(world, "settings")).content.decode()
    assert viewer.post(address(world)).status_code == 404


@pytest.mark.parametrize("newsletter", ["Yes", "No"])
def test_somebody_who_is_a_person_of_the_source_is_not_asked_by_a_test(world: World, newsletter: str) -> None:
    world.person("Grace Hopper", email=MINE, newsletter=newsletter)
    world.deliver()
    before = world.mails()

    page = press(world, member(world))

    assert world.mails() == before
    assert "belongs to a person in Pipedrive" in page


def test_an_address_that_the_invitation_was_not_for_gets_nothing(world: World) -> None:
    client = member(world, email="victim@elsewhere.example")
    offer, _ = invitations.invite(world.integration.tenant, "invited@acme.example", "editor", None)
    offer.accepted_by_id, offer.accepted_at = client.session["_auth_user_id"], timezone.now()
    offer.save()

    assert "joined with another address" in press(world, client)
    assert world.mails() == []

    offer.email = "Victim@elsewhere.example"
    offer.save()
    press(world, client)
    assert world.mails() == ["victim@elsewhere.example"]


def test_a_second_press_within_ten_minutes_sends_nothing(world: World) -> None:
    client = member(world)
    press(world, client)

    assert "less than ten minutes ago" in press(world, client)
    assert world.mails() == [MINE]


def test_its_calls_are_kept_for_operators_and_its_words_are_its_own(world: World) -> None:
    VendorCall.objects.all().delete()
    press(world, member(world))
    assert VendorCall.objects.filter(connection=world.integration.right, method="POST").count() == 1

    world.click(MINE)
    page = press(world, member(world))
    assert "sync the record again" not in page
