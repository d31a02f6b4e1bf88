"""What triggers and what is eligible: the rules of seed 004, case by case."""

from __future__ import annotations

import pytest

from integration.models import SyncLog
from integration.recipes.planhat_pipedrive.recipe import RECIPE
from tests.support import hub


def test_a_won_deal_brings_its_organization_persons_and_notes(world):
    org = world.organization("Engines", address={"value": "Dorset Street 1"}, owner_id=9001001)
    person = world.person("Ada Lovelace", org, phones=[{"value": "+44 1"}])
    world.note("<b>met at the fair</b>", org_id=org)
    deal = world.won(org, won_time="2026-03-01T10:00:00Z")
    world.note("signed", deal_id=deal)
    world.note("likes tea", person_id=person)

    world.deliver()

    company = world.company(org)
    [ada], [license] = world.rows("endusers"), world.rows("licenses")
    assert (company["name"], company["address"]) == ("Engines", "Dorset Street 1")
    assert (ada["firstName"], ada["email"], ada["companyId"], ada["sourceId"]) == (
        "Ada", "ada.lovelace@example.com", company["_id"], person,
    )  # fmt: skip
    assert (license["product"], license["mrr"], license["fromDate"], license["companyId"]) == (
        "Engine", 1200, "2026-03-01", company["_id"],
    )  # fmt: skip
    assert license["_currency"]["symbol"] == "EUR"
    notes = {row["description"]: row["companyId"] for row in world.rows("conversations")}
    assert notes == dict.fromkeys(("<b>met at the fair</b>", "signed", "likes tea"), company["_id"])
    assert not SyncLog.objects.filter(outcome="failed").exists()


def test_the_owner_is_the_team_member_with_the_same_address(world):
    world.sandbox.control("POST", "/pipedrive/acme/users", {"name": "K", "email": "Katherine@acme.example"})
    org = world.organization("Engines", owner_id=9001002)
    world.won(org)
    world.deliver()
    assert world.company(org)["owner"]["nickName"] == "Katherine"


def test_nothing_but_a_deal_triggers(world):
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.note("x", org_id=org)
    world.deal(org)
    world.deliver()
    assert set(world.counts().values()) == {0}

    deal = world.won(org)
    world.deliver()
    assert world.counts() == {"companies": 1, "endusers": 1, "licenses": 1, "sales": 0, "conversations": 1}

    world.change("organizations", org, name="Engines Ltd")
    world.deliver()
    assert world.company(org)["name"] == "Engines"
    world.change("deals", deal, value=1300)
    world.deliver()
    assert world.company(org)["name"] == "Engines Ltd"
    assert world.rows("licenses")[0]["mrr"] == 1300


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"status": "open"}, "deal_not_won"),
        ({"status": "lost"}, "deal_not_won"),
        ({"org": False}, "deal_without_organization"),
        ({"value": 0}, "deal_without_value"),
        ({"pipeline": True}, "pipeline_not_selected"),
    ],
)
def test_a_deal_that_is_not_eligible_says_why(install, how, reason):
    world = install(pipelines=["1"])
    org = world.organization("Engines")
    values = {"status": how.get("status", "won"), "value": how.get("value", 10)}
    if how.get("pipeline"):
        values["pipeline_id"] = second_pipeline(world)
    deal = world.deal(org if how.get("org", True) else None, **values)
    world.deliver()
    assert world.rows("licenses") == []
    assert world.log(source_id=deal, flow="deal_to_license").reason == reason
    assert len(world.rows("companies")) == (reason == "deal_without_value")


def second_pipeline(world):
    client = hub.client_of(world.integration.left)
    number = client.write("POST", "/api/v2/pipelines", {"name": "Partners"}, cost=5)["id"]
    client.write("POST", "/api/v2/stages", {"name": "New", "pipeline_id": number}, cost=5)
    return number


def test_deselecting_a_pipeline_leaves_what_was_synced_and_updates_it_no_more(world):
    number = second_pipeline(world)
    org = world.organization("Engines")
    person = world.person("Ada Lovelace", org)
    deal = world.won(org, pipeline_id=number)
    world.deliver()

    world.save(pipelines=["1"])
    world.change("deals", deal, value=9)
    world.change("persons", person, name="Ada King")
    world.deliver()
    world.run()

    assert world.log(source_id=deal, flow="deal_to_license").reason == "pipeline_not_selected"
    assert world.rows("licenses")[0]["mrr"] == 1200
    assert world.rows("endusers")[0]["lastName"] == "Lovelace"
    assert world.counts()["companies"] == 1


def test_all_deals_go_whatever_their_stage_in_the_second_mode(install):
    world = install(mode="all", start_date="add_time")
    org = world.organization("Engines")
    world.deal(org, title="Open one")
    world.deal(org, title="Lost one", status="lost")
    world.deliver()
    assert {row["product"] for row in world.rows("licenses")} == {"Open one", "Lost one"}


# Start and end


def test_the_start_date_is_the_mapped_field_and_else_the_day_it_was_won(world):
    key = world.deal_field("Contract start")
    world.save(start_date=f"custom_fields.{key}")
    org = world.organization("Engines")
    world.won(org, title="Mapped", custom_fields={key: "2026-05-01"}, won_time="2026-03-01T10:00:00Z")
    world.won(org, title="Won", won_time="2026-03-01T10:00:00Z")
    world.deliver()
    assert {row["product"]: row["fromDate"] for row in world.rows("licenses")} == {
        "Mapped": "2026-05-01", "Won": "2026-03-01",
    }  # fmt: skip


def test_without_a_start_date_nothing_goes_when_the_fallback_is_off(world):
    key = world.deal_field("Contract start")
    world.save(start_date=f"custom_fields.{key}", start_fallback=False)
    deal = world.won(world.organization("Engines"))
    world.deliver()
    assert world.log(source_id=deal).reason == "no_start_date"
    assert set(world.counts().values()) == {0}


def test_an_end_date_makes_a_fixed_period_and_taking_it_away_an_open_one(world):
    key = world.deal_field("Contract end")
    world.save(end_date=f"custom_fields.{key}")
    deal = world.won(world.organization("Engines"), custom_fields={key: "2027-04-30"})
    world.deliver()
    [row] = world.rows("licenses")
    assert (row["fixedPeriod"], row["toDate"], row["value"], row.get("mrr")) == (True, "2027-04-30", 1200, None)

    world.change("deals", deal, custom_fields={key: None})
    world.deliver()
    [row] = world.rows("licenses")
    assert (row["fixedPeriod"], row.get("toDate"), row.get("value"), row["mrr"]) == (False, None, None, 1200)


def test_a_yearly_value_is_divided_by_twelve(install):
    world = install(value_period="year")
    world.won(world.organization("Engines"))
    world.deliver()
    assert world.rows("licenses")[0]["mrr"] == 100


# License or Sale


def test_rules_route_deals_by_pipeline_field_and_product_first_match_wins(world):
    number = second_pipeline(world)
    key = world.deal_field("Kind", "enum", options=[{"label": "One-off"}, {"label": "Subscription"}])
    options = {row.label: row.key for row in hub.client_of(world.integration.left).list_fields("deal")[-1].options}
    rules = [
        (f"custom_fields.{key}", "subscription", "license"), ("pipeline", "partners", "sale"),
        (f"custom_fields.{key}", "One-off", "sale"), ("product", "Set-up", "sale"),
    ]  # fmt: skip
    world.save(**{
        f"rule_{n}_{part}": value for n, rule in enumerate(rules, 1)
        for part, value in zip(("what", "value", "to"), rule, strict=True)
    })  # fmt: skip
    org = world.organization("Engines")
    world.won(org, title="by pipeline", pipeline_id=number)
    world.won(org, title="earlier rule", pipeline_id=number, custom_fields={key: int(options["Subscription"])})
    world.won(org, title="by field", custom_fields={key: int(options["One-off"])})
    by_product = world.won(org, title="by product")
    world.sandbox.control("POST", f"/pipedrive/acme/deals/{by_product}/products", {"name": "set-up "})
    world.won(org, title="no rule")
    world.deliver()

    assert {row["product"] for row in world.rows("sales")} == {"by pipeline", "by field", "by product"}
    assert {row["product"] for row in world.rows("licenses")} == {"earlier rule", "no rule"}
    assert world.rows("sales")[0]["value"] == 1200


def test_products_are_read_only_when_a_rule_looks_at_them(world):
    world.won(world.organization("Engines"))
    world.deliver()
    assert len(world.rows("licenses")) == 1
    assert not [call for call in world.calls("pipedrive") if "deals/products" in call]


def test_a_deal_stays_what_it_was_sent_as_when_the_rules_change(world):
    deal = world.won(world.organization("Engines"))
    world.deliver()
    world.save(rule_1_what="pipeline", rule_1_value="1", rule_1_to="sale")
    world.change("deals", deal, value=5)
    world.deliver()
    assert world.rows("sales") == []
    assert world.rows("licenses")[0]["mrr"] == 5


# Directions


def test_each_object_goes_only_if_its_section_receives(install):
    world = install(person_direction="none", note_direction="none", deal_direction="none")
    org = world.organization("Engines")
    world.person("Ada Lovelace", org)
    world.note("x", org_id=org)
    deal = world.won(org)
    world.deliver()
    assert world.counts() == {"companies": 1, "endusers": 0, "licenses": 0, "sales": 0, "conversations": 0}
    assert world.log(source_id=deal).reason == "deals_not_received"
    calls = world.calls("pipedrive")
    assert not [call for call in calls if call.endswith(("/persons", "/notes"))]


def test_with_everything_off_no_webhook_is_needed():
    off = dict.fromkeys((f"{name}_direction" for name in ("organization", "person", "note", "deal")), "none")
    assert RECIPE.webhooks({**RECIPE.default_settings, **off})["left"] == frozenset()
    assert RECIPE.webhooks(RECIPE.default_settings)["left"] == {"deal.create", "deal.change"}


# Deletions, absent and null


def test_deletions_do_not_travel(world):
    org = world.organization("Engines")
    person = world.person("Ada Lovelace", org)
    note = world.note("x", org_id=org)
    deal = world.won(org)
    world.deliver()
    before = world.counts()
    for plural, number in (("notes", note), ("persons", person), ("deals", deal), ("organizations", org)):
        world.sandbox.control("DELETE", f"/pipedrive/acme/{plural}/{number}")
    world.deliver()
    world.run()
    assert world.counts() == before


@pytest.mark.chaos("W10")
def test_absent_is_ignored_and_null_clears(world):
    org = world.organization("Engines", address={"value": "Dorset Street 1"})
    person = world.person("Ada Lovelace", org, phones=[{"value": "+44 1"}])
    deal = world.won(org)
    world.deliver()
    world.edit(org, description="only in Planhat", zip="SW1")
    assert world.rows("endusers")[0]["phone"] == "+44 1"

    world.change("persons", person, phones=[])
    world.change("organizations", org, address=None)
    world.change("deals", deal, value=1)
    world.deliver()

    company = world.company(org)
    assert "phone" not in world.rows("endusers")[0]
    assert "address" not in company
    assert (company["description"], company["zip"]) == ("only in Planhat", "SW1")
