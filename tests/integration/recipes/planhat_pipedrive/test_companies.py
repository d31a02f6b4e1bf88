"""Companies both ways: conflicts, echoes, adoption, new ones, and “Sync with Pipedrive” for one of them."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Batch, Item, Record
from integration.engine.setup import provisioning
from integration.engine.sync import replay
from integration.models import FieldMapping, RecordLink, SyncLog, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.factories import IntegrationFactory, LinkFactory


@pytest.fixture
def both(install):
    return install(organization_direction="both")


def in_step(world, **values):
    org = world.organization("Engines", **values)
    world.won(org)
    world.deliver()
    world.forget_calls()
    return org


def tell(world, company_id, **more):
    """The tenant's automation calls the address it was given."""
    [address] = provisioning.webhook_addresses(world.integration.right.endpoint).values()
    path = "/" + address.split("/", 3)[3]
    body = json.dumps({"model": "Company", "_id": company_id, **more})
    assert Client().post(path, body, content_type="application/json").status_code == 200
    hub.drain()


# The way back


def test_a_change_in_planhat_comes_back_by_polling(both):
    org = in_step(both)
    both.edit(org, name="Engines Ltd")
    both.run("poll")
    assert both.shown("organizations", org)["name"] == "Engines Ltd"
    assert both.log(flow="company_to_organization").outcome == "synced"


def test_a_change_comes_back_at_once_through_an_automation(both):
    org = in_step(both)
    both.edit(org, name="Engines Ltd")
    tell(both, both.company(org)["_id"])
    assert both.shown("organizations", org)["name"] == "Engines Ltd"


def test_a_call_without_the_secret_is_refused(both):
    endpoint = both.integration.right.endpoint
    path = "/" + provisioning.endpoint_url(endpoint).split("/", 3)[3]
    assert Client().post(path, "{}", content_type="application/json").status_code == 401


def test_fields_travel_as_their_row_says(both):
    key = both.custom_key("Company Size")
    own = both._field("organizationFields", "Employees", "double")
    FieldMapping.objects.create(
        integration=both.integration, flow="organization_to_company", position=9, source=f"custom_fields.{own}",
        target=key, transform="number", direction="backward",
    )  # fmt: skip
    hub.save(both.integration)
    org = in_step(both)
    both.edit(org, custom={"Company Size": 250}, city="London")
    both.run("poll")
    shown = both.shown("organizations", org)
    assert shown["custom_fields"][own] == 250
    assert shown["address"] is None


@pytest.mark.chaos("W5")
def test_echoes_stop(both):
    org = in_step(both)
    both.sandbox.control("POST", "/planhat/901/automations", {
        "url": next(iter(provisioning.webhook_addresses(both.integration.right.endpoint).values())),
    })  # fmt: skip
    both.edit(org, name="Engines Ltd")
    both.deliver()
    assert both.shown("organizations", org)["name"] == "Engines Ltd"
    both.forget_calls()
    both.deliver()
    both.run("poll")
    assert [call for call in both.all_calls() if not call.startswith("GET")] == []


@pytest.mark.parametrize(("policy", "winner"), [("source", "Pipedrive"), ("target", "Planhat"), ("newest", "Planhat")])
def test_conflicts_are_settled_by_the_policy_and_logged(install, policy, winner):
    world = install(organization_direction="both", conflicts=policy)
    org = in_step(world)
    world.change("organizations", org, name="Pipedrive")
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    world.edit(org, name="Planhat")
    world.run("poll")
    world.run("poll")
    assert (world.shown("organizations", org)["name"], world.company(org)["name"]) == (winner, winner)
    said = SyncLog.objects.filter(reason="both_changed").latest("id").detail
    assert "“Pipedrive” in Pipedrive, “Planhat” in Planhat" in said
    assert f"{winner} won" in said


def test_fields_edited_apart_on_both_sides_both_arrive(both):
    FieldMapping.objects.filter(flow="organization_to_company", target="address").update(direction="both")
    org = in_step(both, address={"value": "Old Street 1"})
    both.change("organizations", org, name="New name")
    both.edit(org, address="New Street 2")
    both.run("poll")
    replay.resync(both.integration, "organization_to_company", [org])
    hub.drain()
    assert both.company(org)["name"] == both.shown("organizations", org)["name"] == "New name"
    assert both.shown("organizations", org)["address"]["value"] == both.company(org)["address"] == "New Street 2"


# Send only


def test_sending_links_companies_by_the_id_they_hold(install):
    world = install(organization_direction="send", deal_direction="none", person_direction="none",
                    note_direction="none")  # fmt: skip
    org = world.organization("Engines")
    world.sandbox.control("POST", "/planhat/901/companies", {"name": "Engines Ltd", "sourceId": org})
    world.sandbox.control("POST", "/planhat/901/companies", {"name": "Elsewhere", "sourceId": "sf-001"})
    world.sandbox.control("POST", "/planhat/901/companies", {"name": "Unknown", "sourceId": "4711"})
    world.run()
    assert world.shown("organizations", org)["name"] == "Engines Ltd"
    assert world.log(source_id="4711").reason == "deleted_at_source"
    assert len(world.rows("companies")) == 3


def test_new_companies_become_organizations_when_wanted(install):
    world = install(organization_direction="both", create_organizations=True)
    made = world.sandbox.control("POST", "/planhat/901/companies", {"name": "Brand new"})
    tell(world, made["_id"])
    row = next(row for row in world.rows("companies") if row["name"] == "Brand new")
    assert world.shown("organizations", row["sourceId"])["name"] == "Brand new"
    assert RecordLink.objects.get(link_type="company", source_id=row["sourceId"]).target_id == made["_id"]
    world.run("poll")
    assert len([row for row in world.sandbox.state.pipedrive.companies["acme"].tables["organization"].rows.values()
                if row["name"] == "Brand new"]) == 1  # fmt: skip


@pytest.mark.chaos("V8")
@pytest.mark.parametrize("searches", ["at once", "late"])
def test_a_lost_answer_makes_no_second_organization(install, searches):
    world = install(organization_direction="both", create_organizations=True)
    if searches == "late":
        world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "search_delay_s": 3600})
    made = world.sandbox.control("POST", "/planhat/901/companies", {"name": "Brand new"})
    world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [
        {"status": 502, "method": "POST", "path_contains": "organizations", "after": True},
    ]})  # fmt: skip
    tell(world, made["_id"])
    hub.drain()
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["organization"].rows.values()
    assert len([row for row in rows if row["name"] == "Brand new"]) == 1
    assert world.rows("companies")[0]["sourceId"]


def test_new_companies_stay_where_they_are_by_default(both):
    made = both.sandbox.control("POST", "/planhat/901/companies", {"name": "Brand new"})
    tell(both, made["_id"])
    counts = both.run("poll")
    assert "sourceId" not in both.rows("companies")[0]
    event = WebhookEvent.objects.get()
    assert (event.state, event.reason) == ("ignored", "not_linked")
    assert counts.keys() == {"deal_to_license", "company_to_organization"}, "the flow that makes some has no run"


# Sync with Pipedrive


def test_one_company_is_synced_with_all_that_belongs_to_it(world):
    org = world.organization("Engines")
    deal = world.won(org)
    world.deliver()
    world.change("organizations", org, name="Engines Ltd")
    person = world.person("Ada Lovelace", org)
    world.note("on her", person_id=person)
    world.note("on them", org_id=org)
    world.note("on it", deal_id=deal)
    world.held()

    replay.resync(world.integration, "organization_to_company", [org])
    hub.drain()

    assert world.company(org)["name"] == "Engines Ltd"
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 3}


def test_one_company_that_was_never_there_brings_its_won_deals(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.won(org)
    world.held()
    replay.resync(world.integration, "organization_to_company", [org])
    hub.drain()
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 0}


def test_a_prospect_says_why_it_is_not_synced(world):
    org = world.organization("Engines")
    world.deal(org)
    replay.resync(world.integration, "organization_to_company", [org])
    hub.drain()
    assert world.log(source_id=org).reason == "no_won_deal"
    assert world.rows("companies") == []


def test_a_company_deleted_in_planhat_comes_back_with_all_it_had_when_somebody_asks(both):
    org = both.organization("Engines")
    both.person("Ada Lovelace", org)
    both.note("x", org_id=org)
    deal = both.won(org)
    both.deliver()
    for path in ("companies", "endusers", "licenses", "conversations"):
        for row in both.rows(path):
            both.sandbox.control("DELETE", f"/planhat/901/{path}/{row['_id']}")
    both.change("deals", deal, title="Engine 2")
    both.deliver()
    assert both.rows("companies") == []

    replay.resync(both.integration, "organization_to_company", [org])
    hub.drain()
    assert both.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 1}
    assert both.rows("licenses")[0]["product"] == "Engine 2"


def test_a_company_with_many_deals_that_have_notes_goes_in_portions(world):
    org = world.organization("Engines")
    for number in range(7):
        world.note(f"note {number}", deal_id=world.won(org, title=str(number)))
    world.held()
    world.forget_calls()
    replay.resync(world.integration, "organization_to_company", [org])
    hub.drain()
    assert world.counts() == {"companies": 1, "endusers": 0, "licenses": 7, "sales": 0, "conversations": 7}


def test_a_company_can_be_asked_for_from_planhat(world):
    org = world.organization("Engines")
    world.won(org)
    world.deliver()
    world.change("organizations", org, name="Engines Ltd")
    world.person("Ada Lovelace", org)
    tell(world, world.company(org)["_id"])
    assert world.company(org)["name"] == "Engines"

    tell(world, world.company(org)["_id"], action="Sync")

    assert world.company(org)["name"] == "Engines Ltd"
    assert world.counts()["endusers"] == 1
    assert world.log(flow="sync_company").action == "ask_for_sync"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("source_id", "state", "said"),
    [("", None, "create_organization"), ("7", None, "unchanged"), ("", "active", "unchanged"),
     ("", "pending", "create_organization")],
)  # fmt: skip
def test_only_a_company_that_no_crm_knows_becomes_an_organization(source_id, state, said):
    integration = IntegrationFactory(recipe="planhat_pipedrive")
    known = {"c1": LinkFactory(integration=integration, source_id="c1", state=state)} if state else {}
    ctx = OpenSession(integration, get_recipe("planhat_pipedrive"))
    flow = ctx.recipe.flow("new_company_to_organization")

    decision = flow.decide(ctx, Batch(known, {}), Item("c1"), Record("c1", {"source_id": source_id}))

    assert (getattr(decision, "action", None) or decision.reason) == said
