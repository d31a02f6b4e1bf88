"""Brevo takes an import and carries it out later, or never, or in part; people on both sides go on meanwhile."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration.connectors.brevo.client import BrevoClient
from integration.connectors.brevo.records import Process
from integration.engine.sync import router, runner, runs
from integration.errors import RecordError, TransientError
from integration.http import Effect
from integration.models import FieldMapping, RecordLink, SyncJob
from integration.recipes.pipedrive_brevo import imports
from integration.recipes.registry import get_recipe
from tests.support import hub

LATER = 36_000


class Crowd:
    """Twenty-five people in step, whose next change goes by an import that Brevo puts off."""

    def __init__(self, world):
        self.world = world
        people = [
            {"name": f"Seed{n} Person", "emails": [{"value": f"seed{n}@example.com", "primary": True}]}
            for n in range(25)
        ]
        world.sandbox.control("POST", "/pipedrive/acme/seed", {"persons": people})
        self.put_off()
        self.start()
        world.end_imports()
        self.settle()
        rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
        self.ids = [str(key) for key, row in rows.items() if row["name"].startswith("Seed")]

    @property
    def everybody(self):
        return self.world.integration.resources["list_all"]

    def put_off(self):
        self.world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": LATER})

    def start(self):
        runs.start(self.world.integration, "fetch_all", "person_to_contact")
        self.slice()

    def slice(self):
        runner.run(str(self.world.integration.pk), get_recipe)

    def hand_in(self):
        """What the vendors have told comes in, and the hub works for one slice."""
        for delivery in self.world.held():
            assert self.world.post(delivery) == 200
        router.route_new_events(get_recipe)
        self.slice()

    def rename(self, name="First Edit"):
        for key in self.ids:
            self.world.change(key, name=name)
        self.hand_in()

    def address(self, n):
        return f"seed{n}@example.com"

    def contact(self, n):
        return self.world.contact(self.address(n))

    def settle(self):
        """Brevo is quick again, and everything comes to rest."""
        self.world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})
        for _ in range(3):
            self.world.deliver()
            self.world.poll()
        SyncJob.objects.filter(state="waiting").update(attempts=0)
        self.world.deliver()


@pytest.fixture
def crowd(brevo_world):
    return Crowd(brevo_world)


@pytest.fixture
def renamed(crowd):
    """An import of everybody's new name waits at Brevo."""
    crowd.put_off()
    crowd.rename()
    assert RecordLink.objects.filter(state="pending").count() == 25
    return crowd


def test_who_is_proven_is_in_step_and_on_the_list(crowd):
    links = RecordLink.objects.filter(link_type="person", source_id__in=crowd.ids)
    assert {(link.state, link.target_id != "", link.written["LASTNAME"]) for link in links} == {
        ("active", True, "Person")
    }
    assert all(crowd.contact(n)["listIds"] == [crowd.everybody] for n in range(25)), "and on no list of ours"


def test_until_then_the_base_is_what_was_there(renamed):
    link = RecordLink.objects.get(link_type="person", source_id=renamed.ids[3])
    assert (link.state, link.written["FIRSTNAME"]) == ("pending", "Seed3")


@pytest.mark.parametrize("rows", [0, 10])
@pytest.mark.parametrize("failed", [False, True])
def test_an_import_in_part_heals(renamed, rows, failed):
    renamed.world.end_imports(failed=failed, rows=rows)
    renamed.settle()
    assert {renamed.contact(n)["attributes"]["FIRSTNAME"] for n in range(25)} == {"First"}
    assert not RecordLink.objects.exclude(state="active").exists()
    assert not SyncJob.objects.filter(state__in=("waiting", "dead", "held")).exists()


def test_an_import_that_fails_again_and_again_is_not_tried_for_ever(renamed, monkeypatch):
    renamed.world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": LATER})
    monkeypatch.setattr(BrevoClient, "get_process", lambda self, key: Process(key, "failed"))
    for _ in range(4):
        renamed.slice()
    calls = renamed.world.calls("brevo")
    assert calls.count("POST /brevo/v3/contacts/import") == 2
    renamed.settle()
    assert {renamed.contact(n)["attributes"]["FIRSTNAME"] for n in range(25)} == {"First"}


def test_a_change_that_waits_wins_in_the_end(renamed):
    renamed.world.change(renamed.ids[3], name="Second Edit")
    renamed.hand_in()
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "Seed3"
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "Second"
    assert renamed.contact(4)["attributes"]["FIRSTNAME"] == "First"


def test_a_name_taken_back_while_the_import_waits_is_taken_back_there_too(renamed):
    renamed.world.change(renamed.ids[3], name="Seed3 Person")
    renamed.hand_in()
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "Seed3"
    assert renamed.world.shown(renamed.ids[3])["name"] == "Seed3 Person"


def test_a_person_deleted_while_the_import_waits_is_treated_as_the_settings_say(brevo_install):
    crowd = Crowd(brevo_install(on_delete="delete"))
    crowd.put_off()
    crowd.rename()
    crowd.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{crowd.ids[3]}")
    crowd.hand_in()
    crowd.world.end_imports()
    crowd.settle()
    assert crowd.address(3) not in crowd.world.contacts()


def test_a_merge_while_the_import_waits_is_done_after_it(renamed):
    loser, survivor = renamed.ids[3], renamed.ids[4]
    renamed.world.sandbox.control("POST", f"/pipedrive/acme/persons/{loser}/merge", {"into": int(survivor)})
    renamed.hand_in()
    renamed.world.end_imports()
    renamed.settle()
    states = dict(
        RecordLink.objects.filter(link_type="person", source_id__in=(loser, survivor)).values_list("source_id", "state")
    )
    assert states == {loser: "removed", survivor: "active"}


@pytest.mark.parametrize("how", ["unlinked", "left", "blocklisted"])
@pytest.mark.parametrize("told", [True, False], ids=["told", "lost"])
def test_nobody_is_put_back_on_a_list_by_a_late_import(renamed, how, told):
    address = renamed.address(3)
    if how == "unlinked":
        renamed.world.sandbox.control("PATCH", f"/brevo/801/contacts/{address}", {"unlinkListIds": [renamed.everybody]})
    elif how == "left":
        renamed.world.leave(address, list=renamed.everybody)
    else:
        renamed.world.leave(address)
    if not told:
        renamed.world.lose()
    renamed.world.end_imports()
    renamed.settle()
    renamed.rename("Third Edit")
    renamed.world.end_imports()
    renamed.settle()
    contact = renamed.contact(3)
    assert contact["attributes"]["FIRSTNAME"] == "Third"
    assert contact["emailBlacklisted"] == (how == "blocklisted")
    assert how == "blocklisted" or contact["listIds"] == []


@pytest.mark.parametrize("acted", ["left", "blocklisted"])
def test_a_new_person_who_says_no_while_the_import_waits_joins_no_list(brevo_world, acted):
    world = brevo_world
    world.sandbox.control("PATCH", "/brevo/801", {"import_delay_s": LATER})
    everybody = world.integration.resources["list_all"]
    world.make_contact("seed3@example.com", listIds=[everybody])
    world.seed_people(25)
    runs.start(world.integration, "fetch_all", "person_to_contact")
    runner.run(str(world.integration.pk), get_recipe)
    world.leave("seed3@example.com", **({"list": everybody} if acted == "left" else {}))
    world.end_imports()
    world.deliver()
    world.poll()
    contact = world.contact("seed3@example.com")
    assert contact["emailBlacklisted"] == (acted == "blocklisted")
    assert acted == "blocklisted" or contact["listIds"] == []
    assert world.contact("seed4@example.com")["listIds"] == [everybody]


def test_an_edit_in_brevo_after_the_import_comes_back(renamed):
    renamed.world.end_imports()
    renamed.world.edit(renamed.address(3), LASTNAME="Byron")
    renamed.settle()
    assert renamed.world.shown(renamed.ids[3])["name"] == "First Byron"
    assert renamed.contact(3)["attributes"]["FULLNAME"] == "First Byron"


def test_a_contact_deleted_in_brevo_while_the_import_waits_is_not_made_again(renamed):
    renamed.world.sandbox.control("DELETE", f"/brevo/801/contacts/{renamed.address(3)}")
    renamed.world.lose()
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.address(3) not in renamed.world.contacts()
    assert renamed.address(4) in renamed.world.contacts()


def test_an_address_changed_in_brevo_while_the_import_waits_makes_no_second_contact(renamed):
    renamed.world.edit(renamed.address(3), EMAIL="moved@example.com")
    renamed.world.lose()
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.address(3) not in renamed.world.contacts()
    assert renamed.contact(4)["attributes"]["FIRSTNAME"] == "First"
    assert renamed.world.shown(renamed.ids[3])["emails"][0]["value"] == "moved@example.com"
    assert renamed.world.contact("moved@example.com")["attributes"]["FIRSTNAME"] == "First"


def test_an_address_given_to_somebody_else_while_the_import_waits_is_theirs(renamed):
    renamed.world.change(renamed.ids[3], emails=[{"value": "moved@example.com", "primary": True}])
    renamed.hand_in()
    other = renamed.world.person("New Owner", email=renamed.address(3))
    renamed.hand_in()
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.contact(3)["attributes"]["FULLNAME"] == "New Owner"
    assert renamed.world.shown(other)["name"] == "New Owner"
    assert renamed.world.contact("moved@example.com")["attributes"]["FULLNAME"] == "First Edit"


def test_a_contact_somebody_made_at_an_address_given_up_stays(renamed):
    renamed.world.change(renamed.ids[3], emails=[{"value": "moved@example.com", "primary": True}])
    renamed.hand_in()
    renamed.world.make_contact(renamed.address(3), listIds=[62])
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.contact(3)["listIds"] == [62]


def test_what_an_import_does_not_apply_is_written_alone(install):
    """The boolean false falls away in an import."""
    world = install()
    body = {"type": "boolean"}
    hub.client_of(world.integration.right).call(
        "contacts", "POST", "/contacts/attributes/normal/VIP", effect=Effect.WRITE, json=body
    )
    made = hub.client_of(world.integration.left).write(
        "POST", "/api/v2/personFields", {"field_name": "VIP", "field_type": "varchar"}, cost=5
    )
    FieldMapping.objects.create(
        integration=world.integration, flow="person_to_contact", position=50, target="VIP", transform="yes_no",
        source=f"custom_fields.{made['field_code']}",
    )  # fmt: skip
    hub.save(world.integration)
    people = [
        {"name": f"Seed {n}", "emails": [{"value": f"seed{n}@example.com"}],
         "custom_fields": {made["field_code"]: "no" if n == 3 else "yes"}}
        for n in range(25)
    ]  # fmt: skip
    world.sandbox.control("POST", "/pipedrive/acme/seed", {"persons": people})
    world.poll("fetch_all")
    world.deliver()
    assert world.contact("seed3@example.com")["attributes"].get("VIP") is False
    assert world.contact("seed4@example.com")["attributes"].get("VIP") is True


def test_an_import_without_an_end_holds_nobody_back_for_ever(renamed):
    renamed.world.change(renamed.ids[3], name="Second Edit")
    renamed.hand_in()
    SyncJob.objects.filter(flow="import_check").update(attempts=imports.LOOKS, next_attempt_at=timezone.now())
    renamed.slice()
    renamed.slice()
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "Second"
    assert renamed.contact(4)["attributes"]["FIRSTNAME"] == "First"
    dead, late = SyncJob.objects.filter(flow="import_check").exclude(state="done").order_by("pk")
    assert (dead.state, dead.reason, late.state) == ("dead", "import_overdue", "waiting")
    # Brevo carries it out after all: the older values go neither to Pipedrive nor stay in Brevo
    renamed.world.end_imports()
    renamed.settle()
    assert renamed.world.shown(renamed.ids[3])["name"] == "Second Edit"
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "Second"


def test_an_import_whose_answer_was_lost_is_sent_again(crowd, monkeypatch):
    crowd.put_off()

    def lost(self, *args, **more):
        raise TransientError("The answer was lost.")

    with monkeypatch.context() as patch:
        patch.setattr(BrevoClient, "import_contacts", lost)
        crowd.rename()
    crowd.settle()
    assert {crowd.contact(n)["attributes"]["FIRSTNAME"] for n in range(25)} == {"First"}


def test_a_refused_import_leaves_nobody_waiting(crowd, monkeypatch):
    def refused(self, *args, **more):
        raise RecordError("No.")

    with monkeypatch.context() as patch:
        patch.setattr(BrevoClient, "import_contacts", refused)
        crowd.rename()
    assert not RecordLink.objects.filter(state="pending").exists()
    assert {crowd.contact(n)["attributes"]["FIRSTNAME"] for n in range(25)} == {"First"}, "in halves, by single calls"


def test_a_check_that_died_is_looked_at_again_by_the_poll(renamed):
    SyncJob.objects.filter(flow="import_check", state="waiting").update(state="dead", reason="crashed", attempts=16)
    renamed.world.end_imports()
    renamed.settle()
    assert {renamed.contact(n)["attributes"]["FIRSTNAME"] for n in range(25)} == {"First"}
    assert not RecordLink.objects.exclude(state="active").exists()


def test_one_odd_contact_keeps_nobody_elses_import_unproven(renamed):
    account = renamed.world.sandbox.state.brevo.accounts["801"]
    renamed.world.end_imports()
    odd = account.find("EMAIL", renamed.address(3))
    good, odd.lists = odd.lists, {"an odd id"}
    renamed.world.lose()
    SyncJob.objects.filter(flow="import_check", state="waiting").update(next_attempt_at=timezone.now())
    renamed.slice()
    pending = RecordLink.objects.filter(link_type="person", state="pending")
    assert not pending.exists()
    assert RecordLink.objects.filter(written__FIRSTNAME="First", state="active").count() >= 24
    odd.lists = good
    renamed.settle()
    assert renamed.contact(3)["attributes"]["FIRSTNAME"] == "First"


def test_what_a_late_import_makes_becomes_no_person(brevo_install):
    crowd = Crowd(brevo_install(create_persons=True))
    crowd.put_off()
    crowd.rename()
    crowd.world.change(crowd.ids[3], emails=[{"value": "moved@example.com", "primary": True}])
    crowd.hand_in()
    crowd.world.end_imports()
    runs.start(crowd.world.integration, "poll", "new_contact_to_person")
    SyncJob.objects.filter(flow="import_check", state="waiting").update(attempts=0)
    crowd.slice()
    crowd.settle()
    rows = crowd.world.sandbox.state.pipedrive.companies["acme"].tables["person"].living()
    assert not [row for row in rows if crowd.address(3) in str(row["emails"])]
    assert crowd.address(3) not in crowd.world.contacts()
