"""Installing, diagnosing, uninstalling: what is made at the vendors and what is undone."""

from __future__ import annotations

from integration.engine.diagnose.examine import examine
from integration.engine.diagnose.findings import NOT_OK
from integration.engine.setup import lifecycle, provisioning
from integration.models import Connection, WebhookEndpoint
from integration.recipes.registry import get_recipe
from tests.support.leadboxer_world import ACTIVITIES, LEADS


def test_no_webhook_is_made_and_none_is_asked_for(leadboxer_install):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    results = provisioning.provision(world.integration, get_recipe)

    assert all(result.ok for result in results), results
    assert any("/dealFields" in call for call in world.calls("pipedrive")), "it was installed, and calls are seen"
    provisioning.provision(world.integration, get_recipe)
    assert world.sandbox.control("GET", "/pipedrive/acme/state")["webhooks"] == []
    assert not any("webhooks" in call for call in world.calls("pipedrive"))
    assert not WebhookEndpoint.objects.exists()


def test_a_second_save_makes_nothing_twice(leadboxer_install):
    world = leadboxer_install(**LEADS)
    results = {result.key: result.detail for result in provisioning.provision(world.integration, get_recipe)}

    assert (results["marker"], results["lead_fields"]) == ("in place", "4 in place")
    names = [row["name"] for row in world.sandbox.control("GET", "/pipedrive/acme/state")["custom_fields"]["deal"]]
    assert sorted(names) == sorted(
        ["LeadBoxer id", "LeadBoxer: Lead score", "LeadBoxer: Industry", "LeadBoxer: Employees (range)",
         "LeadBoxer: Lead card"]
    )  # fmt: skip


def test_the_field_of_an_earlier_installation_is_taken_over(leadboxer_install):
    world = leadboxer_install(**LEADS)
    key = world.integration.resources["leadboxer_id"]
    world.integration.resources = {}
    world.integration.save(update_fields=["resources"])
    provisioning.provision(world.integration, get_recipe)

    world.integration.refresh_from_db()
    assert world.integration.resources["leadboxer_id"] == key


def test_diagnose_finds_nothing_wrong(leadboxer_install):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    world.company()
    world.poll()
    report = examine(world.integration, get_recipe)

    assert len(report.findings) > 5, "it looked"
    wrong = [finding for finding in report.findings if finding.status == NOT_OK]
    assert [finding.what for finding in wrong if "worker" not in finding.what.lower()] == []


def test_uninstalling_erases_credentials_and_personal_data(leadboxer_install):
    world = leadboxer_install(**{**LEADS, **ACTIVITIES})
    world.ada()
    world.poll()
    results = lifecycle.uninstall(world.integration, get_recipe)

    assert all(result.ok for result in results), results
    assert set(Connection.objects.values_list("health", flat=True)) == {"disconnected"}
    assert all(not row.credentials for row in Connection.objects.all())
    assert not world.integration.links.exclude(written={}).exists()
