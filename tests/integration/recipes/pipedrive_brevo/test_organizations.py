"""Organization → company: made once, linked to its people, within the hundred calls an hour."""

from __future__ import annotations

import pytest

from integration.engine.clients.session import open_client
from integration.models import RecordLink, SyncJob, VendorCall
from tests.support import hub

ADA = "ada@lovelace.example"


@pytest.fixture
def world(install):
    return install(organizations_enabled=True)


def companies(world):
    return {row["attributes"]["name"]: row for row in world.brevo()["companies"]}


def organization(world, name, **values):
    body = {"name": name, **values}
    return str(world.sandbox.control("POST", "/pipedrive/acme/organizations", body)["data"]["id"])


def test_an_organization_becomes_a_company_linked_to_its_people(world):
    number = organization(world, "Engines", website="https://engines.example")
    world.person("Ada Lovelace", email=ADA, org_id=int(number))

    world.deliver()

    made = companies(world)["Engines"]
    assert made["attributes"]["domain"] == "https://engines.example"
    assert made["attributes"]["pipedrive_id"] == number
    assert made["contacts"] == [world.contact(ADA)["id"]]


def test_a_person_who_moves_takes_its_link_along(world):
    first, second = organization(world, "First"), organization(world, "Second")
    ada = world.person("Ada Lovelace", email=ADA, org_id=int(first))
    world.deliver()

    world.change(ada, org_id=int(second))
    world.deliver()

    assert companies(world)["First"]["contacts"] == []
    assert companies(world)["Second"]["contacts"] == [world.contact(ADA)["id"]]


def test_a_company_of_that_name_is_taken_over_with_its_links(world, sandbox):
    world.make_contact("eve@example.org")
    account = sandbox.state.brevo.accounts["801"]
    open_client(world.integration.right).create_company("Engines", {}, ["1"])
    number = organization(world, "Engines")

    world.deliver()

    assert len(account.companies) == 1
    assert companies(world)["Engines"]["attributes"]["pipedrive_id"] == number
    assert companies(world)["Engines"]["contacts"] == [1]


@pytest.mark.chaos("V8")
def test_a_lost_answer_makes_no_second_company(world, sandbox):
    failure = {"status": 500, "times": 1, "path_contains": "/companies", "method": "POST", "after": True}
    sandbox.control("POST", "/misbehave", {"vendor": "brevo", "fail_next": [failure]})
    organization(world, "Engines")

    world.deliver()

    assert len(world.brevo()["companies"]) == 1
    assert RecordLink.objects.get(link_type="organization").state == "active"


def test_many_go_as_one_file_and_are_linked_afterwards(world, sandbox, full_slices):
    sandbox.control("POST", "/pipedrive/acme/seed", {"organizations": [{"name": f"Org {n}"} for n in range(40)]})
    world.calls("brevo")

    world.poll("fetch_all")

    calls = world.calls("brevo")
    assert calls.count("POST /brevo/v3/companies/import") == 1
    assert calls.count("POST /brevo/v3/companies") == 3  # those of the people who came with the same run
    assert len(world.brevo()["companies"]) == 43
    assert not SyncJob.objects.filter(flow="organization_to_company").exclude(state="done").exists()


def test_a_company_somebody_deleted_is_not_put_back(world, sandbox):
    number = organization(world, "Engines")
    world.deliver()
    sandbox.state.brevo.accounts["801"].companies.clear()
    sandbox.control("PATCH", f"/pipedrive/acme/organizations/{number}", {"name": "Engines Ltd"})
    world.deliver()

    sandbox.control("PATCH", f"/pipedrive/acme/organizations/{number}", {"name": "Engines BV"})
    world.deliver()

    assert world.brevo()["companies"] == []
    assert world.log(flow="organization_to_company").reason == "removed_at_target"


def test_the_hourly_budget_makes_the_rest_wait(install, sandbox):
    world = install(organizations_enabled=True, plan="general")
    for name in range(5):
        organization(world, f"Org {name}")
    account, now = sandbox.state.brevo.accounts["801"], sandbox.state.clock.seconds()
    account.calls["other", 3600.0].extend([now] * (88 - len(account.calls["other", 3600.0])))
    for webhook in world.held():
        assert world.post(webhook) == 200

    hub.drain(due_now=False)

    waiting = SyncJob.objects.filter(flow="organization_to_company", state="waiting")
    assert waiting
    assert {job.reason for job in waiting} == {"rate_limited"}
    assert not VendorCall.objects.filter(status=429).exists()
