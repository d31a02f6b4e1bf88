"""Persons ↔ contacts: who travels, what of them, and what comes back."""

from __future__ import annotations

import pytest
import requests
from django.utils import timezone

from integration import tasks
from integration.engine.clients.session import OpenSession
from integration.engine.sync import runs
from integration.models import FieldMapping, RecordLink, SyncJob, SyncLog, SyncRun
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import EventFactory, IntegrationFactory

ADA = "ada@lovelace.example"


@pytest.fixture
def ada(brevo_world):
    person = brevo_world.person("Ada Lovelace", email=ADA, phones=[{"value": "+31 6 12345678"}], org_id=1)
    brevo_world.deliver()
    return person


def test_installing_makes_a_status_field_the_attributes_and_a_list(brevo_world):
    integration, state = brevo_world.integration, brevo_world.brevo()

    assert {"FULLNAME": "text", "COMPANY": "text", "WON_DEALS": "float", "LTV": "float"}.items() <= state[
        "attributes"
    ].items()
    assert integration.resources["list_all"] in [
        row["id"] for row in state["lists"] if row["name"] == "Pipedrive contacts"
    ]
    assert {"status", "status_subscribed", "status_unsubscribed", "status_bounced"} <= integration.resources.keys()
    assert sorted(event for row in state["webhooks"] for event in row["events"]) == sorted(
        get_recipe("pipedrive_brevo").webhooks({**get_recipe("pipedrive_brevo").default_settings})["right"]
    )
    again = [row["detail"] for row in integration.provisioning]
    assert all(row["ok"] for row in integration.provisioning), again


def test_a_new_person_becomes_a_contact_with_the_seeds_fields(brevo_world, ada):
    contact = brevo_world.contact(ADA)

    assert contact["attributes"] == {
        "FULLNAME": "Ada Lovelace", "FIRSTNAME": "Ada", "LASTNAME": "Lovelace", "SMS": "31612345678",
        "COMPANY": "Analytical Engines Ltd", "WON_DEALS": 0, "LOST_DEALS": 0, "OPEN_DEALS": 0, "CLOSED_DEALS": 0,
        "LTV": 0,
    }  # fmt: skip
    assert contact["listIds"] == [brevo_world.integration.resources["list_all"]]
    link = RecordLink.objects.get(link_type="person", source_id=ada)
    assert (link.state, link.target_id) == ("active", str(contact["id"]))
    assert brevo_world.events() == [("contact_created", ADA)]


@pytest.mark.parametrize(("email", "reason"), [("", "no_email"), ("a@b.example, c@d.example", "invalid_email")])
def test_without_a_usable_address_nobody_travels(brevo_world, email, reason):
    person = brevo_world.person("Silent Bob", email=email)
    brevo_world.deliver()

    assert brevo_world.log(source_id=person).reason == reason
    assert brevo_world.contacts() == {}


@pytest.mark.chaos("W5")
def test_a_change_updates_the_contact_and_its_echo_stops(brevo_world, ada):
    brevo_world.calls("brevo")
    brevo_world.change(ada, name="Ada Byron")

    brevo_world.deliver()

    assert brevo_world.contact(ADA)["attributes"]["LASTNAME"] == "Byron"
    writes = [call for call in brevo_world.calls("brevo") if not call.startswith("GET")]
    assert writes == ["PUT /brevo/v3/contacts/1", "POST /brevo/v3/events"]
    assert ("contact_updated", ADA) in brevo_world.events()
    assert brevo_world.log(flow="contact_to_person").reason == "echo"


@pytest.mark.chaos("W10")
def test_a_value_that_was_cleared_is_cleared_there_too(brevo_world, ada):
    assert brevo_world.contact(ADA)["attributes"]["COMPANY"]
    brevo_world.change(ada, org_id=None)

    brevo_world.deliver()

    assert "COMPANY" not in brevo_world.contact(ADA)["attributes"]


def test_a_contact_that_was_there_before_keeps_what_pipedrive_does_not_know(brevo_world):
    brevo_world.make_contact(ADA, attributes={"LASTNAME": "L", "SMS": "+31612345678"}, listIds=[62])
    brevo_world.person("Ada", email=ADA)

    brevo_world.deliver()

    contact = brevo_world.contact(ADA)
    assert (contact["attributes"]["FIRSTNAME"], contact["attributes"]["SMS"]) == ("Ada", "31612345678")
    assert 62 in contact["listIds"]


def test_figures_follow_the_deals(brevo_world, ada):
    won = brevo_world.deal(title="Engine", person_id=int(ada), value=100.5, currency="EUR")
    brevo_world.deal(title="Other money", person_id=int(ada), value=7, currency="USD", status="won")
    brevo_world.deal(title="Lost", person_id=int(ada), value=1, currency="EUR", status="lost")
    brevo_world.deliver()
    assert brevo_world.contact(ADA)["attributes"]["OPEN_DEALS"] == 1

    brevo_world.change_deal(won, status="won")
    brevo_world.deliver()

    attributes = brevo_world.contact(ADA)["attributes"]
    figures = [attributes[name] for name in ("WON_DEALS", "LOST_DEALS", "OPEN_DEALS", "CLOSED_DEALS", "LTV")]
    assert figures == [2, 1, 0, 3, 100.5]


def test_a_field_of_ones_own_is_made_and_sent_by_its_key(install, sandbox):
    body = {"field_name": "Lead source", "field_type": "enum", "options": [{"label": "Fair"}, {"label": "Web"}]}
    made = requests.post(
        f"{sandbox.url}/pipedrive/acme/api/v2/personFields", json=body, timeout=5,
        headers={"x-api-token": hub.PIPEDRIVE_TOKEN},
    ).json()["data"]  # fmt: skip
    world = install(custom_fields=[made["field_code"]])

    world.person("Ada", email=ADA, custom_fields={made["field_code"]: made["options"][1]["id"]})
    world.deliver()

    assert world.contact(ADA)["attributes"]["LEAD_SOURCE"] == "Web"
    row = FieldMapping.objects.get(target="LEAD_SOURCE")
    assert row.source == f"custom_fields.{made['field_code']}"


# The way back


def test_a_change_in_brevo_goes_back_to_the_person(brevo_world, ada):
    brevo_world.edit(ADA, LASTNAME="Byron", SMS="+31687654321", COMPANY="Not from here")

    brevo_world.deliver()

    person = brevo_world.shown(ada)
    assert person["name"] == "Ada Byron"
    assert person["phones"][0]["value"] == "+31687654321"
    assert person["org_id"] == 1
    assert brevo_world.contact(ADA)["attributes"]["FULLNAME"] == "Ada Byron"
    assert brevo_world.log(flow="contact_to_person", action="update_person").changes["last_name"] == [
        "Lovelace",
        "Byron",
    ]


def test_a_new_address_in_brevo_is_the_persons_too(brevo_world, ada):
    brevo_world.edit(ADA, EMAIL="ada@byron.example")
    brevo_world.deliver()
    brevo_world.poll()

    assert brevo_world.shown(ada)["emails"][0]["value"] == "ada@byron.example"
    assert list(brevo_world.contacts()) == ["ada@byron.example"]


@pytest.mark.parametrize("lost", [False, True])
def test_an_opt_out_is_shown_in_pipedrive_also_when_its_webhook_is_lost(brevo_world, ada, lost):
    brevo_world.leave(ADA)
    if lost:
        brevo_world.lose()
        brevo_world.poll()
    else:
        brevo_world.deliver()

    assert brevo_world.status(ada) == "unsubscribed"
    assert brevo_world.log(flow="contact_to_person").outcome == "synced"


def test_a_hard_bounce_is_told_apart_and_remembered(brevo_world, ada):
    brevo_world.bounce(ADA)
    brevo_world.deliver()
    assert brevo_world.status(ada) == "bounced"

    brevo_world.poll()

    assert brevo_world.status(ada) == "bounced"


def test_the_marketing_status_is_lowered_where_wanted(install):
    world = install(set_marketing_status=True)
    person = world.person("Ada", email=ADA)
    world.deliver()
    world.leave(ADA)

    world.deliver()

    assert world.shown(person)["marketing_status"] == "unsubscribed"


def test_changes_of_our_own_key_are_recognised_without_a_call(install):
    world = install(key_name="Lockstep")
    person = world.person("Ada", email=ADA)
    world.deliver()
    world.change(person, name="Adah")
    hub_calls = len(world.calls("brevo"))
    assert hub_calls
    world.deliver()

    assert SyncJob.objects.filter(flow="contact_to_person").count() == 0


# New contacts


def test_a_new_contact_becomes_a_person_where_wanted(install):
    world = install(create_persons=True)
    world.make_contact("eve@example.org", attributes={"FIRSTNAME": "Eve", "LASTNAME": "Ning"})
    world.make_contact("gone@example.org", emailBlacklisted=True)

    world.poll()
    world.deliver()
    world.poll()

    link = RecordLink.objects.get(link_type="person", written__email="eve@example.org")
    assert world.shown(link.source_id)["name"] == "Eve Ning"
    assert world.contact("eve@example.org")["attributes"]["FULLNAME"] == "Eve Ning"
    assert world.log(flow="new_contact_to_person", reason="unsubscribed")
    names = [row["name"] for row in world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values()]
    assert names.count("Eve Ning") == 1


def test_a_contact_whose_person_exists_is_linked_and_not_created(install):
    world = install(create_persons=True)
    world.make_contact("edsger@example.com", attributes={"FIRSTNAME": "Edsger"})

    world.poll()

    assert world.log(flow="new_contact_to_person").action == "link_person"


def test_without_the_setting_new_contacts_stay_where_they_are(brevo_world):
    brevo_world.make_contact("eve@example.org")

    brevo_world.poll()

    rows = brevo_world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values()
    assert not [row for row in rows if "eve@example.org" in str(row)]
    flows = set(SyncRun.objects.filter(kind="poll", state="done").values_list("flow", flat=True))
    assert flows == {"contact_to_person", "person_to_contact"}, "the flow that makes persons has no run"
    assert not RecordLink.objects.filter(link_type="person", written__email="eve@example.org").exists()


@pytest.mark.chaos("V8")
def test_a_lost_answer_of_a_creation_leaves_one_person(install, sandbox):
    world = install(create_persons=True)
    world.make_contact("eve@example.org", attributes={"FIRSTNAME": "Eve"})
    failure = {"status": 500, "times": 1, "path_contains": "/persons", "method": "POST", "after": True}
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [failure]})

    tasks.start_runs(world.integration, "poll")
    hub.drain()
    SyncRun.objects.update(next_attempt_at=timezone.now())
    hub.drain()

    names = [row["name"] for row in sandbox.state.pipedrive.companies["acme"].tables["person"].rows.values()]
    assert names.count("Eve") == 1
    assert RecordLink.objects.filter(link_type="person", written__email="eve@example.org").exists()


# Fetch All


def test_fetch_all_brings_everybody_by_import_and_again_costs_nothing(brevo_world):
    brevo_world.seed_people(60)

    brevo_world.poll("fetch_all")

    contacts = brevo_world.contacts()
    assert len(contacts) == 64
    assert contacts["seed3@example.com"]["attributes"]["FULLNAME"] == "Seed 3"
    assert brevo_world.log(action="import_checked").detail == "64 arrived."
    assert not RecordLink.objects.filter(link_type="person").exclude(notes__import=None).exists()
    assert brevo_world.events() == []
    brevo_world.calls("brevo")
    brevo_world.poll("fetch_all")
    assert not [call for call in brevo_world.calls("brevo") if not call.startswith("GET")]


def test_the_import_is_settled_when_brevo_says_it_is_done(brevo_world, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 30})
    brevo_world.seed_people(30)
    brevo_world.poll("fetch_all")
    job = SyncJob.objects.get(flow="import_check")
    assert (job.state, job.reason) == ("waiting", "import_running")
    [notice] = [delivery for delivery in brevo_world.held() if delivery.event == "process"]

    sandbox.control("POST", "/time", {"advance_seconds": 31})
    assert brevo_world.post(notice) == 200
    hub.drain()

    assert SyncLog.objects.filter(action="import_checked").count() == 1
    assert not SyncJob.objects.exclude(state="done").exists()


def test_a_dry_run_writes_nothing(brevo_world):
    runs.start(brevo_world.integration, "fetch_all", "person_to_contact", dry_run=True)
    hub.drain()

    assert brevo_world.contacts() == {}
    assert SyncRun.objects.get().counts == {"create": 4}


@pytest.mark.django_db
def test_a_deal_concerns_whom_it_belongs_to_and_whom_it_belonged_to():
    payload = {"record": {"person_id": "1"}, "previous": {"person_id": "2"}}
    event = EventFactory(vendor_event="deal.change", payload=payload)
    ctx = OpenSession(IntegrationFactory(recipe="pipedrive_brevo"), get_recipe("pipedrive_brevo"))

    routes = ctx.recipe.flow("person_to_contact").route(ctx, event)

    assert [route.external_id for route in routes] == ["1", "2"]
