"""Whose contact it is, where the whole account is listed because that costs fewer calls."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from integration.connectors.brevo.records import Page, StoredContact
from integration.recipes.pipedrive_brevo import contact_lookup
from tests.support.factories import IntegrationFactory, LinkFactory

pytestmark = pytest.mark.django_db


def test_a_contact_without_an_address_is_nobodys_whose_address_is_unknown():
    integration = IntegrationFactory()
    known = {str(n): {"email": f"{n}@x.example"} for n in range(contact_lookup.MANY_CALLS + 1)}
    known |= {"98": {}, "99": {"email": "Ada@x.example"}}
    for source_id, written in known.items():
        LinkFactory(integration=integration, link_type="person", source_id=source_id, target_id="", written=written)
    only_a_number = StoredContact(id="7", email="", attributes={"SMS": "31612345678"})
    listed = Page((only_a_number, StoredContact(id="8", email="ada@x.example")), None)
    ctx = SimpleNamespace(
        integration=integration, right=SimpleNamespace(contacts_page=lambda offset, modified_since: listed)
    )

    found = contact_lookup.contacts_behind(ctx, list(known))

    assert {key: contact.id for key, contact in found.items()} == {"99": "8"}
