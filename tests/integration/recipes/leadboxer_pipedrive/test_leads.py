"""The part Leads, case by case: whom a lead is linked to, when it is made, updated, left alone."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.engine.setup import provisioning
from integration.models import FieldMapping, RecordLink, SyncJob
from integration.recipes.registry import get_recipe
from tests.support import hub


def own(world, label):
    """The key of the field with this name."""
    fields = world.sandbox.state.pipedrive.companies["acme"].fields["deal"].values()
    return next(field.code for field in fields if field.name == label)


# Whom it is linked to


def test_an_organization_is_created_and_linked(leads):
    world = leads()
    made = world.company()
    world.poll()

    [lead], [organization] = world.leads(), world.named("organization", "X GmbH")
    assert (lead["title"], lead["organization_id"], lead["person_id"]) == ("X GmbH", organization["id"], None)
    assert organization["website"] == "x.example"
    assert lead["custom_fields"][world.integration.resources["leadboxer_id"]] == made["lead"]


def test_an_organization_is_found_by_its_domain_before_its_name(leads):
    world = leads()
    by_name = world.create("organizations", name="X GmbH")
    by_domain = world.create("organizations", name="The X Company", website="https://www.X.example/imprint")
    world.company()
    world.poll()

    assert [lead["organization_id"] for lead in world.leads()] == [by_domain]
    assert by_name != by_domain


def test_an_organization_is_found_by_its_exact_name(leads):
    world = leads()
    world.create("organizations", name="X GmbH & Co")
    exact = world.create("organizations", name="x gmbh")
    world.company()
    world.poll()

    assert [lead["organization_id"] for lead in world.leads()] == [exact]


def test_a_deleted_or_merged_organization_is_not_used(leads):
    world = leads()
    gone = world.create("organizations", name="X GmbH", website="x.example")
    world.company()
    world.poll()
    world.sandbox.control("DELETE", f"/pipedrive/acme/organizations/{gone}")
    world.company(email="bob@x.example", minutes_ago=1)
    world.poll()

    [new] = world.named("organization", "X GmbH")
    assert [lead["organization_id"] for lead in world.leads()] == [gone, new["id"]]


def test_without_an_organization_there_is_a_reason(leads):
    world = leads()
    world.visit(email="ada@home.example")
    world.poll()

    assert world.leads() == []
    assert world.said() == [("", "no_organization")]


def test_a_person_is_found_by_any_address_or_created(leads):
    world = leads(leads_link="person")
    known = world.create("persons", name="Ada L.", emails=[{"value": "a@home.example"}, {"value": "ada@x.example"}])
    world.ada()
    world.visit(email="bob@y.example", firstName="Bob")
    world.poll()

    [bob] = world.named("person", "Bob")
    assert {(lead["title"], lead["person_id"]) for lead in world.leads()} == {
        ("Ada Byron", known), ("Bob", bob["id"]),
    }  # fmt: skip
    assert all(lead["organization_id"] is None for lead in world.leads())


def test_a_person_needs_an_address(leads):
    world = leads(leads_link="person")
    world.company()
    world.poll()

    assert world.leads() == []
    assert world.said() == [("", "no_email")]


def test_both_are_found_or_created_and_linked(leads):
    world = leads(leads_link="both")
    world.ada()
    world.company()  # nobody known: the organization alone
    world.poll()

    [organization], [person] = world.named("organization", "X GmbH"), world.named("person", "Ada Byron")
    assert person["org_id"] == organization["id"]
    assert {(lead["title"], lead["person_id"], lead["organization_id"]) for lead in world.leads()} == {
        ("X GmbH, Ada Byron", person["id"], organization["id"]), ("X GmbH", None, organization["id"]),
    }  # fmt: skip


# Once, and updated after


def test_a_lead_is_created_once_and_updated_after(leads):
    world = leads()
    made = world.company(organizationIndustryName="Software")
    world.poll()
    world.company(lead=made["lead"], score=77, organizationIndustryName="Hardware", minutes_ago=1)
    world.poll()

    [lead] = world.leads()
    assert lead["custom_fields"][own(world, "LeadBoxer: Lead score")] == 77
    assert lead["custom_fields"][own(world, "LeadBoxer: Industry")] == "Hardware"
    assert world.said(flow="lead_to_lead") == [("create_lead", ""), ("update", "")]


def test_the_title_staff_gave_it_stays(leads):
    world = leads()
    made = world.company()
    world.poll()
    [lead] = world.leads()
    call = {"title": "Big fish"}
    world.sandbox.state.pipedrive.companies["acme"].tables["lead"].put({**lead, **call})
    world.company(lead=made["lead"], score=90, minutes_ago=1)
    world.poll()

    assert [row["title"] for row in world.leads()] == ["Big fish"]


@pytest.mark.parametrize("how", ["archived", "deleted"])
def test_a_lead_that_was_closed_stays_closed(leads, how):
    world = leads()
    made = world.company()
    world.poll()
    table = world.sandbox.state.pipedrive.companies["acme"].tables["lead"]
    [lead] = world.leads()
    table.put({**lead, "is_archived": how == "archived", "is_deleted": how == "deleted"})
    for score in (60, 70):
        world.company(lead=made["lead"], score=score, minutes_ago=1)
        world.poll()

    assert len(table) == 1
    said = [("create_lead", ""), ("update", "lead_closed"), ("", "lead_closed")]
    assert world.said(flow="lead_to_lead") == said


def test_only_what_was_seen_since_the_last_poll_is_read_again(leads):
    world = leads()
    old = world.company(minutes_ago=60 * 24 * 3)
    world.poll()
    assert world.leads() == []  # before the installation: Fetch All's business
    world.company(organizationName="New AG", organizationDomain="new.example", minutes_ago=1)
    world.sandbox.control("PATCH", f"/leadboxer/401/{'5173' * 8}/leads/{old['lead']}", {"leadTag": "Prospect"})
    world.poll()

    assert [lead["title"] for lead in world.leads()] == ["New AG"]


def test_what_changes_without_a_visit_is_found_by_the_weekly_comparison(leads):
    world = leads(leads_segment=f"{'5173' * 8}:901")  # Top leads: a score above 60
    made = world.company(minutes_ago=60 * 24 * 3, score=10)
    world.poll()
    world.edit(made["lead"], score=95)
    world.poll()
    assert world.leads() == []

    world.poll("reconcile")
    assert [lead["title"] for lead in world.leads()] == ["X GmbH"]


def test_a_lead_that_is_not_in_the_segment_is_left_alone(leads):
    world = leads(leads_segment=f"{'5173' * 8}:903")  # Germany
    world.company(organizationCountry="Austria")
    world.company(organizationName="Y GmbH", organizationDomain="y.example", organizationCountry="Germany")
    world.poll()

    assert [lead["title"] for lead in world.leads()] == ["Y GmbH"]


# Fields


def test_any_property_can_be_mapped_to_a_custom_field(leads):
    world = leads(lead_fields=["organizationCity"])
    key = own(world, "LeadBoxer: Organization city")
    FieldMapping.objects.filter(integration=world.integration, target=key).update(source="favourite_colour")
    world.company(favourite_colour="green", organizationCity="Berlin")
    world.poll()

    assert world.leads()[0]["custom_fields"][key] == "green"


def test_organizations_made_here_get_what_is_known_and_others_are_not_overwritten(leads):
    world = leads()
    world.create("organizations", name="Old AG", employee_count=7)
    world.company(organizationEmployeeCountEstimate="120")
    world.company(organizationName="Old AG", organizationDomain="old.example", organizationEmployeeCountEstimate="9000")
    world.poll()

    counts = {row["name"]: row["employee_count"] for row in world.rows("organization") if row["employee_count"]}
    assert counts == {"X GmbH": 120, "Old AG": 7}
    world.no_trouble()


def test_a_row_for_the_organization_follows_each_update(leads):
    world = leads()
    FieldMapping.objects.filter(flow="lead_to_organization", target="employee_count").update(only_create=False)
    known = world.create("organizations", name="X GmbH", employee_count=7)
    made = world.company(organizationEmployeeCountEstimate="120")
    world.poll()
    world.company(lead=made["lead"], organizationEmployeeCountEstimate="150", score=51, minutes_ago=1)
    world.poll()

    assert {row["id"]: row["employee_count"] for row in world.rows("organization")}[known] == 150


def test_a_field_that_was_deleted_in_pipedrive_is_made_again_by_the_next_save(leads):
    world = leads()
    old = own(world, "LeadBoxer: Industry")
    world.sandbox.control("DELETE", f"/pipedrive/acme/dealFields/{old}")

    results = provisioning.provision(world.integration, get_recipe)

    assert all(result.ok for result in results), results
    assert own(world, "LeadBoxer: Industry") != old
    row = FieldMapping.objects.get(flow="lead_to_lead", source="organizationIndustryName")
    assert row.target == own(world, "LeadBoxer: Industry")


def test_a_property_no_recent_lead_has_keeps_its_row_and_is_no_problem(leads):
    world = leads()
    made = world.company(favourite_colour="green")
    world.integration.left.reference_lists.all().delete()
    world.set(lead_fields=["favourite_colour"])
    provisioning.provision(world.integration, get_recipe)
    world.edit(made["lead"], favourite_colour=None)
    world.integration.left.reference_lists.all().delete()
    results = provisioning.provision(world.integration, get_recipe)

    row = FieldMapping.objects.get(flow="lead_to_lead")
    assert (row.source, row.problem) == ("favourite_colour", "")
    assert all(result.ok for result in results)
    assert "cannot travel" not in str(results)


def test_fields_follow_the_settings_and_rows_the_tenant_changed_stay(leads):
    world = leads(lead_fields=["organizationCity", "organizationState"])
    city = FieldMapping.objects.get(flow="lead_to_lead", source="organizationCity")
    FieldMapping.objects.filter(pk=city.pk).update(source="favourite_colour")
    world.set(lead_fields=["organizationIndustryName"])
    provisioning.provision(world.integration, get_recipe)

    rows = dict(FieldMapping.objects.filter(flow="lead_to_lead").values_list("source", "target"))
    assert set(rows) == {"favourite_colour", "organizationIndustryName"}
    assert rows["favourite_colour"] == city.target


# Trouble


@pytest.mark.chaos("V4")
def test_a_bad_record_fails_alone_and_its_neighbours_go_on(leads):
    world = leads()
    for name in ("One", "Two", "Three"):
        world.company(organizationName=name, organizationDomain=f"{name}.example".lower())
    world.fail("pipedrive", 400, "/leads", method="POST")
    world.poll()

    assert len(world.leads()) == 2
    job = SyncJob.objects.get(state="dead")
    assert (job.flow, job.reason) == ("lead_to_lead", "record_refused")


def test_a_vendor_that_is_down_loses_nothing(leads):
    world = leads()
    world.company()
    world.fail("pipedrive", 503, "/leads", method="POST", times=2)
    tasks.start_runs(world.integration, "poll")
    hub.drain()
    for _ in range(3):
        world.wait()

    world.at_rest()
    assert len(world.leads()) == 1
    assert RecordLink.objects.get(link_type="lead").state == "active"
    world.no_trouble()


def test_a_lead_whose_person_becomes_known_later_is_linked_to_it_too(leads):
    world = leads(leads_link="both")
    made = world.company()
    world.poll()
    [before] = world.leads()
    assert (before["person_id"], bool(before["organization_id"])) == (None, True)

    world.ada(lead=made["lead"], minutes_ago=0)
    world.poll()
    world.poll()

    [lead], [ada] = world.leads(), world.named("person", "Ada Byron")
    assert (lead["id"], lead["person_id"]) == (before["id"], ada["id"])
    assert lead["organization_id"] == before["organization_id"] == ada["org_id"]
    assert [action for action, _ in world.said(flow="lead_to_lead")] == ["create_lead", "link_lead"]


def test_a_lead_linked_to_organizations_only_gets_no_person_later(leads):
    world = leads(leads_link="organization")
    made = world.company()
    world.poll()
    world.ada(lead=made["lead"], minutes_ago=0)
    world.poll()

    assert [lead["person_id"] for lead in world.leads()] == [None]
    assert world.named("person", "Ada Byron") == []
