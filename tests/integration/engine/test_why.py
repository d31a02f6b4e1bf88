"""Why not? The first rule that keeps a person out, worked out against the sandbox, with live values of both sides."""

from __future__ import annotations

import pytest

from integration.engine.insight import explain_record
from integration.engine.setup import lifecycle
from integration.models import Health, Integration, SyncJob
from integration.recipes.registry import get_recipe

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@example.com"


def ask(world, text=ADA, ids=()):
    row = Integration.objects.select_related("left", "right", "tenant").get(pk=world.integration.pk)
    return explain_record.verdicts(row, get_recipe(row.recipe), text, ids)


def rule(world, text=ADA):
    (verdict,) = ask(world, text)
    return verdict.rule


def test_somebody_in_step_is_shown_on_both_sides(world):
    person = world.person("Ada Lovelace")
    world.deliver()

    (verdict,) = ask(world)

    assert verdict.in_step
    assert (verdict.external_id, verdict.name) == (person, "Ada Lovelace")
    assert verdict.source["email"] == ADA
    assert verdict.target["FIRSTNAME"] == "Ada"
    assert verdict.target["permission"] == "None"


def test_a_change_that_was_not_delivered_is_what_a_sync_would_do(world):
    person = world.person("Ada Lovelace")
    world.deliver()
    world.change(person, name="Ada King")
    world.held()

    (verdict,) = ask(world)

    assert (verdict.rule, verdict.action) == ("", "update")
    assert (verdict.source["last_name"], verdict.target["LASTNAME"]) == ("King", "Lovelace")


@pytest.mark.parametrize(
    ("newsletter", "email", "expected"), [("No", None, "newsletter_no"), (None, None, "newsletter_never_asked")]
)
def test_the_rule_of_the_recipe_is_named(world, newsletter, email, expected):
    world.person("Ada Lovelace", newsletter=newsletter, email=email)
    assert rule(world) == expected


def test_somebody_without_an_address_is_found_by_id(world):
    person = world.person("Bo Diddley", email="")
    assert rule(world, person) == "no_email"


def test_who_is_nowhere_was_never_seen(world):
    (verdict,) = ask(world, "nobody@example.com")
    assert (verdict.rule, verdict.source, verdict.target) == ("never_seen", None, None)


def test_a_new_wish_after_an_opt_out_is_what_a_change_would_ask_for(world):
    person = world.person("Ada Lovelace")
    world.deliver()
    world.click(ADA)
    world.leave(ADA)
    world.deliver()
    assert rule(world) == "unsubscribed"
    world.say(person, "Yes")
    world.held()

    (verdict,) = ask(world)

    # Maileon forgets who left some seconds later: until then the contact is still to be seen.
    assert (verdict.rule, verdict.action) in [("target_settling", ""), ("", "ask_by_mail")]
    assert verdict.link.notes["consent"] == "unsubscribed"


def test_a_paused_integration_comes_before_the_rules_of_the_record(world):
    world.person("Ada Lovelace", newsletter="No")
    lifecycle.pause(world.integration)
    assert rule(world) == "paused"


def test_an_account_that_refuses_us_is_the_reason(world):
    world.person("Ada Lovelace")
    world.deliver()
    right = world.integration.right
    right.health, right.health_reason = Health.NEEDS_YOU, "credentials_refused"
    right.save()
    assert rule(world) == "credentials_refused"


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [("dead", "record_refused", "record_refused"), ("held", "doi_mailing_missing", "doi_mailing_missing"),
     ("waiting", "", "waiting")],
)  # fmt: skip
def test_what_our_own_row_says_comes_before_a_fresh_decision(world, state, reason, expected):
    person = world.person("Ada Lovelace")
    world.deliver()
    SyncJob.objects.filter(external_id=person, flow="person_to_contact").update(state=state, reason=reason)
    assert rule(world) == expected


def test_a_part_that_is_switched_off_is_the_reason(world):
    world.person("Ada Lovelace")
    world.deliver()
    Integration.objects.update(settings={**world.integration.settings, "contacts_enabled": False})
    assert rule(world) == "flow_off"


def test_a_vendor_that_does_not_answer_is_said_and_nothing_breaks(world):
    person = world.person("Ada Lovelace")
    world.deliver()
    world.sandbox.control("POST", "/misbehave", {"vendor": "maileon", "error_rate": 1.0, "error_status": 500})

    (verdict,) = ask(world)

    assert verdict.external_id == person
    assert verdict.target is None
    assert any("Maileon" in said for said in verdict.problems)


def test_who_is_gone_at_the_source_is_named_from_our_own_rows(world):
    person = world.person("Ada Lovelace")
    world.deliver()
    world.delete(person)
    world.held()

    (verdict,) = ask(world, ADA, ids=(person,))

    assert (verdict.external_id, verdict.source) == (person, None)
    assert verdict.rule
    assert verdict.target["email"] == ADA


def test_looking_writes_nothing(world):
    world.person("Ada Lovelace")
    world.deliver()
    world.calls("pipedrive"), world.calls("maileon")

    ask(world)

    assert not [call for vendor in ("pipedrive", "maileon") for call in world.calls(vendor) if call[:3] != "GET"]
