"""Explained counts: the parts add up to what is at the source, after a dry run and after a real Fetch All."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.maileon.records import Contact
from integration.engine.insight.record_counts import explained
from integration.engine.sync import runs
from integration.models import RecordLink, SyncRun
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
    assert parts["no change since the last sync"] == 1
    assert "in sync" not in parts
    assert not found.proven
    assert found.basis.startswith("Not proven: counted by a dry run on")
    assert parts["No email address"] == 1
    assert parts["Newsletter is No"] == 1


def test_after_a_real_one_every_number_is_a_door_to_as_many_rows(crowd, full_slices):
    found = count(crowd, dry_run=False)
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:integration_integration_change", args=[crowd.integration.pk])).content.decode()
    equation = page.split('<p class="ls-equation">', 1)[1].split("</p>")[0].replace("&amp;", "&")
    equation = equation.split('<span class="ls-quiet">')[0]
    doors = re.findall(r'href="([^"]+)">([\d,]+)</a>', equation)

    assert f"</strong>: {found.total} in Pipedrive =" in equation
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


@pytest.fixture
def compared(crowd, full_slices):
    """The crowd in sync but for a name that was changed in Maileon and a contact that was deleted there."""
    crowd.person("Joy Byron")
    crowd.person("Kay Byron")
    crowd.deliver()
    client = hub.client_of(crowd.integration.right)
    client.update_contact("joy.byron@example.com", Contact("joy.byron@example.com", standard_fields={"LASTNAME": "X"}))
    client.delete_contact("kay.byron@example.com")
    return compare(crowd)


def compare(world, **changed):
    runs.start(world.integration, "compare", "person_to_contact")
    hub.drain()
    if changed:
        SyncRun.objects.filter(kind="compare").update(**changed)
    return next(
        row for row in explained(world.integration, get_recipe("pipedrive_maileon")) if row.flow == "person_to_contact"
    )


def test_a_comparison_proves_who_is_in_sync(compared, crowd):
    parts = {part.standing: 0 for part in compared.parts}
    for part in compared.parts:
        parts[part.standing] += part.count

    assert compared.proven
    assert compared.basis.startswith("Proven by the comparison of ")
    assert sum(parts.values()) == compared.total == compared.run.total
    assert (parts["in_sync"], parts["differs"], parts["missing"]) == (1, 1, 1)
    assert parts["skipped"] >= 2
    assert {part.label for part in compared.parts} >= {"in sync", "different in Maileon", "missing in Maileon"}


def test_every_number_of_a_comparison_opens_a_list_and_downloads(compared, crowd):
    ids = {"tenant_id": crowd.integration.tenant_id, "integration_id": crowd.integration.pk}
    tenants, operators = Client(), Client()
    tenants.force_login(MemberFactory(tenant=crowd.integration.tenant).user)
    operators.force_login(UserFactory(is_staff=True, is_superuser=True))
    portal = reverse("portal:integration", kwargs=ids)
    console = reverse("admin:integration_integration_change", args=[crowd.integration.pk])

    shown = tenants.get(portal)
    for part, address in dict(shown.context["explained"])[compared]:
        assert tenants.get(address).status_code == 200, part
        assert address.replace("&", "&amp;") in shown.content.decode()
    html = operators.get(console).content.decode()
    for address in re.findall(r'href="([^"]+)"', html.split('<p class="ls-equation">', 1)[1].split("</p>")[0]):
        assert operators.get(address.replace("&amp;", "&")).status_code == 200, address
    differing = f"/admin/integration/drift/?integration={crowd.integration.pk}&flow=person_to_contact&kind=differs"
    assert operators.get(differing).context["cl"].result_count == 1
    for client, address in ((tenants, f"{portal}?format=csv"), (operators, console.replace("change", "counts"))):
        rows = list(csv.DictReader(io.StringIO(client.get(address).content.decode())))
        assert sum(int(row["records"]) for row in rows) == compared.total
        assert {row["proven"] for row in rows} == {"yes"}


def test_a_sample_says_how_many_of_how_many_it_checked(crowd):
    sampled = compare(crowd, options={"sampled": True}, total=300_000, done=5_000)
    unknown = compare(crowd, options={"sampled": True}, total=None, done=5_000)

    assert "It checked 5,000 of 300,000." in sampled.basis
    assert "It checked 5,000, not all." in unknown.basis
