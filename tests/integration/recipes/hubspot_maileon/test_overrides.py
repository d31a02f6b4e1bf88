"""Per-contact overrides: whatever a visitor puts into a hidden field, nobody gets more than the tenant allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.models import SyncLog
from integration.recipes.hubspot_maileon import overrides
from integration.recipes.hubspot_maileon.properties import DEFINITIONS, DOI, DOI_PLUS, MAILING_KEY, PERMISSION
from integration.recipes.hubspot_maileon.settings import DEFAULTS, SettingsForm
from integration.recipes.newsletter.subscription import SubscriptionPolicy

VALUES = st.one_of(
    st.none(),
    st.sampled_from(["as_configured", "yes", "no", "none", "single", "double", "double_plus", "", "5", "true"]),
    st.text(max_size=8),
)
CONTACTS = st.fixed_dictionaries({PERMISSION: VALUES, DOI: VALUES, DOI_PLUS: VALUES, MAILING_KEY: VALUES})
SETTINGS = st.fixed_dictionaries(
    {
        "doi_enabled": st.booleans(),
        "doi_plus": st.booleans(),
        "doi_key": st.sampled_from(["", "welcome"]),
        "permission": st.sampled_from(["1", "2", "4", "5"]),
        "override_limit": st.sampled_from([key for key, _ in overrides.LIMITS]),
    }
)


def settings(**changes):
    return {**DEFAULTS, **changes}


@given(SETTINGS, CONTACTS)
def test_no_wish_gives_more_than_the_settings_or_the_limit(chosen, values):
    terms = overrides.terms(chosen, values)
    limit = 0 if chosen["override_limit"] == "configured" else int(chosen["override_limit"])
    if terms.by_mail:
        result = 5 if terms.plus else 4
        configured = (5 if chosen["doi_plus"] else 4) if chosen["doi_enabled"] else 0
        assert terms.permission == 1  # nothing before the click
        assert result <= max(configured, limit)
    else:
        configured = 1 if chosen["doi_enabled"] else int(chosen["permission"])
        assert terms.permission <= max(configured, limit)
    assert terms.mailing == "" or terms.mailing.isalnum()


@given(SETTINGS)
def test_without_a_wish_the_settings_count_and_nothing_is_complained_about(chosen):
    empty = overrides.terms(chosen, {})
    assert overrides.terms(chosen, dict.fromkeys((PERMISSION, DOI, DOI_PLUS), "as_configured")) == empty
    assert (empty.by_mail, empty.limited) == (chosen["doi_enabled"], "")
    assert empty.permission == (1 if chosen["doi_enabled"] else int(chosen["permission"]))


@pytest.mark.parametrize(
    ("chosen", "values", "expected"),
    [
        (settings(), {DOI: "no"}, SubscriptionPolicy(False)),
        (settings(doi_key="welcome"), {MAILING_KEY: "vip"}, SubscriptionPolicy(True, mailing="vip")),
        (settings(doi_plus=True), {DOI_PLUS: "no"}, SubscriptionPolicy(True)),
        (settings(doi_enabled=False, permission="4"), {PERMISSION: "single"}, SubscriptionPolicy(False, permission=2)),
        (settings(override_limit="2"), {DOI: "no", PERMISSION: "single"}, SubscriptionPolicy(False, permission=2)),
        (settings(override_limit="5"), {DOI_PLUS: "yes"}, SubscriptionPolicy(True, plus=True)),
        (settings(doi_enabled=False, override_limit="4"), {DOI: "yes"}, SubscriptionPolicy(True)),
        (
            settings(),
            {PERMISSION: "double_plus"},
            SubscriptionPolicy(True),
        ),  # a permission counts only without the process
    ],
)
def test_wishes_within_the_limit_are_granted(chosen, values, expected):
    assert overrides.terms(chosen, values) == expected


@pytest.mark.parametrize(
    ("chosen", "values", "expected", "word"),
    [
        (settings(), {DOI: "no", PERMISSION: "double_plus"}, (False, False, 1), "Permission"),
        (settings(), {DOI_PLUS: "yes"}, (True, False, 1), "DOI Plus"),
        (settings(doi_enabled=False), {DOI: "yes"}, (False, False, 1), "opt-in mail"),
        (settings(override_limit="2"), {DOI: "no", PERMISSION: "double"}, (False, False, 2), "Permission"),
        (settings(), {MAILING_KEY: "../../x"}, (True, False, 1), "Mailing Key"),
    ],
)
def test_wishes_beyond_the_limit_are_cut_and_told(chosen, values, expected, word):
    terms = overrides.terms(chosen, values)
    assert (terms.by_mail, terms.plus, terms.permission) == expected
    assert word in terms.limited


def test_each_override_has_an_as_configured_state_and_can_be_a_hidden_field():
    for name, row in DEFINITIONS.items():
        assert row["groupName"] == "maileon"
        assert row["formField"] is True
        assert row["hidden"] is False
        if name in (PERMISSION, DOI, DOI_PLUS):
            assert row["options"][0]["value"] == "as_configured"


def test_a_visitor_who_changes_a_hidden_field_gets_what_the_settings_say(world):
    contact_id = world.contact("Ada Byron", maileon_contact_doi="no", maileon_contact_permission="double_plus")
    world.deliver()

    assert world.contacts()["ada.byron@example.com"]["permission"] == 1
    log = SyncLog.objects.get(source_id=contact_id)
    assert (log.outcome, log.reason) == ("synced", "override_limited")
    assert "Maileon Contact Permission" in log.detail


def test_overrides_within_the_limit_are_used(made):
    world = made(doi_enabled=False, permission="1", override_limit="5")
    world.contact("Single Sue", maileon_contact_permission="single")
    world.contact("Asked Amy", maileon_contact_doi="yes", maileon_contact_doi_plus="yes")
    world.contact("Plain Pat", maileon_contact_doi="as_configured")
    world.deliver()
    world.click("asked.amy@example.com")
    world.deliver()

    permissions = {email: row["permission"] for email, row in world.contacts().items()}
    assert permissions == {"single.sue@example.com": 2, "asked.amy@example.com": 5, "plain.pat@example.com": 1}
    assert world.mails() == ["asked.amy@example.com"]


def test_a_later_change_of_an_override_changes_no_permission(made):
    world = made(doi_enabled=False, permission="1", override_limit="5")
    contact_id = world.contact("Ada Byron")
    world.deliver()
    world.change(contact_id, maileon_contact_permission="double_plus", city="Wien")
    world.deliver()

    row = world.contacts()["ada.byron@example.com"]
    assert (row["permission"], row["standard"]["CITY"]) == (1, "Wien")


def form(**data):
    stages = [("lead", "Lead"), ("customer", "Customer")]
    return SettingsForm(data, initial=DEFAULTS, offered={"stages": stages})


def test_the_form_keeps_hidden_options_harmless():
    bare = form()
    assert bare.is_valid(), bare.errors
    assert bare.cleaned_data["override_limit"] == "configured"
    assert (bare.cleaned_data["permission"], bare.cleaned_data["doi_plus"]) == ("1", False)
    alone = form(doi_plus="on")
    assert alone.is_valid()
    assert not alone.cleaned_data["doi_plus"]
    assert form(doi_enabled="on", doi_key="a b").errors["doi_key"]


def test_the_form_wants_two_different_stages():
    rule = {"confirmed_stage": "on", "confirmed_stage_from": "lead"}
    assert form(**rule).errors["confirmed_stage_to"]
    assert form(**rule, confirmed_stage_to="lead").errors["confirmed_stage_to"]
    assert form(**rule, confirmed_stage_to="nowhere").errors["confirmed_stage_to"]
    assert form(**rule, confirmed_stage_to="customer").is_valid()


def test_a_stage_that_was_chosen_and_is_gone_can_still_be_seen():
    chosen = {**DEFAULTS, "confirmed_stage_to": "51439524"}
    shown = dict(SettingsForm(initial=chosen).fields["confirmed_stage_to"].choices)
    assert shown["51439524"] == "51439524 (no longer there)"
