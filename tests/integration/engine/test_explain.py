"""Explained counts: the parts add up to what is at the source, after a dry run and after a real Fetch All."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from integration.engine.insight.record_counts import explained
from integration.engine.sync import runs
from integration.models import RecordLink
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import MemberFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd(world):
    """Three who say yes (one of them in step), one without address, one who says no."""
    world.person("Ada Lovelace")
    world.deliver()
    world.seed_people(2)
    world.person("Bo Diddley", email="")
    world.person("Cy Twombly", newsletter="No")
    world.held()
    return world


def count(world, *, dry_run):
    options = {"allow_doi": True}
    runs.start(world.integration, "fetch_all", "person_to_contact", dry_run=dry_run, options=options)
    hub.drain()
    return next(
        row for row in explained(world.integration, get_recipe("pipedrive_maileon")) if row.flow == "person_to_contact"
    )


def test_nothing_is_claimed_before_anything_was_counted(world):
    assert explained(world.integration, get_recipe("pipedrive_maileon")) == []


def test_a_dry_run_says_who_would_come(crowd):
    found = count(crowd, dry_run=True)
    parts = {part.label: part.count for part in found.parts}

    assert found.total == sum(parts.values())
    assert parts["would send opt-in email"] == 2
    assert parts["in sync"] == 1
    assert parts["No email address"] == 1
    assert parts["Newsletter is No"] == 1


def test_after_a_real_one_every_number_is_a_door_to_as_many_rows(crowd, full_slices):
    found = count(crowd, dry_run=False)
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:integration_integration_change", args=[crowd.integration.pk])).content.decode()
    equation = page.split('<p class="ls-equation">', 1)[1].split("</p>")[0].replace("&amp;", "&")
    doors = re.findall(r'href="([^"]+)">([\d,]+)</a>', equation)

    assert f"</strong>: {found.total} =" in equation
    assert sum(int(number) for _, number in doors) == found.total
    for address, number in doors:
        if "recordlink" in address:
            assert RecordLink.objects.count() >= int(number)
        else:
            assert client.get(address).context["cl"].result_count == int(number), address


def test_the_tenant_sees_the_same_sum(crowd):
    found = count(crowd, dry_run=True)
    client = Client()
    client.force_login(MemberFactory(tenant=crowd.integration.tenant).user)
    ids = {"tenant_id": crowd.integration.tenant_id, "integration_id": crowd.integration.pk}

    html = client.get(reverse("portal:integration", kwargs=ids)).content.decode()

    assert f"{found.total} in Pipedrive" in html
    assert re.search(r"<b>1</b></a> No email address", html)
