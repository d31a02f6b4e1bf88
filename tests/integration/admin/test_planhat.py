"""“Sync with Pipedrive” from the console, and the pages of an integration with Planhat."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from integration.models import SyncLog
from tests.support import hub


def test_one_company_is_synced_from_its_link(planhat_world: Any, console: Client) -> None:
    world = planhat_world
    org = world.organization("Engines")
    world.won(org)
    world.deliver()
    world.change("organizations", org, name="Engines Ltd")
    world.person("Ada Lovelace", org)
    link = world.link("company", org)

    data = {"action": "resync", "_selected_action": [link.pk], "confirmed": "yes"}
    assert console.post(reverse("admin:integration_recordlink_changelist"), data).status_code in (200, 302)
    hub.drain()

    assert world.company(org)["name"] == "Engines Ltd"
    assert world.counts()["endusers"] == 1


def test_the_consoles_pages_open(planhat_world: Any, console: Client) -> None:
    world = planhat_world
    world.won(world.organization("Engines"))
    world.won(None)
    world.deliver()
    integration = world.integration
    for address in (
        reverse("admin:integration_integration_change", args=[integration.pk]),
        reverse("admin:integration_connection_change", args=[integration.right.pk]),
        reverse("admin:integration_synclog_change", args=[SyncLog.objects.filter(outcome="skipped").latest("id").pk]),
        reverse("admin:integration_recordlink_changelist"),
    ):
        assert console.get(address).status_code == 200, address
