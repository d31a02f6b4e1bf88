"""A property that points to an owner holds an id: without a name it is told and does not travel."""

from __future__ import annotations

from integration.models import FieldMapping, SyncLog
from sandbox.hubspot.seed import PORTAL_ID
from tests.support import hub


def test_an_owners_id_is_told_and_not_sent(world):
    properties = world.sandbox.state.hubspot.portals[PORTAL_ID].properties
    like = next(item for item in properties.values() if item["type"] == "string" and not item["hubspotDefined"])
    properties["account_manager"] = {
        **like, "name": "account_manager", "label": "Account manager", "referencedObjectType": "OWNER",
        "externalOptions": True,
    }  # fmt: skip
    FieldMapping.objects.create(
        integration=world.integration, flow="contact_to_contact", position=90, source="account_manager",
        target="manager", options={"target_type": "text"},
    )  # fmt: skip
    hub.save(world.integration)
    contact = world.contact("Ada Byron", account_manager="41629779")
    world.deliver()
    entry = SyncLog.objects.filter(source_id=contact, flow="contact_to_contact", outcome="synced").latest("id")
    assert world.contacts()["ada.byron@example.com"]["custom"].get("manager") is None
    assert entry.reason == "value_invalid"
    assert "Account manager" in entry.detail
