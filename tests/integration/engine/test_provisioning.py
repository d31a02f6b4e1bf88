"""Provisioning: steps that may run again, webhooks shared by connection, uninstall that leaves nothing behind."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.engine.setup import lifecycle, provisioning
from integration.models import (
    Integration,
    RecordLink,
    RemoteSubscription,
    SyncJob,
    SyncLog,
    VendorCall,
    WebhookEndpoint,
    WebhookEvent,
)
from integration.recipes.registry import get_recipe
from tenants.models import Tenant
from tests.support import hub
from tests.support.factories import JobFactory


def webhooks(world, vendor="pipedrive"):
    state = world.sandbox.state
    return state.pipedrive.companies["acme"].webhooks if vendor == "pipedrive" else state.maileon.accounts[501].webhooks


def save(world, **settings):
    world.integration.refresh_from_db()
    world.integration.settings = {**world.integration.settings, **settings}
    world.integration.save(update_fields=["settings"])
    return provisioning.provision(world.integration, get_recipe)


def test_steps_may_run_again(world):
    before = (set(webhooks(world)), set(webhooks(world, "maileon")), dict(world.integration.resources))

    results = save(world)

    assert all(result.ok for result in results)
    assert (set(webhooks(world)), set(webhooks(world, "maileon"))) == before[:2]
    assert world.integration.resources == before[2]


@pytest.mark.chaos("V13")
def test_a_webhook_that_vanished_at_the_vendor_is_made_again(world):
    webhooks(world).pop(min(webhooks(world)))

    assert tasks.check_integration(str(world.integration.pk)) == "fine"

    assert len(webhooks(world)) == 3
    assert RemoteSubscription.objects.filter(connection=world.integration.left).count() == 3


def test_a_webhook_left_by_a_crash_after_its_creation_is_cleaned_up(world):
    RemoteSubscription.objects.filter(event="person.change").delete()

    tasks.check_integration(str(world.integration.pk))

    assert len(webhooks(world)) == 3
    assert {str(key) for key in webhooks(world)} == set(
        RemoteSubscription.objects.filter(connection=world.integration.left).values_list("external_id", flat=True)
    )


def test_integrations_on_one_connection_share_its_webhooks(world):
    """The webhooks go when the last integration that needs them goes."""
    first = world.integration
    account = world.sandbox.control("POST", "/maileon/accounts", {"name": "Second"})
    right = hub.connect(first.tenant, "maileon", f"{world.sandbox.url}/maileon/1.0", api_key=account["api_key"])
    second = Integration.objects.create(
        tenant=first.tenant, recipe=first.recipe, left=first.left, right=right, settings={"deals_enabled": True}
    )
    provisioning.provision(second, get_recipe)
    assert len(webhooks(world)) == 6

    lifecycle.uninstall(second, get_recipe)
    assert len(webhooks(world)) == 3
    assert first.left.credentials

    lifecycle.uninstall(first, get_recipe)
    assert webhooks(world) == {}
    first.left.refresh_from_db()
    assert (first.left.credentials, first.left.health) == ({}, "disconnected")


@pytest.mark.chaos("V14")
def test_a_failing_step_names_its_fix_and_the_others_go_on(world):
    world.sandbox.control("PATCH", "/maileon/501", {"verbs": ["GET", "POST", "PUT"]})
    failure = {"status": 403, "times": 1, "path_contains": "/webhooks", "method": "GET"}
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [failure]})

    results = {result.key: result for result in save(world)}

    assert results["newsletter"].ok
    assert (results["webhooks"].ok, results["webhooks"].reason) == (False, "permission_missing")


@pytest.mark.chaos("V14")
def test_the_webhook_limit_is_explained(world):
    world.sandbox.control("PATCH", "/pipedrive/acme", {"plan": "premium"})
    company = world.sandbox.state.pipedrive.companies["acme"]
    [model] = list(company.webhooks.values())[:1]
    for n in range(40):
        company.webhooks[900_000 + n] = type(model)(
            **{**vars(model), "id": 900_000 + n, "subscription_url": "https://other.example/"}
        )

    results = {result.key: result for result in save(world, deals_enabled=True)}

    assert results["webhooks"].reason == "webhook_limit"


def test_uninstall_leaves_nothing_and_keeps_the_log_without_people(world):
    person_id = world.person("Ada Byron")
    world.deliver()
    world.person("Waiting Wanda")
    for delivery in world.held():
        world.post(delivery)

    results = lifecycle.uninstall(world.integration, get_recipe)

    assert all(result.ok for result in results), results
    assert webhooks(world) == webhooks(world, "maileon") == {}
    assert not WebhookEndpoint.objects.exists()
    assert not RecordLink.objects.exists()
    assert not SyncJob.objects.exclude(state="done").exists()
    assert SyncLog.objects.filter(source_id=person_id).exists()
    kept = (
        str(list(SyncLog.objects.values()))
        + str(list(WebhookEvent.objects.values()))
        + str(list(VendorCall.objects.values()))
    )
    for trace in ("Byron", "ada.byron", "Wanda"):  # three letters alone may stand in a random token
        assert trace not in kept
    hub.drain()
    assert "waiting.wanda@example.com" not in world.contacts()


def test_uninstall_goes_on_when_a_vendor_is_down(world):
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "error_rate": 1.0, "error_status": 503})

    results = {result.key: result.ok for result in lifecycle.uninstall(world.integration, get_recipe)}

    assert results["webhooks_right"] is False
    assert webhooks(world) == {}
    world.integration.right.refresh_from_db()
    assert world.integration.right.credentials == {}


@pytest.mark.chaos("H5")
@pytest.mark.parametrize("changes", [{}, {"deals_enabled": True}, {"contacts_enabled": False}])
def test_webhooks_follow_the_settings(world, changes):
    save(world, **changes)

    expected = {
        (): 3, (("deals_enabled", True),): 6, (("contacts_enabled", False),): 0,
    }[tuple(changes.items())]  # fmt: skip
    assert len(webhooks(world)) == expected


def test_a_paused_integration_collects_and_goes_on_later(world):
    lifecycle.pause(world.integration)
    world.person("Ada Byron")
    world.deliver()
    assert world.mails() == []

    lifecycle.resume(world.integration)
    hub.drain()

    assert world.mails() == ["ada.byron@example.com"]
    assert Tenant.objects.count() == 1


def test_a_webhook_secret_is_rotated_without_a_gap(world):
    endpoint = WebhookEndpoint.objects.get(connection=world.integration.left)
    old = endpoint.secret["current"]
    world.person("Before Rotation")
    underway = world.held()

    provisioning.rotate_webhook_secret(world.integration.left, get_recipe)
    world.person("After Rotation")

    endpoint.refresh_from_db()
    assert endpoint.secret["previous"] == old != endpoint.secret["current"]
    assert [world.post(delivery) for delivery in underway + world.held()] == [200, 200]
    assert len(webhooks(world)) == 3


@pytest.mark.chaos("H5")
def test_two_saves_at_once_make_things_once(world, monkeypatch):
    """A second save arrives while the first is at its first step."""
    fields = world.sandbox.state.pipedrive.companies["acme"].fields["person"]
    before, seen = len(fields), []

    def interrupted(integration, recipe):
        seen.extend(provisioning.provision(Integration.objects.get(), get_recipe))

    monkeypatch.setattr(provisioning, "install_defaults", interrupted)

    results = save(world)

    assert [result.key for result in seen] == ["busy"]
    assert all(result.ok for result in results)
    assert len(fields) == before
    assert Integration.objects.get().provision_lease_until is None


@pytest.mark.chaos("H5")
@pytest.mark.parametrize("late", ["activate", "pause", "resume"])
def test_what_was_uninstalled_meanwhile_stays_uninstalled(world, late):
    if late == "activate":
        Integration.objects.update(state="draft")
    elif late == "resume":
        lifecycle.pause(world.integration)
    stale = Integration.objects.select_related("left", "right", "tenant").get()
    lifecycle.uninstall(Integration.objects.get(), get_recipe)

    {"activate": provisioning.activate, "pause": lifecycle.pause, "resume": lifecycle.resume}[late](stale)

    assert Integration.objects.get().state == stale.state == "uninstalled"


def test_what_was_held_goes_on_once_everything_is_in_place(world):
    job = JobFactory(integration=world.integration, state="held", reason="field_unknown")

    assert all(result.ok for result in save(world))

    job.refresh_from_db()
    assert job.state == "waiting"
