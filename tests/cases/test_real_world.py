"""Hold what people expect who reported faults of such syncs in public. The number is the kind in README.md."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.engine.setup import provisioning
from integration.models import FieldMapping, SyncJob, SyncLog
from integration.recipes.registry import get_recipe
from sandbox.hubspot.seed import PORTAL_ID
from tests.support import hub


def field(world, plural, name, kind, **more):
    sides = [side for side in (world.integration.left, world.integration.right) if side.vendor == "pipedrive"]
    body = {"field_name": name, "field_type": kind, **more}
    return hub.client_of(sides[0]).write("POST", f"/api/v2/{plural}", body, cost=5)


def row(world, source, target, transform="text", direction="forward", flow="person_to_contact"):
    FieldMapping.objects.create(
        integration=world.integration,
        flow=flow,
        position=50,
        source=source,
        target=target,
        transform=transform,
        direction=direction,
    )
    hub.save(world.integration)


def attribute(world, name, kind, **more):
    client = hub.client_of(world.integration.right)
    category = "category" if "enumeration" in more else "normal"
    body = more if category == "category" else {"type": kind, **more}
    client.call("contacts", "POST", f"/contacts/attributes/{category}/{name}", json=body)


def choose(world, *codes):
    """Tick custom fields in the settings; returns the steps that failed."""
    world.integration.refresh_from_db()
    world.integration.settings = {**world.integration.settings, "custom_fields": list(codes)}
    world.integration.save(update_fields=["settings"])
    failed = [step for step in provisioning.provision(world.integration, get_recipe) if not step.ok]
    world.integration.refresh_from_db()
    return failed


def option(world, table, key):
    return world.sandbox.state.pipedrive.companies["acme"].fields[table][key]


def names(world):
    return {email: contact["attributes"].get("FULLNAME") for email, contact in world.contacts().items()}


def reasons(source_id, **more):
    return [entry.reason for entry in SyncLog.objects.filter(source_id=source_id, **more).order_by("id")]


def told(source_id):
    """Whether anything of this record was said to the operator beside plain success."""
    return any(
        reason or entry for reason, entry in SyncLog.objects.filter(source_id=source_id).values_list("reason", "detail")
    )


# 1 Who owns an address


def test_1_a_person_deleted_and_made_again(brevo_world):
    w = brevo_world  # default settings: on_delete is keep
    a = w.person("Ada Byron", email="ada1@x.example")
    w.deliver()
    w.sandbox.control("DELETE", f"/pipedrive/acme/persons/{a}")
    w.deliver()
    b = w.person("Ada King", email="ada1@x.example")
    w.deliver()
    w.poll()
    assert names(w)["ada1@x.example"] == "Ada King", reasons(b)[-1]


def test_1_two_people_swap_their_addresses(world):
    w = world
    a, b = w.person("Ada Byron", email="a@x.example"), w.person("Bob Boole", email="b@x.example")
    w.deliver()
    w.click("a@x.example")
    w.click("b@x.example")
    w.deliver()
    w.change(a, emails=[{"value": "b@x.example", "primary": True}])
    w.change(b, emails=[{"value": "a@x.example", "primary": True}])
    w.deliver()
    tasks.start_runs(w.integration, "poll")
    hub.drain()
    found = {email: contact["standard"].get("FIRSTNAME") for email, contact in w.contacts().items()}
    assert found == {"a@x.example": "Bob", "b@x.example": "Ada"}


def test_1_an_address_taken_away_and_given_to_somebody_else(brevo_world):
    w = brevo_world
    a = w.person("Old Boss", email="office@x.example")
    w.deliver()
    w.change(a, emails=[])
    w.deliver()
    b = w.person("New Boss", email="office@x.example")
    w.deliver()
    w.poll()
    assert names(w)["office@x.example"] == "New Boss", reasons(b)[-1]


# 2 An opt-out reaches the CRM whatever else is wrong


def test_2_an_opt_out_is_shown_though_the_names_were_emptied(brevo_world):
    w = brevo_world
    person = w.person("Ada Byron")
    w.deliver()
    w.edit("ada.byron@example.com", FIRSTNAME="", LASTNAME="")
    w.leave("ada.byron@example.com")
    w.deliver()
    w.poll()
    assert w.status(person) == "unsubscribed"
    assert w.shown(person)["name"] == "Ada Byron"


# 3 Deleting a duplicate is no opt-out of whoever is left


def test_3_deleting_the_linked_one_of_two_duplicates(world):
    w = world
    a = w.person("Ada Byron", email="ada@x.example")
    w.deliver()
    w.click("ada@x.example")
    w.deliver()
    b = w.person("Ada Byron (copy)", email="ada@x.example")
    w.deliver()
    w.delete(a)
    w.deliver()
    tasks.start_runs(w.integration, "poll")
    hub.drain()
    assert w.contacts()["ada@x.example"]["permission"] == 5
    assert w.shown(b)[0] == "yes"


# 4 Options are known by their ids


def test_4_renamed_options_stay_what_they_are(world):
    w = world
    key, yes = w.integration.resources["newsletter"], int(w.integration.resources["newsletter_yes"])
    for one in option(w, "person", key).options:
        one["label"] = {"Yes": "Ja", "No": "Nein"}[one["label"]]
    hub.save(w.integration)
    w.person("Ada Byron", newsletter=None, custom_fields={key: yes})
    w.deliver()
    assert w.mails() == ["ada.byron@example.com"]
    assert [one["label"] for one in option(w, "person", key).options] == ["Ja", "Nein"]


# 5 An address another contact has already


def test_5_an_address_change_onto_a_contact_from_a_sign_up_form(brevo_world):
    w = brevo_world
    a = w.person("Ada Byron", email="a@x.example")
    w.deliver()
    w.make_contact("new@x.example", attributes={"FIRSTNAME": "Ada"})
    w.lose()
    w.change(a, emails=[{"value": "new@x.example", "primary": True}])
    w.deliver()
    w.change(a, name="Ada King")
    w.deliver()
    assert w.contact("new@x.example")["attributes"].get("FULLNAME") == "Ada King", reasons(a)[-1]


# 6 One bad optional value does not keep the person out


def test_6_a_number_that_is_none(brevo_world):
    w = brevo_world
    a = w.person("Ada Byron", phones=[{"value": "12345", "primary": True}])
    w.deliver()
    assert "ada.byron@example.com" in w.contacts(), reasons(a)
    assert any(reason for reason in reasons(a)), "it should be said that the number did not travel"


def test_6_a_number_that_is_none_does_not_stop_other_changes(brevo_world):
    w = brevo_world
    a = w.person("Ada Byron")
    w.deliver()
    w.change(a, phones=[{"value": "12345", "primary": True}], name="Ada King")
    w.deliver()
    assert names(w)["ada.byron@example.com"] == "Ada King"


# 7 Ranges


def test_7_a_date_range_arrives_or_is_reported(brevo_world):
    w = brevo_world
    code = field(w, "personFields", "Contract period", "daterange")["field_code"]
    choose(w, code)
    a = w.person("Ada Byron", custom_fields={code: {"value": "2026-03-01", "until": "2026-03-31"}})
    w.deliver()
    value = w.contact("ada.byron@example.com")["attributes"].get("CONTRACT_PERIOD")
    assert (value and "2026-03-01" in value and "2026-03-31" in value) or "value_invalid" in reasons(a)


# 8 Choices at the target


def test_8_several_choices(brevo_world):
    w = brevo_world
    made = field(w, "personFields", "Topics", "set", options=[{"label": "News"}, {"label": "Jobs"}])
    attribute(w, "TOPICS", "multiple-choice", multiCategoryOptions=["News", "Jobs"])
    row(w, f"custom_fields.{made['field_code']}", "TOPICS", "option_label")
    w.person("Ada Byron", custom_fields={made["field_code"]: [one["id"] for one in made["options"]]})
    w.deliver()
    assert w.contact("ada.byron@example.com")["attributes"].get("TOPICS") == ["News", "Jobs"]


def test_8_a_category_is_sent_by_its_number(brevo_world):
    """The vendor's API drops a category's label without a word (sendinblue/APIv3-python-library#65)."""
    w = brevo_world
    made = field(w, "personFields", "Tier", "enum", options=[{"label": "Gold"}, {"label": "Silver"}])
    attribute(w, "TIER", "category", enumeration=[{"value": 1, "label": "Gold"}, {"value": 2, "label": "Silver"}])
    row(w, f"custom_fields.{made['field_code']}", "TIER", "option_label")
    w.sandbox.control("DELETE", "/calls")
    w.person("Ada Byron", custom_fields={made["field_code"]: made["options"][0]["id"]})
    w.deliver()
    bodies = [
        call["body"] for call in w.sandbox.control("GET", "/calls?vendor=brevo") if "TIER" in (call["body"] or "")
    ]
    assert bodies
    assert not any("Gold" in body for body in bodies), bodies


# 9 Names of custom fields


def test_9_a_custom_field_named_email_stops_nothing(brevo_world):
    w = brevo_world
    codes = [field(w, "personFields", label, "varchar")["field_code"] for label in ("Email", "Shoe size")]
    failed = choose(w, *codes)
    w.person("Ada Byron", custom_fields=dict(zip(codes, ("second@x.example", "43"), strict=True)))
    w.deliver()
    values = w.contact("ada.byron@example.com")["attributes"].values()
    assert not failed
    assert {"second@x.example", "43"} <= set(map(str, values))


# 10 What is neither yes nor no is not No


def test_10_oui_is_not_no(brevo_world):
    w = brevo_world
    code = field(w, "personFields", "VIP", "varchar")["field_code"]
    attribute(w, "VIP", "boolean")
    row(w, f"custom_fields.{code}", "VIP", "yes_no")
    w.person("Ada Byron", custom_fields={code: "Oui"})
    w.deliver()
    assert w.contact("ada.byron@example.com")["attributes"].get("VIP") is not False


# 11 Addresses


@pytest.mark.parametrize(
    ("address", "good"),
    [("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"), ("ada@x.example\u200b", "ada@x.example")],
)
@pytest.mark.parametrize("recipe", ["maileon", "brevo"])
def test_11_umlaut_domains_and_zero_width_spaces(request, recipe, address, good):
    w = request.getfixturevalue("world" if recipe == "maileon" else "brevo_world")
    a = w.person("Ada Byron", email=address)
    w.deliver()
    assert good in w.contacts() or "invalid_email" in reasons(a), reasons(a)
    assert not SyncJob.objects.filter(state="dead").exists()


# 12 Whose national numbers


def test_12_a_german_number_is_not_made_dutch(brevo_world):
    w = brevo_world
    w.person("Ada Byron", phones=[{"value": "0171 1234567", "primary": True}])
    w.deliver()
    assert w.contact("ada.byron@example.com")["attributes"].get("SMS") != "311711234567"


# 13 A name that comes back


def test_13_a_last_name_emptied_in_brevo_stays_empty(brevo_world):
    w = brevo_world
    w.person("Jan Berg", email="jan@x.example")
    w.deliver()
    w.edit("jan@x.example", FIRSTNAME="Jan Willem", LASTNAME="")
    w.deliver()
    w.poll()
    attributes = w.contact("jan@x.example")["attributes"]
    assert (attributes.get("FIRSTNAME"), attributes.get("LASTNAME") or "") == ("Jan Willem", "")


# 14 A secondary value becomes the first


def test_14_the_former_number_is_kept(brevo_world):
    w = brevo_world
    person = w.person("Ada Byron", phones=[
        {"value": "+31612345678", "primary": True, "label": "mobile"},
        {"value": "+31201234567", "primary": False, "label": "work"},
    ])  # fmt: skip
    w.deliver()
    w.edit("ada.byron@example.com", SMS="31201234567")
    w.deliver()
    found = {point["value"]: point["label"] for point in w.shown(person)["phones"]}
    assert found == {"+31201234567": "work", "+31612345678": "mobile"}


# 15 The day a deal was won is the customer's day


def test_15_a_license_starts_on_the_day_pipedrive_shows(planhat_install):
    w = planhat_install()
    deal = w.won(w.organization("Engines"), won_time="2026-01-31T23:30:00Z")  # 1 February in Amsterdam
    table = w.sandbox.state.pipedrive.companies["acme"].tables["deal"]
    table.put({**table.rows[int(deal)], "local_won_date": "2026-02-01"})
    w.deliver()
    assert [license["fromDate"] for license in w.rows("licenses")] == ["2026-02-01"]


# 16 Free mail domains are nobody's company


def test_16_two_people_at_gmail_are_not_one_company(leadboxer_install):
    from tests.support.leadboxer_world import LEADS

    w = leadboxer_install(**{**LEADS, "leads_link": "both"})
    w.ada(email="ada@gmail.com", organizationName="Ada's Bakery", organizationDomain="gmail.com")
    w.ada(email="bob@gmail.com", firstName="Bob", organizationName="Bob's Shop", organizationDomain="gmail.com")
    w.poll()
    assert len({lead["organization_id"] for lead in w.leads()}) == 2


# 17 Taken off the list by hand


def test_17_who_was_taken_off_the_list_by_hand_stays_off_it(brevo_world):
    w = brevo_world
    number = int(w.integration.resources["list_all"])
    a = w.person("Ada Byron", email="ada1@x.example")
    w.deliver()
    w.sandbox.control("PATCH", "/brevo/801/contacts/ada1@x.example", {"unlinkListIds": [number]})
    w.deliver()
    for n in range(25):
        w.person(f"P {n}", email=f"p{n}@x.example")
    w.change(a, name="Ada King")
    w.lose()
    w.poll()
    assert names(w)["ada1@x.example"] == "Ada King"
    assert w.contact("ada1@x.example")["listIds"] == []


# 20 A stage that is gone


def test_20_a_confirmation_is_kept_though_its_stage_is_gone(sandbox, hubspot_app, transactional_db):
    from tests.support.world import HubSpotWorld

    options = sandbox.state.hubspot.portals[PORTAL_ID].properties["lifecyclestage"]["options"]
    options.insert(2, {**options[0], "value": "1094281231", "label": "Reader"})
    w = HubSpotWorld.install(
        sandbox, confirmed_stage=True, confirmed_stage_from="lead", confirmed_stage_to="1094281231"
    )
    a = w.contact("Ada Byron", lifecyclestage="lead")
    w.deliver()
    options[:] = [one for one in options if one["value"] != "1094281231"]
    w.click("ada.byron@example.com")
    w.deliver()
    assert not SyncJob.objects.filter(state="dead").exists(), reasons(a)[-1]


# 21 Halves


@pytest.mark.parametrize(("value", "whole"), [(0.5, 1), (2.5, 3), (3.5, 4)])
def test_21_a_deals_whole_value(sandbox, settings, transactional_db, value, whole):
    from tests.support.world import World

    settings.PUBLIC_URL = "https://hub.example.com"
    w = World.install(sandbox, deals_enabled=True)
    person = int(w.person("Ada Byron"))
    w.deliver()
    w.deal(title="Engine", value=value, person_id=person)
    w.deliver()
    assert [event["content"]["value"] for event in w.events_sent()] == [whole]


# 22 Links to users, organizations and people


def test_22_a_person_sees_names_and_not_numbers(brevo_world):
    w = brevo_world
    code = field(w, "personFields", "Account manager", "user")["field_code"]
    choose(w, code)
    w.person("Ada Byron", custom_fields={code: 9001001})
    w.deliver()
    assert w.contact("ada.byron@example.com")["attributes"].get("ACCOUNT_MANAGER") == "Grace Hopper"


# 23 An option that is new


def test_23_an_option_made_a_moment_ago_is_sent_by_its_name(brevo_world):
    w = brevo_world
    made = field(w, "personFields", "Tier", "enum", options=[{"label": "Gold"}, {"label": "Silver"}])
    choose(w, made["field_code"])
    w.person("Ada Byron", email="a@x.example", custom_fields={made["field_code"]: made["options"][0]["id"]})
    w.deliver()
    option(w, "person", made["field_code"]).options.append({"id": 990, "label": "Diamond"})
    b = w.person("Bob Boole", email="b@x.example", custom_fields={made["field_code"]: 990})
    w.deliver()
    found = w.contact("b@x.example")["attributes"].get("TIER")
    assert found == "Diamond" or (found is None and "value_invalid" in reasons(b)), found


# 26 Merged people


def test_26_an_opt_out_at_the_address_of_somebody_merged_reaches_the_survivor(brevo_world):
    w = brevo_world
    a, b = w.person("Ada Old", email="old@x.example"), w.person("Ada New", email="new@x.example")
    w.deliver()
    w.sandbox.control("POST", f"/pipedrive/acme/persons/{a}/merge", {"into": int(b)})
    w.deliver()
    w.leave("old@x.example")
    w.deliver()
    w.poll()
    assert w.status(b) == "unsubscribed"


# 27 Names of what a record belongs to


def test_27_a_renamed_organization_arrives_with_the_next_change_of_its_people(world):
    w = world
    org = w.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Old GmbH"})["data"]["id"]
    a = w.person("Ada Byron", org_id=org)
    w.deliver()
    w.sandbox.control("PATCH", f"/pipedrive/acme/organizations/{org}", {"name": "New GmbH"})
    w.change(a, name="Ada King")
    w.deliver()
    assert w.contacts()["ada.byron@example.com"]["standard"]["ORGANIZATION"] == "New GmbH"


# 28 On its way out


def test_28_a_contact_that_is_leaving_is_no_subscriber(world):
    """Maileon forgets an unsubscribed contact some seconds later; until then it still reads with its permission."""
    w = world
    w.sandbox.state.maileon.accounts[501].unsubscribe_delay_s = 4
    a = w.person("Ada Byron", email="ada@x.example")
    w.deliver()
    w.click("ada@x.example")
    w.deliver()
    w.delete(a)
    w.deliver()
    b = w.person("Ada King", email="ada@x.example")
    w.deliver()
    assert w.shown(b)[1] != "confirmed", SyncLog.objects.filter(source_id=b).values_list("action", "reason")


# 29 Merged in HubSpot: what is done to the loser's address is no opt-out of the survivor


def test_29_two_confirmed_hubspot_contacts_are_merged(hubspot_world):
    w = hubspot_world
    a, b = w.contact("Ada Byron", email="a@x.example"), w.contact("Ada Old", email="old@x.example")
    w.deliver()
    w.click("a@x.example")
    w.click("old@x.example")
    w.deliver()
    w.do(b, "merge", into=int(a))
    w.deliver()
    assert w.shown(a, "maileon_subscribe") != ["false"]
    w.change(a, lastname="King")
    w.deliver()
    assert w.contacts()["a@x.example"]["permission"] == 4, "nobody opted out"


# 30 New in Brevo, known as somebody who is gone


def living(world):
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].living()
    return {point["value"]: person["name"] for person in rows for point in person["emails"]}


def test_30_who_signs_up_after_the_person_was_deleted_is_a_person_again(brevo_install):
    w = brevo_install(create_persons=True)
    a = w.person("Ada Byron", email="ada1@x.example")
    w.deliver()
    w.sandbox.control("DELETE", f"/pipedrive/acme/persons/{a}")
    w.sandbox.control("DELETE", "/brevo/801/contacts/ada1@x.example")
    w.deliver()
    w.make_contact("ada1@x.example", attributes={"FIRSTNAME": "Ada", "LASTNAME": "Again"})
    w.deliver()
    w.poll()
    w.poll("fetch_all")
    assert living(w).get("ada1@x.example") == "Ada Again", list(
        SyncLog.objects.values_list("flow", "action", "outcome")
    )[-3:]


# 31 A contact with a number only


def test_31_the_vendors_stand_in_address_is_nobodys(brevo_install):
    w = brevo_install(create_persons=True)
    w.sandbox.control("POST", "/brevo/801/contacts", {"attributes": {"SMS": "+31612345678", "FIRSTNAME": "Sms"}})
    w.poll()
    assert not [email for email in living(w) if email.endswith("@mailin-sms.com")]
