"""Fields, options and stages are known by their ids: renamed ones stay, deleted ones say nothing about anybody."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.models import SyncJob, SyncLog
from integration.recipes.pipedrive_maileon.own_fields import NEWSLETTER
from tests.support import hub

FIELDS = "/pipedrive/acme/personFields"


def options_of(world, resource):
    key = world.integration.resources[resource]
    return world.sandbox.state.pipedrive.companies["acme"].fields["person"][key].options


def rename(world, resource, **labels):
    """Give options other names: present label → new one."""
    rows = [{"id": row["id"], "label": labels.get(row["label"], row["label"])} for row in options_of(world, resource)]
    world.sandbox.control("PATCH", f"{FIELDS}/{world.integration.resources[resource]}/options", rows)


def delete_option(world, resource, option):
    body = [{"id": int(world.integration.resources[option])}]
    world.sandbox.control("DELETE", f"{FIELDS}/{world.integration.resources[resource]}/options", body)


def nightly(world):
    """The check of every hour goes through all steps."""
    tasks.repair_integration(str(world.integration.pk))
    world.integration.refresh_from_db()


def labels(world, resource):
    return sorted(row["label"] for row in options_of(world, resource))


def confirmed(world, name="Ada Byron"):
    person = world.person(name)
    world.deliver()
    email = f"{name.lower().replace(' ', '.')}@example.com"
    world.click(email)
    world.deliver()
    assert world.shown(person) == ("yes", "confirmed")
    return person, email


# Renamed


@pytest.mark.parametrize("way", ["settings", "nightly"])
def test_renamed_options_are_the_same_ones(world, way):
    person, email = confirmed(world)
    rename(world, "newsletter", Yes="Ja, gern", No="Nein")
    rename(world, "status", Confirmed="Bestätigt", Unsubscribed="Weg")
    hub.save(world.integration) if way == "settings" else nightly(world)
    assert labels(world, "newsletter") == ["Ja, gern", "Nein"]
    assert labels(world, "status") == ["Bestätigt", "Pending confirmation", "Weg"]
    world.change(person, name="Ada King")
    world.leave(email)
    world.deliver()
    assert world.shown(person) == ("no", "unsubscribed")


def test_yes_and_no_that_swapped_their_names_keep_their_meaning(world):
    rename(world, "newsletter", Yes="No", No="Yes")
    nightly(world)
    person = world.person("Ada Byron", newsletter="Yes")  # by its id
    world.deliver()
    assert world.mails() == ["ada.byron@example.com"]
    assert labels(world, "newsletter") == ["No", "Yes"]
    assert world.shown(person)[0] == "yes"


def test_a_renamed_field_is_the_same_one(world):
    key = world.integration.resources["newsletter"]
    world.sandbox.control("PATCH", f"{FIELDS}/{key}", {"field_name": "Rundbrief"})
    nightly(world)
    assert world.integration.resources["newsletter"] == key


def test_brevos_renamed_status_options_are_the_same_ones(brevo_world):
    w = brevo_world
    person = w.person("Ada Byron")
    w.deliver()
    rename(w, "status", Unsubscribed="Abgemeldet", Bounced="Unzustellbar")
    nightly(w)
    assert labels(w, "status") == ["Abgemeldet", "Subscribed", "Unzustellbar"]
    w.leave("ada.byron@example.com")
    w.deliver()
    assert w.status(person) == "unsubscribed"


# Deleted


@pytest.mark.parametrize("again", ["by us", "by hand"])
def test_a_deleted_yes_unsubscribes_nobody_and_comes_back(world, again):
    person, email = confirmed(world)
    before = world.integration.resources["newsletter_yes"]
    delete_option(world, "newsletter", "newsletter_yes")
    world.change(person, name="Ada King")
    world.deliver()
    assert world.contacts()[email]["permission"] == 5
    held = SyncJob.objects.get(state="held", external_id=person)
    assert held.reason == "newsletter_field_missing"
    if again == "by hand":
        key = world.integration.resources["newsletter"]
        world.sandbox.control("POST", f"{FIELDS}/{key}/options", [{"label": " yes "}])
    nightly(world)
    assert world.integration.resources["newsletter_yes"] != before
    assert len(options_of(world, "newsletter")) == 2
    world.deliver()
    assert world.shown(person) == ("yes", "confirmed")
    assert world.contacts()[email]["permission"] == 5
    assert not SyncJob.objects.filter(state__in=("held", "dead")).exists()


def test_who_is_read_before_the_value_is_back_is_not_unsubscribed(world, monkeypatch):
    person, email = confirmed(world)
    delete_option(world, "newsletter", "newsletter_yes")
    monkeypatch.setattr("integration.recipes.pipedrive_maileon.steps.restore_values", lambda *args: 0)
    nightly(world)
    world.change(person, name="Ada King")
    world.deliver()
    assert world.contacts()[email]["permission"] == 5
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "newsletter_field_new"


def test_a_no_said_after_that_is_a_no(world):
    person, email = confirmed(world)
    delete_option(world, "newsletter", "newsletter_yes")
    nightly(world)
    world.deliver()
    world.say(person, "No")
    world.deliver()
    assert email not in world.contacts()


@pytest.mark.parametrize(("resource", "option"), [("newsletter", "newsletter_no"), ("status", "status_unsubscribed")])
def test_an_opt_out_is_not_lost_with_its_option(world, resource, option):
    person, email = confirmed(world)
    delete_option(world, resource, option)
    world.leave(email)
    world.deliver()
    assert not SyncJob.objects.filter(state="dead").exists()
    if resource == "status":  # the consent itself is written at once
        assert world.shown(person)[0] == "no"
    nightly(world)
    world.deliver()
    assert world.shown(person) == ("no", "unsubscribed")
    assert not SyncJob.objects.filter(state__in=("held", "dead")).exists()


def test_brevos_status_is_shown_again_by_an_option_made_anew(brevo_world):
    w = brevo_world
    person = w.person("Ada Byron")
    w.deliver()
    w.leave("ada.byron@example.com")
    w.deliver()
    delete_option(w, "status", "status_unsubscribed")
    assert w.status(person) == ""
    nightly(w)
    w.deliver()
    assert w.status(person) == "unsubscribed"


def test_a_label_is_only_asked_where_the_id_is_gone():
    from integration.connectors.base import Option
    from integration.recipes.shared.pipedrive_fields import matched

    there = [Option("1", "No"), Option("2", "Yes"), Option("3", "Other")]
    assert matched(NEWSLETTER, there, {"newsletter_yes": "1", "newsletter_no": "9"}) == {"newsletter_yes": "1"}
    assert matched(NEWSLETTER, there, {}) == {"newsletter_yes": "2", "newsletter_no": "1"}
