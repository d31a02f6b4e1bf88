"""What cannot be taken back waits for a person when there is suddenly much of it, and opt-in mails have a limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.alerts import ledger
from integration.engine.clients import connection_health
from integration.engine.safety import limits
from integration.engine.sync import runs
from integration.models import Alert, Brake, BrakeKind, SyncJob, SyncLog
from integration.notices import deliver
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import MemberFactory

PEOPLE = 30


@pytest.fixture
def crowd(world):
    """Thirty people in step."""
    world.seed_people(PEOPLE)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    hub.drain()
    assert len(world.contacts()) == PEOPLE
    return world


def people(world):
    return world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values()


def clear_newsletter(world, count):
    """Somebody imports a list with an empty Newsletter column."""
    for row in list(people(world))[-count:]:
        world.say(str(row["id"]), None)
    world.deliver()


def held():
    return SyncJob.objects.filter(state="held", reason="mass_delete").count()


def decide(world, kind="removals", role="editor"):
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role=role).user)
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return client, reverse("portal:brakes", kwargs=ids), {"kind": kind}


@pytest.mark.chaos("H12")
def test_an_emptied_field_unsubscribes_nobody_until_a_person_has_decided(crowd):
    clear_newsletter(crowd, 12)

    assert len(crowd.contacts()) == PEOPLE
    assert held() == 12
    assert SyncLog.objects.filter(outcome="held", reason="mass_delete").count() == 12

    client, address, form = decide(crowd)
    assert "12 records: An unusually large number" in client.get(address).content.decode()
    client.post(address, form)
    hub.drain()

    assert len(crowd.contacts()) == PEOPLE - 12
    assert held() == 0


def test_a_few_go_through_as_ever(crowd):
    clear_newsletter(crowd, 10)

    assert len(crowd.contacts()) == PEOPLE - 10
    assert held() == 0


def test_small_steps_within_the_window_add_up(crowd):
    clear_newsletter(crowd, 7)
    clear_newsletter(crowd, 14)  # seven of them anew

    assert len(crowd.contacts()) == PEOPLE - 7
    assert held() == 7


def test_the_count_begins_anew_after_the_window(crowd):
    clear_newsletter(crowd, 7)
    Brake.objects.update(window_at=timezone.now() - timedelta(seconds=601))
    clear_newsletter(crowd, 14)

    assert len(crowd.contacts()) == PEOPLE - 14


def test_what_was_mended_at_the_source_is_left_alone(crowd):
    clear_newsletter(crowd, 12)
    for row in list(people(crowd))[-12:]:
        crowd.say(str(row["id"]), "Yes")
    crowd.sandbox.control("DELETE", "/calls")

    limits.release(crowd.integration, BrakeKind.REMOVALS)
    crowd.deliver()

    assert len(crowd.contacts()) == PEOPLE
    assert held() == 0


def test_only_what_was_seen_is_let_through(crowd):
    clear_newsletter(crowd, 12)
    limits.release(crowd.integration, BrakeKind.REMOVALS)
    clear_newsletter(crowd, 30)  # eighteen more before the worker comes

    assert len(crowd.contacts()) == PEOPLE - 12
    assert held() == 18


def test_a_decision_does_not_count_against_what_comes_after_it(crowd):
    clear_newsletter(crowd, 12)
    limits.release(crowd.integration, BrakeKind.REMOVALS)
    hub.drain()

    crowd.say(str(list(people(crowd))[-PEOPLE]["id"]), None)
    crowd.deliver()

    assert len(crowd.contacts()) == PEOPLE - 13
    assert held() == 0


@pytest.mark.parametrize("window_over", [True, False], ids=["later", "at once"])
def test_what_was_let_through_and_not_used_is_no_licence_for_later(crowd, window_over):
    """Twelve were let through and mended before the worker came. Later twelve others are not covered by that."""
    clear_newsletter(crowd, 12)
    for row in list(people(crowd))[-12:]:
        crowd.say(str(row["id"]), "Yes")
    assert limits.release(crowd.integration, BrakeKind.REMOVALS) == 12
    crowd.deliver()
    assert len(crowd.contacts()) == PEOPLE
    assert Brake.objects.get(kind=BrakeKind.REMOVALS).allowance == 12, "let through, and not used"
    if window_over:
        Brake.objects.update(window_at=timezone.now() - timedelta(seconds=601))

    clear_newsletter(crowd, 12)

    assert len(crowd.contacts()) == (PEOPLE if window_over else PEOPLE - 12)
    assert held() == (12 if window_over else 0)


def test_the_quarter_hours_check_does_not_decide(crowd):
    clear_newsletter(crowd, 12)

    connection_health.check(crowd.integration.left)
    hub.drain()

    assert len(crowd.contacts()) == PEOPLE
    assert held() == 12


def test_a_viewer_cannot_decide_and_another_tenant_sees_nothing(crowd):
    clear_newsletter(crowd, 12)

    client, address, form = decide(crowd, role="viewer")
    assert client.post(address, form).status_code in (403, 404)
    stranger = Client()
    stranger.force_login(MemberFactory(role="owner").user)
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, form).status_code == 404
    hub.drain()

    assert len(crowd.contacts()) == PEOPLE


@pytest.mark.chaos("H12")
def test_operators_and_owners_are_told_and_told_when_it_is_over(crowd, settings):
    settings.EMAIL_URL, settings.ALERT_EMAILS = "memorymail://", ["ops@example.com"]
    MemberFactory(tenant=crowd.integration.tenant, role="owner", user__email="owner@example.com")
    clear_newsletter(crowd, 12)

    ledger.evaluate(get_recipe)
    deliver.deliver(get_recipe)

    alert = Alert.objects.get(kind="brake")
    assert "12 of ACME" in alert.what
    letters = {message.recipients()[0]: message for message in mail.outbox}
    assert letters.keys() == {"ops@example.com", "owner@example.com"}
    assert decide(crowd)[1] in letters["owner@example.com"].body

    limits.release(crowd.integration, BrakeKind.REMOVALS)
    hub.drain()
    ledger.evaluate(get_recipe)
    assert Alert.objects.get(kind="brake").resolved_at is not None


@pytest.mark.chaos("H12")
def test_deletions_found_by_the_weekly_comparison_wait_too_and_can_be_let_through(crowd):
    for row in people(crowd):
        row["is_deleted"] = True
    start_runs(crowd.integration, "reconcile")
    hub.drain()
    assert len(crowd.contacts()) == PEOPLE

    assert limits.release(crowd.integration, BrakeKind.REMOVALS) == PEOPLE
    hub.drain()

    assert crowd.contacts() == {}


def test_an_opt_out_by_the_person_is_never_held(crowd):
    """It is the person's own act: thirty opt-outs after a mailing reach the CRM at once."""
    for email in list(crowd.contacts()):
        crowd.leave(email)
    crowd.deliver()

    assert {crowd.shown(str(row["id"]))[0] for row in people(crowd) if row["name"].startswith("Seed")} == {"no"}
    assert not SyncJob.objects.filter(state="held").exists()


def test_opt_in_mails_stop_at_the_days_limit_and_go_on_when_a_person_says_so(world, settings):
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 5
    for number in range(8):
        world.person(f"Person Nr{number}")
    world.deliver()

    assert len(world.mails()) == 5
    assert SyncJob.objects.filter(state="held", reason="opt_in_limit").count() == 3

    client, address, form = decide(world, kind="mails")
    client.post(address, form)
    hub.drain()
    assert len(world.mails()) == len(set(world.mails())) == 8

    world.person("One More")
    world.deliver()
    assert len(world.mails()) == 9  # the count began anew with the decision


def test_a_fetch_all_for_which_a_person_allowed_mails_is_no_flood(world, settings):
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 5
    world.seed_people(12)
    runs.start(world.integration, "fetch_all", "person_to_contact", options={"allow_doi": True})
    hub.drain()

    assert len(world.mails()) == 12


def test_deals_that_wait_for_a_held_person_are_not_counted_with_the_people(world, settings):
    settings.BRAKE_OPT_IN_MAILS_PER_DAY = 1
    hub.save(world.integration, deals_enabled=True)
    world.person("Ada Byron")
    world.deliver()
    bob = world.person("Bob Boole")
    world.deliver()
    for number in range(3):
        world.deal(title=f"Engine {number}", person_id=int(bob))
    world.deliver()

    assert limits.held(world.integration, BrakeKind.OPT_IN_MAILS) == 1
    assert limits.release(world.integration, BrakeKind.OPT_IN_MAILS) == 1
    hub.drain()
    assert world.mails() == ["ada.byron@example.com", "bob.boole@example.com"]
    SyncJob.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
    hub.drain()
    assert len(world.events_sent()) == 3
