"""Installing, an app that was uninstalled at HubSpot's side, uninstalling here, and people deleted for privacy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models
from django.utils import timezone

from integration import tasks
from integration.engine.insight.status import status_of
from integration.engine.privacy import personal_data
from integration.engine.setup import lifecycle, provisioning
from integration.models import (
    Connection,
    FieldMapping,
    Health,
    RecordLink,
    SyncJob,
    SyncLog,
    VendorCall,
    WebhookEvent,
)
from integration.portal.state import shown
from integration.recipes.registry import get_recipe
from tests.support import hub

from .conftest import confirmed

PORTAL = 62515001


TEXTS = (models.TextField, models.CharField, models.JSONField)


def portal(world):
    return world.sandbox.control("GET", f"/hubspot/{PORTAL}/state")


def held_text(word):
    """Where in our tables a word stands, column by column."""
    found = []
    for model in apps.get_app_config("integration").get_models():
        texts = [field.name for field in model._meta.fields if isinstance(field, TEXTS)]
        for row in model.objects.values(*texts) if texts else ():
            found += [f"{model.__name__}.{name}" for name, value in row.items() if word in str(value)]
    return found


def test_installing_makes_the_group_its_properties_and_the_contact_fields(world):
    state = portal(world)
    assert {"name": "maileon", "label": "Maileon"}.items() <= state["groups"][1].items()
    assert {row["label"] for row in state["properties"]} == {
        "Subscribe to Maileon Newsletter", "Maileon Contact Permission", "Maileon Contact DOI",
        "Maileon Contact DOI Plus", "Maileon Contact DOI Mailing Key",
    }  # fmt: skip
    assert all(row["groupName"] == "maileon" and row["formField"] for row in state["properties"])
    said = {step["key"]: step["detail"] for step in world.integration.provisioning}
    assert said["properties"] == "5 created"
    assert said["contact_fields"] == "created jobtitle"
    assert "HubSpot: set in its app, for all accounts" in said["webhooks"]
    assert "Maileon: 2 in place" in said["webhooks"]


def test_installing_twice_changes_nothing_and_repairs_options(world):
    rows = world.sandbox.state.hubspot.portals[PORTAL].properties
    own = {"label": "Mine", "value": "mine", "displayOrder": 9, "hidden": False}
    rows["maileon_contact_doi"]["options"] = [own]
    said = {result.key: result.detail for result in provisioning.provision(world.integration, get_recipe)}

    assert said["properties"] == "in place, options of maileon_contact_doi completed"
    assert [option["value"] for option in rows["maileon_contact_doi"]["options"]] == [
        "mine", "as_configured", "yes", "no",
    ]  # fmt: skip
    said = {result.key: result.detail for result in provisioning.provision(world.integration, get_recipe)}
    assert said["properties"] == "in place"
    assert "0 created" in said["webhooks"]


def test_a_mapped_property_that_is_missing_is_marked(world):
    row = FieldMapping.objects.create(
        integration=world.integration, flow="contact_to_contact", source="gone", target="gone_too", position=50
    )
    provisioning.provision(world.integration, get_recipe)

    row.refresh_from_db()
    assert row.problem.startswith("HubSpot has no such field any more.")
    assert not FieldMapping.objects.filter(flow="contact_to_contact", source="city").exclude(problem="").exists()


@pytest.mark.chaos("V5")
def test_an_access_token_that_is_refused_mid_run_is_renewed_once(world):
    Connection.objects.filter(vendor="hubspot").update(credentials_changed_at=timezone.now() - timedelta(minutes=10))
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "hubspot", "expire_tokens": True, "webhooks": {"hold": True}}
    )
    world.contact("Ada Byron")
    world.deliver()

    assert world.mails() == ["ada.byron@example.com"]


def test_tokens_of_half_an_hour_are_renewed_before_they_run_out(world):
    connection = world.integration.left
    connection.refresh_from_db()
    before = connection.token_expires_at
    assert before - timezone.now() < timedelta(minutes=31)
    Connection.objects.filter(pk=connection.pk).update(token_expires_at=timezone.now() + timedelta(minutes=12))
    assert tasks.refresh_tokens() == "1 renewed"
    connection.refresh_from_db()
    assert connection.token_expires_at - timezone.now() > timedelta(minutes=29)


def run_out():
    Connection.objects.filter(vendor="hubspot").update(token_expires_at=timezone.now() - timedelta(minutes=1))


def test_an_app_uninstalled_at_hubspot_holds_the_jobs_and_tells_the_tenant(world):
    contact_id, email = confirmed(world)
    world.change(contact_id, city="Wien")
    [told] = world.held()
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/uninstall")
    run_out()
    assert world.post(told) == 200  # HubSpot tells nobody; its last events still come
    world.leave(email)
    for delivery in world.held():
        assert world.post(delivery) == 200
    hub.drain()

    world.integration.left.refresh_from_db()
    left = world.integration.left
    assert (left.health, left.health_reason) == (Health.NEEDS_YOU, "credentials_refused")
    assert "no longer grants us access; connect again" in left.health_detail
    jobs = SyncJob.objects.exclude(state="done")
    assert {(job.flow, job.state, job.reason) for job in jobs} == {
        ("contact_to_contact", "held", "credentials_refused"), ("consent_to_contact", "held", "credentials_refused"),
    }  # fmt: skip
    said = shown(world.integration, status_of(world.integration, get_recipe))
    assert (said.word, said.tone) == ("Needs attention", "amber")
    assert said.sentence.startswith("HubSpot: The credentials were rejected. 2 changes wait")
    assert world.integration.right.usable

    # Connected again, everything that waited goes on.
    fresh = world.sandbox.control(
        "POST", f"/hubspot/{PORTAL}/install", {"client_id": next(iter(world.sandbox.state.hubspot.apps))}
    )
    assert jobs.count() == 2
    left.store_credentials({**left.credentials, **{k: fresh[k] for k in ("access_token", "refresh_token")}}, "x")
    left.token_expires_at = timezone.now() + timedelta(minutes=30)
    left.save()
    assert tasks.check_integration(str(world.integration.pk)) == "fine"
    world.deliver()
    assert world.shown(contact_id, "maileon_subscribe") == ["false"]


def test_the_scheduled_refresh_finds_the_uninstallation_too(world):
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/uninstall")
    Connection.objects.filter(vendor="hubspot").update(
        token_expires_at=timezone.now() + timedelta(minutes=12), credentials_changed_at=timezone.now()
    )
    assert tasks.refresh_tokens() == "0 renewed"

    world.integration.left.refresh_from_db()
    assert world.integration.left.health == Health.NEEDS_YOU


def test_uninstalling_leaves_nothing_behind(world):
    contact_id, email = confirmed(world)
    results = lifecycle.uninstall(world.integration, get_recipe)

    assert all(result.ok for result in results), results
    assert portal(world)["installed"] == []
    assert not world.sandbox.state.maileon.accounts[501].webhooks
    world.integration.left.refresh_from_db()
    assert (world.integration.left.credentials, world.integration.left.health) == ({}, "disconnected")
    assert world.contacts()[email]["permission"] == 4
    assert not RecordLink.objects.exists()
    assert SyncLog.objects.filter(source_id=contact_id).exists()
    world.change(contact_id, city="Wien")
    assert world.held() == []


def test_uninstalling_what_is_uninstalled_there_already_is_fine(world):
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/uninstall")
    results = {result.key: result.ok for result in lifecycle.uninstall(world.integration, get_recipe)}

    assert results == {
        "webhooks_left": True, "credentials_left": True, "webhooks_right": True, "credentials_right": True,
    }  # fmt: skip


@pytest.mark.chaos("V12")
@pytest.mark.parametrize("first", ["contact.privacyDeletion", "contact.deletion", "together"])
def test_a_privacy_deletion_is_erased_in_maileon_and_in_our_tables(world, first):
    contact_id, email = confirmed(world, city="Nowhereville")
    other, other_email = confirmed(world, "Bob Miller")
    client_id = next(iter(world.sandbox.state.hubspot.apps))
    world.sandbox.control("POST", "/hubspot/apps", {"client_id": client_id, "events_per_request": 1})
    assert "RecordLink.written" in held_text("Nowhereville")
    world.do(contact_id, "forget")
    waiting = sorted(world.held(), key=lambda delivery: delivery.event != first)
    for delivery in waiting:
        assert world.post(delivery) == 200
        if first != "together":  # one of them late: then what came of the other is over
            world.deliver()
    hub.drain()
    world.deliver()

    accounts = world.sandbox.state.maileon.accounts[501]
    assert set(world.contacts()) == {other_email}
    assert email not in str(accounts.contacts)
    assert held_text("Nowhereville") == []
    assert held_text(email) == []
    assert not RecordLink.objects.filter(source_id=contact_id).exists()
    assert not personal_data.find(world.integration.tenant, email, get_recipe)
    log = SyncLog.objects.get(action="erase")
    assert (log.outcome, log.source_id, log.email_hash) == ("synced", contact_id, "")
    assert "log entr" in log.detail
    assert "link between two records deleted." in log.detail
    assert not SyncJob.objects.exclude(state="done").exists()
    assert RecordLink.objects.get(source_id=other).written["email"] == other_email


def test_a_privacy_deletion_of_somebody_we_never_synced_is_no_error(world):
    contact_id = world.contact("Never Wanted", maileon_subscribe="false")
    world.deliver()
    world.do(contact_id, "forget")
    world.deliver()

    assert SyncLog.objects.filter(source_id=contact_id, action="erase", outcome="synced").count() == 1
    assert (
        not WebhookEvent.objects.filter(external_id=contact_id)
        .exclude(payload={})
        .filter(state="routed", vendor_event="contact.creation")
    )


def test_erasing_meets_no_other_tenants_rows(world):
    from integration.secrets import email_hash
    from tests.support.factories import LinkFactory, LogFactory

    contact_id, email = confirmed(world)
    foreign = LinkFactory(link_type="contact", source_id=contact_id, email_hash=email_hash(email), written={"a": "b"})
    log = LogFactory(integration=foreign.integration, flow="contact_to_contact", source_id=contact_id, detail="theirs")
    call = VendorCall.objects.create(
        connection=foreign.integration.left, method="GET", path="/", status=200, ms=1, request="q", at=timezone.now()
    )
    world.do(contact_id, "forget")
    world.deliver()

    for row in (foreign, log, call):
        row.refresh_from_db()
    assert (foreign.written, log.detail, call.request) == ({"a": "b"}, "theirs", "q")
