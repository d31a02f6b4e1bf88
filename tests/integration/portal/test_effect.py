"""Before a Fetch All starts, its page says how many emails go out and how many records change."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from integration.models import SyncRun
from tests.support import hub
from tests.support.factories import MemberFactory


def address(integration):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    return reverse("portal:fetch_all", kwargs=ids)


def test_the_page_says_what_the_dry_run_counted_and_the_real_run_keeps_it(world, full_slices):
    world.seed_people(12)
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role="owner").user)
    here = address(world.integration)
    assert "Not counted yet" in client.get(here).content.decode()

    client.post(here, {"mode": "dry", "allow_doi": "yes"})
    hub.drain()

    assert "12 records change, 12 opt-in emails go out" in client.get(here).content.decode()
    assert world.mails() == []
    client.post(here, {"mode": "real", "allow_doi": "yes"})
    hub.drain()
    assert len(world.mails()) == 12


def test_a_fetch_all_can_be_told_to_believe_nothing_it_remembers(world):
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role="owner").user)
    client.post(address(world.integration), {"mode": "real", "allow_doi": "no", "certain": "yes"})
    assert SyncRun.objects.get().options["certain"] is True
