"""Lifecycle stages: only from the source stage, back only after a reset, never left empty, and refusals are told."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration import tasks
from integration.connectors.hubspot.client import HubSpotClient
from integration.models import Integration, RecordLink, SyncJob, SyncLog
from integration.recipes.hubspot_maileon import stages
from integration.recipes.registry import get_recipe
from tests.support import hub

from .conftest import confirmed

PORTAL = 62515001
STAGE = "lifecyclestage"


def on(word, source, target, *, reset=False):
    return {
        f"{word}_stage": True, f"{word}_stage_from": source, f"{word}_stage_to": target, f"{word}_stage_reset": reset,
    }  # fmt: skip


def last_log():
    return SyncLog.objects.filter(flow="consent_to_contact").latest("id")


def test_a_confirmation_moves_the_stage_forward(made):
    world = made(**on("confirmed", "lead", "customer"))
    contact_id, _ = confirmed(world)

    assert world.shown(contact_id, STAGE) == ["customer"]
    assert last_log().detail == "Lifecycle stage: “Lead” → “Customer”."


def test_another_stage_than_the_source_stays(made):
    world = made(**on("confirmed", "subscriber", "customer"))
    contact_id, _ = confirmed(world, lifecyclestage="opportunity")

    assert world.shown(contact_id, STAGE) == ["opportunity"]
    assert last_log().detail == "Lifecycle stage is “Opportunity”, not “Subscriber”: left alone."
    assert last_log().reason == ""


def test_both_rules_are_apart(made):
    world = made(**on("confirmed", "lead", "customer"), **on("unsubscribed", "customer", "other"))
    contact_id, email = confirmed(world)
    world.leave(email)
    world.deliver()

    assert world.shown(contact_id, STAGE) == ["other"]


def test_a_silent_refusal_is_detected_and_everything_else_is_done(made):
    world = made(**on("unsubscribed", "customer", "subscriber"))
    contact_id, email = confirmed(world, lifecyclestage="customer")
    world.leave(email)
    world.deliver()

    assert world.shown(contact_id, STAGE, "maileon_subscribe") == ["customer", "false"]
    log = last_log()
    assert (log.outcome, log.reason) == ("synced", "stage_refused")
    assert log.detail == "HubSpot answered with success, but the lifecycle stage is “Customer”, not “Subscriber”."
    assert len(world.notes(contact_id)) == 2


def test_a_reset_moves_back(made):
    world = made(**on("unsubscribed", "customer", "subscriber", reset=True))
    contact_id, email = confirmed(world, lifecyclestage="customer")
    world.leave(email)
    world.deliver()

    assert world.shown(contact_id, STAGE) == ["subscriber"]
    assert last_log().reason == ""


def test_a_portals_own_stage_is_offered_and_used(made):
    world = made()
    own = world.sandbox.control("POST", f"/hubspot/{PORTAL}/stages", {"label": "Reader", "position": 2})["value"]
    world.integration.settings = on("confirmed", "lead", own)
    world.integration.save(update_fields=["settings"])
    tasks.repair_integration(str(world.integration.pk))
    contact_id, _ = confirmed(world)

    assert own.isdigit()
    assert world.shown(contact_id, STAGE) == [own]
    assert last_log().detail == "Lifecycle stage: “Lead” → “Reader”."


def opted_out_with_a_reset(made, **faults):
    world = made(**on("unsubscribed", "customer", "subscriber", reset=True))
    contact_id, email = confirmed(world, lifecyclestage="customer")
    world.leave(email)
    for delivery in world.held():
        assert world.post(delivery) == 200
    return world, contact_id


def crash_after_clearing(monkeypatch):
    """The worker dies between the two calls, as with a power cut."""
    real = HubSpotClient.update_contacts

    def dying(self, values):
        if any(STAGE in wish and wish[STAGE] for wish in values.values()):
            raise SystemExit("killed")
        return real(self, values)

    monkeypatch.setattr(HubSpotClient, "update_contacts", dying)


def test_a_crash_between_clearing_and_setting_is_finished_by_the_next_worker(made, monkeypatch):
    world, contact_id = opted_out_with_a_reset(made)
    crash_after_clearing(monkeypatch)
    with pytest.raises(SystemExit):
        hub.drain()
    monkeypatch.undo()
    assert world.shown(contact_id, STAGE) == [None]
    assert RecordLink.objects.get().notes.get("stage_move") == {"from": "customer", "to": "subscriber"}

    Integration.objects.update(lease_until=timezone.now())  # the dead worker's lease runs out
    hub.drain()

    assert world.shown(contact_id, STAGE, "maileon_subscribe") == ["subscriber", "false"]
    assert "stage_move" not in RecordLink.objects.get().notes
    assert len(world.notes(contact_id)) == 2


def test_a_lost_answer_of_the_clearing_is_no_harm(made):
    world, contact_id = opted_out_with_a_reset(made)
    fault = {"status": 500, "times": 1, "path_contains": "batch/update", "after": True}
    world.sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "fail_next": [fault]})
    hub.drain()

    assert world.shown(contact_id, STAGE) == ["subscriber"]


def test_an_unfinished_move_whose_job_died_is_found_by_the_hourly_repair(made, monkeypatch):
    world, contact_id = opted_out_with_a_reset(made)
    crash_after_clearing(monkeypatch)
    with pytest.raises(SystemExit):
        hub.drain()
    monkeypatch.undo()
    Integration.objects.update(lease_until=timezone.now(), lease_token="")
    SyncJob.objects.update(state="dead", reason="crashed")

    assert tasks.repair_integration(str(world.integration.pk)) == "fine"
    hub.drain()

    assert world.shown(contact_id, STAGE) == ["subscriber"]
    assert "stage_move" not in RecordLink.objects.get().notes


def test_a_move_whose_target_vanished_after_the_clearing_comes_back(made, monkeypatch):
    world, contact_id = opted_out_with_a_reset(made)
    options = world.sandbox.state.hubspot.portals[PORTAL].properties[STAGE]["options"]
    options[:] = [option for option in options if option["value"] != "subscriber"]
    hub.drain()

    assert world.shown(contact_id, STAGE, "maileon_subscribe") == ["customer", "false"]
    assert (last_log().outcome, last_log().reason) == ("synced", "stage_missing")
    assert last_log().detail == "HubSpot has no lifecycle stage “subscriber” any more."
    assert "stage_move" not in RecordLink.objects.get().notes


def stage_is_deleted(world, value):
    world.sandbox.control("DELETE", f"/hubspot/{PORTAL}/stages/{value}")


@pytest.mark.parametrize("reset", [False, True])
def test_an_opt_out_is_shown_though_its_stage_is_gone(made, reset):
    world = made(**on("unsubscribed", "customer", "other", reset=reset))
    contact_id, email = confirmed(world, lifecyclestage="customer")
    stage_is_deleted(world, "other")
    world.leave(email)
    world.deliver()
    assert world.shown(contact_id, STAGE, "maileon_subscribe") == ["customer", "false"]
    assert last_log().reason == "stage_missing"
    assert len(world.notes(contact_id)) == 2
    assert not SyncJob.objects.filter(state__in=("dead", "held")).exists()


def test_a_stage_that_is_gone_keeps_nobody_out_of_another_one(made):
    world = made(**on("confirmed", "lead", "customer"), **on("unsubscribed", "opportunity", "other"))
    _, email = confirmed(world, name="Grace Hopper", lifecyclestage="opportunity")
    staying = world.contact("Ada Byron")
    world.deliver()
    stage_is_deleted(world, "customer")
    world.click("ada.byron@example.com")
    world.leave(email)
    world.deliver()
    reasons = set(SyncLog.objects.filter(flow="consent_to_contact").values_list("outcome", "reason"))
    assert ("synced", "stage_missing") in reasons
    assert world.shown(staying, STAGE) == ["lead"]
    assert [row for row in world.sandbox.control("GET", f"/hubspot/{PORTAL}/state")["contacts"]
            if row["properties"].get(STAGE) == "other"]  # fmt: skip


def test_a_renamed_stage_is_the_same_one(made):
    world = made(**on("confirmed", "lead", "customer"))
    world.sandbox.control("PATCH", f"/hubspot/{PORTAL}/stages/customer", {"label": "Kunde"})
    tasks.repair_integration(str(world.integration.pk))
    contact_id, _ = confirmed(world)
    assert world.shown(contact_id, STAGE) == ["customer"]
    assert last_log().detail == "Lifecycle stage: “Lead” → “Kunde”."


def test_an_opt_out_waits_for_the_no_that_was_deleted(made):
    world = made()
    contact_id, email = confirmed(world)
    path = f"/hubspot/{PORTAL}/properties/maileon_subscribe"
    world.sandbox.control("PATCH", path, {"options": [{"label": "Yes", "value": "true", "displayOrder": 0}]})
    world.leave(email)
    world.deliver()
    assert SyncJob.objects.get(state="held").reason == "newsletter_field_missing"
    tasks.repair_integration(str(world.integration.pk))
    world.deliver()
    assert world.shown(contact_id, "maileon_subscribe") == ["false"]
    assert not SyncJob.objects.filter(state__in=("dead", "held")).exists()


def test_a_chosen_stage_that_is_gone_is_told_at_the_next_check(made):
    world = made(**on("confirmed", "lead", "customer"))
    options = world.sandbox.state.hubspot.portals[PORTAL].properties[STAGE]["options"]
    options[:] = [option for option in options if option["value"] != "customer"]
    tasks.repair_integration(str(world.integration.pk))

    world.integration.refresh_from_db()
    [step] = [step for step in world.integration.provisioning if step["key"] == "stages"]
    assert (step["ok"], step["reason"]) == (False, "stage_missing")


def test_somebody_who_moves_the_contact_meanwhile_is_not_overruled(made, monkeypatch):
    world, contact_id = opted_out_with_a_reset(made)
    crash_after_clearing(monkeypatch)
    with pytest.raises(SystemExit):
        hub.drain()
    monkeypatch.undo()
    world.change(contact_id, lifecyclestage="evangelist")
    Integration.objects.update(lease_until=timezone.now())
    hub.drain()

    assert world.shown(contact_id, STAGE) == ["evangelist"]
    assert "stage_move" not in RecordLink.objects.get().notes


@pytest.mark.chaos("V8")
def test_a_note_whose_answer_was_lost_is_not_written_twice(world):
    contact_id = world.contact("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    fault = {"status": 500, "times": 1, "path_contains": "/notes", "method": "POST", "after": True}
    world.sandbox.control("POST", "/misbehave", {"vendor": "hubspot", "webhooks": {"hold": True}, "fail_next": [fault]})
    world.deliver()

    assert len(world.notes(contact_id)) == 1
    assert "timeline_entry" not in RecordLink.objects.get().notes


def test_app_events_take_the_place_of_notes(made, settings):
    settings.HUBSPOT_APP_EVENTS = True
    world = made()
    client_id = next(iter(world.sandbox.state.hubspot.apps))
    kinds = ["maileon_confirmed", "maileon_unsubscribed"]
    world.sandbox.control("POST", "/hubspot/apps", {"client_id": client_id, "event_types": kinds})
    scopes = [*world.sandbox.state.hubspot.apps[client_id].scopes, "timeline"]
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/install", {"client_id": client_id, "scopes": scopes})
    contact_id, email = confirmed(world)
    world.sandbox.control("POST", "/maileon/501/unsubscribe", {"email": email, "method": "link", "msg_id": 77})
    world.deliver()

    events = world.sandbox.control("GET", f"/hubspot/{PORTAL}/state")["app_events"]
    assert [event["eventTypeName"] for event in events] == kinds
    assert events[1]["properties"] == {"msg_id": "77", "method": "link"}
    assert {event["objectId"] for event in events} == {contact_id}
    assert world.notes(contact_id) == []


def test_rules_are_read_from_the_settings():
    settings = get_recipe("hubspot_maileon").default_settings
    assert stages.rule_for(settings, "confirmed") is None
    chosen = {**settings, **on("confirmed", "lead", "customer")}
    assert stages.rule_for(chosen, "confirmed") == stages.Rule("lead", "customer")
    assert stages.rule_for(chosen, "pending") is None
