"""Subscribing: whom an opt-in mail reaches, and whom never."""

from __future__ import annotations

from integration.connectors.maileon.records import Contact
from integration.models import RecordLink, SyncLog
from tests.support import hub


def reader(world, email, permission):
    """Somebody who reads the newsletter already, by the tenant's own doing."""
    hub.client_of(world.integration.right).create_contact(Contact(email=email), permission=permission)


def test_who_reads_the_newsletter_already_gets_no_opt_in_mail(world):
    reader(world, "reader@example.com", permission=4)

    person = world.person("Reader Already", email="reader@example.com")
    world.deliver()

    assert world.mails() == []
    assert world.contacts()["reader@example.com"]["permission"] == 4
    assert RecordLink.objects.get(source_id=person).notes["consent"] == "confirmed"
    assert SyncLog.objects.filter(source_id=person, action="adopt").count() == 1


def test_a_contact_without_a_permission_is_asked(world):
    reader(world, "shop@example.com", permission=1)

    world.person("Only Customer", email="shop@example.com")
    world.deliver()

    assert world.mails() == ["shop@example.com"]
