"""Wait for the outcome of an import before its values count as written.

Brevo takes an import at once and carries it out later. Until then a link says “written” of values that Brevo does not
have. The way back compares with them, takes Brevo's old or dropped values for changes, and writes them into the CRM.
"""

from __future__ import annotations

import pytest

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import Process
from integration.engine.sync import router, runner, runs
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub


def person_of(world, name):
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    return next((str(key), row) for key, row in rows.items() if row["name"] == name)


def seeds(world, **special):
    people = [
        {"name": f"Seed{n} Person", "emails": [{"value": f"seed{n}@example.com"}], **special.get(f"seed{n}", {})}
        for n in range(25)
    ]
    world.sandbox.control("POST", "/pipedrive/acme/seed", {"persons": people})


def slice_(world, *kinds):
    runner.run(str(world.integration.pk), get_recipe)


@pytest.mark.parametrize("wins", ["newest", "source"])
def test_what_brevo_had_before_an_import_is_not_written_over_the_crm(brevo_install, wins):
    world = brevo_install(conflicts=wins)
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})  # Brevo is busy
    world.make_contact("seed7@example.com", attributes={"FIRSTNAME": "Wrong", "LASTNAME": "Old"})
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    slice_(world)
    key, before = person_of(world, "Seed7 Person")
    # the same Fetch All goes over Brevo's contacts too, or somebody touches the contact there
    runs.start(world.integration, "fetch_all", "contact_to_person")
    slice_(world)
    after = world.shown(key)
    assert (after["first_name"], after["last_name"]) == ("Seed7", "Person")


def test_the_portals_fetch_all_leaves_the_crm_as_it_is(brevo_install, monkeypatch):
    """The button starts all flows at once. Brevo has more than one page of contacts (here of ten, in truth of 1000)."""
    world = brevo_install(conflicts="source")
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    for n in range(25):
        world.make_contact(f"seed{n}@example.com", attributes={"FIRSTNAME": "Wrong", "LASTNAME": "Old"})
    seeds(world)
    monkeypatch.setitem(BrevoClient.contacts_page.__kwdefaults__, "limit", 10)
    start_runs(world.integration, "fetch_all")
    slice_(world)
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    changed = [row["name"] for row in rows.values() if row["name"] == "Wrong Old"]
    assert not changed


def test_a_bulk_edit_in_the_crm_is_not_taken_back(brevo_install):
    """25 people in step are all renamed in Pipedrive; the import waits at Brevo; the poll reads a contact there."""
    world = brevo_install(conflicts="source")
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    world.deliver()
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    mine = [str(key) for key, row in rows.items() if row["name"].endswith(" Person")]
    for key in mine:
        world.change(key, name="Renamed Today")
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    slice_(world)
    runs.start(world.integration, "poll", "contact_to_person")
    slice_(world)
    taken_back = [rows[int(key)]["name"] for key in mine if rows[int(key)]["name"] != "Renamed Today"]
    assert not taken_back


def test_a_bulk_edit_is_not_lost_for_good_when_that_import_fails(brevo_install, monkeypatch):
    """As before; then Brevo says that the import failed. Now nobody knows the new names any more."""
    world = brevo_install(conflicts="source")
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    world.deliver()
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    mine = [str(key) for key, row in rows.items() if row["name"].endswith(" Person")]
    for key in mine:
        world.change(key, name="Renamed Today")
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    slice_(world)
    runs.start(world.integration, "poll", "contact_to_person")
    slice_(world)
    for account in world.sandbox.state.brevo.accounts.values():
        for process in account.processes.values():
            if process.status == "queued":
                process.work, process.due = (lambda: {}), 0  # Brevo carries out nothing of it
    really = BrevoClient.get_process
    told = []

    def get_process(self, key):
        found = really(self, key)
        if not told:
            told.append(key)
            return Process(key, "failed", {})
        return found

    monkeypatch.setattr(BrevoClient, "get_process", get_process)
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    for _ in range(4):
        world.deliver()
        start_runs(world.integration, "poll")
        hub.drain()
        world.deliver()
    lost = [rows[int(key)]["name"] for key in mine if rows[int(key)]["name"] != "Renamed Today"]
    assert not lost


def test_the_newest_edit_wins_although_an_older_import_is_carried_out_later(brevo_install):
    """25 people are renamed by an import, which waits at Brevo, then one of them again by a single call.

    Brevo carries the import out last. The poll then takes the older name for a change made in Brevo.
    """
    world = brevo_install(conflicts="newest")
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    world.deliver()
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    mine = [str(key) for key, row in rows.items() if row["name"].endswith(" Person")]

    def told():
        for delivery in world.held():
            assert world.post(delivery) == 200
        router.route_new_events(get_recipe)
        slice_(world)

    for key in mine:
        world.change(key, name="First Edit")
    told()
    world.change(mine[3], name="Second Edit")
    told()
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    for account in world.sandbox.state.brevo.accounts.values():
        for process in account.processes.values():
            process.due = 0
    for _ in range(4):
        world.deliver()
        start_runs(world.integration, "poll")
        hub.drain()
        world.deliver()
    contact = world.contact(rows[int(mine[3])]["emails"][0]["value"])
    assert rows[int(mine[3])]["name"] == "Second Edit"
    assert contact["attributes"].get("FIRSTNAME") == "Second"


def test_who_leaves_the_list_while_an_import_waits_is_not_put_back_on_it(brevo_install):
    """Every import carries the list of all contacts, also for people who are on it already. One leaves it meanwhile."""
    world = brevo_install()
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    world.deliver()
    everybody = world.integration.resources["list_all"]
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    mine = [str(key) for key, row in rows.items() if row["name"].endswith(" Person")]
    address = rows[int(mine[3])]["emails"][0]["value"]
    assert everybody in world.contact(address)["listIds"]
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})
    for key in mine:
        world.change(key, name="First Edit")
    for delivery in world.held():
        assert world.post(delivery) == 200
    router.route_new_events(get_recipe)
    slice_(world)
    world.leave(address, list=everybody)
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    for account in world.sandbox.state.brevo.accounts.values():
        for process in account.processes.values():
            process.due = 0
    for _ in range(3):
        world.deliver()
        start_runs(world.integration, "poll")
        hub.drain()
    assert everybody not in world.contact(address)["listIds"]


def test_an_address_given_up_while_an_import_waits_is_not_made_again(brevo_install):
    """The import still holds the old address. Carried out after the change of address it makes a second contact of it,
    on the list that gets the mailings; nobody in the CRM has that address."""
    world = brevo_install()
    seeds(world)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    hub.drain()
    world.deliver()
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    mine = [str(key) for key, row in rows.items() if row["name"].endswith(" Person")]
    old = rows[int(mine[3])]["emails"][0]["value"]
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 600})

    def told():
        for delivery in world.held():
            assert world.post(delivery) == 200
        router.route_new_events(get_recipe)
        slice_(world)

    for key in mine:
        world.change(key, name="First Edit")
    told()
    world.change(mine[3], emails=[{"value": "moved@example.com", "primary": True}])
    told()
    assert "moved@example.com" in world.contacts()
    assert old not in world.contacts()
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
    for account in world.sandbox.state.brevo.accounts.values():
        for process in account.processes.values():
            process.due = 0
    for _ in range(3):
        world.deliver()
        start_runs(world.integration, "poll")
        hub.drain()
    assert old not in world.contacts()
