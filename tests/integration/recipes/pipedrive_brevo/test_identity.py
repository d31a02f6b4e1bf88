"""Who owns an address, an opt-out that has to arrive, and lists that people left."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration.connectors.pipedrive.client import PipedriveClient
from integration.engine.alerts import watch
from integration.errors import RecordError
from integration.models import AlertKind, RecordLink, SyncJob
from integration.recipes.registry import get_recipe
from tests.support import hub
from tests.support.brevo_world import ACCOUNT

ADA, BOB, CYD = "ada@x.example", "bob@x.example", "cyd@x.example"


def at(address, *others):
    return [
        {"value": address, "primary": True},
        *({"value": other, "primary": False, "label": "home"} for other in others),
    ]


def names(world):
    return {email: row["attributes"].get("FULLNAME") for email, row in world.contacts().items()}


def settle(world):
    world.deliver()
    world.poll()
    world.deliver()


def remove(world, person):
    world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{person}")


def unlink(world, email, number):
    world.sandbox.control("PATCH", f"/brevo/{ACCOUNT}/contacts/{email}", {"unlinkListIds": [int(number)]})


@pytest.fixture
def three(brevo_world):
    people = [brevo_world.person(name, email=email) for name, email in (("Ada A", ADA), ("Bob B", BOB), ("Cyd C", CYD))]
    brevo_world.deliver()
    return people


# Who owns an address


@pytest.mark.parametrize("way", ["together", "one by one", "backwards", "polled"])
@pytest.mark.parametrize("count", [2, 3])
def test_addresses_go_round(brevo_world, three, way, count):
    addresses = [ADA, BOB, CYD][:count]
    people = three[:count]
    moves = list(zip(people, addresses[1:] + addresses[:1], strict=True))
    for person, address in moves if way != "backwards" else moves[::-1]:
        brevo_world.change(person, emails=at(address))
        if way in ("one by one", "backwards"):
            brevo_world.deliver()
    if way == "polled":
        brevo_world.lose()
    settle(brevo_world)
    wanted = dict(zip(addresses[1:] + addresses[:1], ["Ada A", "Bob B", "Cyd C"][:count], strict=True))
    assert {email: name for email, name in names(brevo_world).items() if email in addresses} == wanted
    links = RecordLink.objects.filter(link_type="person", state="active")
    assert len({link.target_id for link in links}) == 3
    shown = {brevo_world.shown(person)["emails"][0]["value"] for person in people}
    assert shown == set(addresses), "nothing came back into Pipedrive"


def test_whoever_opted_out_stays_out_when_addresses_are_swapped(brevo_world, three):
    ada, bob, _ = three
    brevo_world.leave(ADA)
    brevo_world.deliver()
    brevo_world.change(ada, emails=at(BOB))
    brevo_world.change(bob, emails=at(ADA))
    settle(brevo_world)
    assert brevo_world.contact(BOB)["emailBlacklisted"], "Ada said No, and this is her address now"
    assert brevo_world.contact(ADA)["emailBlacklisted"], "the reader of this address said No"
    assert brevo_world.status(ada) == "unsubscribed"


def test_a_refused_person_is_next_when_the_address_is_free(brevo_world, three):
    twin = brevo_world.person("Ada Twin", email=ADA)
    brevo_world.deliver()
    assert brevo_world.log(source_id=twin).reason == "duplicate_email"
    brevo_world.change(three[0], emails=at("new@x.example"))
    brevo_world.deliver()
    assert names(brevo_world)[ADA] == "Ada Twin"
    assert names(brevo_world)["new@x.example"] == "Ada A"


@pytest.mark.parametrize("setting", ["keep", "leave_list", "delete"])
def test_a_refused_person_is_next_when_the_first_is_deleted(brevo_install, setting):
    world = brevo_install(on_delete=setting)
    first = world.person("Ada A", email=ADA)
    world.deliver()
    twin = world.person("Ada Twin", email=ADA)
    world.deliver()
    remove(world, first)
    world.deliver()
    assert names(world).get(ADA) == "Ada Twin"
    assert world.integration.resources["list_all"] in world.contact(ADA)["listIds"]
    assert RecordLink.objects.get(link_type="person", source_id=twin).state == "active"


def test_a_refused_person_is_next_when_the_first_has_no_address_any_more(brevo_world, three):
    brevo_world.person("Ada Twin", email=ADA)
    brevo_world.deliver()
    brevo_world.change(three[0], emails=[])
    brevo_world.deliver()
    assert names(brevo_world)[ADA] == "Ada Twin"
    brevo_world.change(three[0], emails=at("back@x.example"))
    settle(brevo_world)
    assert names(brevo_world)["back@x.example"] == "Ada A"
    assert names(brevo_world)[ADA] == "Ada Twin"


def test_an_address_changed_onto_a_contact_that_opted_out(brevo_world, three):
    brevo_world.make_contact("new@x.example", emailBlacklisted=True)
    brevo_world.lose()
    brevo_world.change(three[0], emails=at("new@x.example"))
    settle(brevo_world)
    assert brevo_world.contact("new@x.example")["emailBlacklisted"]
    assert names(brevo_world)["new@x.example"] == "Ada A"
    assert brevo_world.status(three[0]) == "unsubscribed"
    assert ADA not in brevo_world.contacts()


@pytest.mark.parametrize("told", [True, False])
def test_who_opted_out_stays_out_at_an_address_another_contact_had(brevo_world, three, told):
    brevo_world.leave(ADA)
    if told:
        brevo_world.deliver()
    else:
        brevo_world.lose()
    brevo_world.make_contact("new@x.example", attributes={"FIRSTNAME": "Ada"})
    brevo_world.change(three[0], emails=at("new@x.example"))
    settle(brevo_world)
    assert brevo_world.contact("new@x.example")["emailBlacklisted"]


def test_the_phone_moves_along_onto_another_contact(brevo_world):
    person = brevo_world.person("Ada A", email=ADA, phones=[{"value": "+31612345678", "primary": True}])
    brevo_world.deliver()
    brevo_world.make_contact("new@x.example")
    brevo_world.change(person, emails=at("new@x.example"))
    settle(brevo_world)
    assert brevo_world.contact("new@x.example")["attributes"].get("SMS") == "31612345678"


def test_people_who_share_an_address_are_still_merged(brevo_install):
    world = brevo_install(merge_duplicates=True)
    first = world.person("Ada A", email=ADA)
    world.deliver()
    twin = world.person("Ada Twin", email=ADA)
    world.deliver()
    assert world.shown(twin)["is_deleted"]
    assert not world.shown(first)["is_deleted"]


def test_nobody_is_merged_into_a_deleted_person(brevo_install):
    world = brevo_install(merge_duplicates=True)
    first = world.person("Ada A", email=ADA)
    world.deliver()
    remove(world, first)
    world.lose()
    second = world.person("Ada King", email=ADA)
    settle(world)
    assert not world.shown(second)["is_deleted"]
    assert names(world)[ADA] == "Ada King"


@pytest.mark.parametrize("lost", [True, False])
def test_a_contact_is_linked_to_the_living_of_two_people(brevo_install, lost):
    world = brevo_install(create_persons=True)
    dead = world.person("Ada Dead", email="other@x.example")
    world.deliver()
    remove(world, dead)
    if lost:
        world.lose()
    else:
        world.deliver()
    world.sandbox.control("DELETE", f"/brevo/{ACCOUNT}/contacts/other@x.example")
    world.lose()
    world.make_contact("other@x.example", attributes={"FIRSTNAME": "Ada", "LASTNAME": "New"})
    world.poll()
    world.poll("fetch_all")
    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].living()
    assert [row["name"] for row in rows if row["emails"] and row["emails"][0]["value"] == "other@x.example"] == [
        "Ada New"
    ]


# Lists


@pytest.mark.parametrize("how", ["left", "unlinked"])
@pytest.mark.parametrize("place", ["deal", "lead"])
def test_a_deal_or_a_lead_puts_nobody_back_on_a_list(brevo_install, how, place):
    world = brevo_install(
        deals_enabled=True, leads_enabled=True, list_customers="62", list_qualified="61", list_nurture="62"
    )
    ada = world.person("Ada A", email=ADA)
    world.deliver()
    deal = world.deal(title="One", person_id=int(ada), status="won")
    world.deliver()
    assert 62 in world.contact(ADA)["listIds"]
    if how == "left":
        world.leave(ADA, list=62)
    else:
        unlink(world, ADA, 62)
    world.lose()
    if place == "deal":
        world.change_deal(deal, status="lost")
        world.deliver()
        world.deal(title="Two", person_id=int(ada), status="won")
    else:
        world.sandbox.control("POST", "/pipedrive/acme/leads", {"title": "Lead", "person_id": int(ada)})
    settle(world)
    assert 62 not in world.contact(ADA)["listIds"]


def test_who_moves_between_lists_by_deals_still_moves(brevo_install):
    world = brevo_install(deals_enabled=True, list_customers="62", list_churned="63")
    ada = world.person("Ada A", email=ADA)
    world.deliver()
    deal = world.deal(title="One", person_id=int(ada), status="won")
    world.deliver()
    world.change_deal(deal, status="lost")
    world.deliver()
    assert {62, 63} & set(world.contact(ADA)["listIds"]) == {63}
    world.change_deal(deal, status="won")
    world.deliver()
    assert {62, 63} & set(world.contact(ADA)["listIds"]) == {62}


@pytest.mark.parametrize("many", [True, False])
def test_who_was_taken_off_by_hand_stays_off_with_each_change(brevo_world, three, many):
    number = brevo_world.integration.resources["list_all"]
    unlink(brevo_world, ADA, number)
    brevo_world.change(three[0], name="Ada King")
    if many:
        brevo_world.seed_people(30)
        brevo_world.lose()
        brevo_world.poll("fetch_all")
    settle(brevo_world)
    assert brevo_world.contact(ADA)["listIds"] == []
    assert names(brevo_world)[ADA] == "Ada King"
    brevo_world.change(three[0], emails=at("new@x.example"))
    settle(brevo_world)
    assert brevo_world.contact("new@x.example")["listIds"] == []


@pytest.mark.parametrize("many", [True, False])
def test_a_new_card_of_somebody_taken_off_by_hand_joins_no_list(brevo_world, three, many):
    unlink(brevo_world, ADA, brevo_world.integration.resources["list_all"])
    remove(brevo_world, three[0])
    brevo_world.deliver()
    brevo_world.person("Ada Again", email=ADA)
    if many:
        brevo_world.seed_people(30)
        brevo_world.lose()
        brevo_world.poll("fetch_all")
    settle(brevo_world)
    assert names(brevo_world)[ADA] == "Ada Again"
    assert brevo_world.contact(ADA)["listIds"] == []


# Opt-outs arrive


def refuse(monkeypatch, *fields, kind=RecordError):
    """Pipedrive refuses a call that has one of these values."""
    really = PipedriveClient.update_person

    def update(self, person_id, values):
        flat = {**values, **(values.get("custom_fields") or {})}
        for name in fields:
            if name in flat:
                raise kind(f"{name} is not allowed")
        return really(self, person_id, values)

    monkeypatch.setattr(PipedriveClient, "update_person", update)


@pytest.mark.parametrize("field", ["first_name", "last_name", "phone", "email"])
@pytest.mark.parametrize("told", [True, False])
def test_one_refused_field_keeps_no_opt_out_and_no_other_field_back(brevo_world, three, monkeypatch, field, told):
    refuse(monkeypatch, field)
    brevo_world.edit(ADA, FIRSTNAME="Adah", LASTNAME="Byron", SMS="+31612345678", EMAIL="adah@x.example")
    brevo_world.leave("adah@x.example")
    if not told:
        brevo_world.lose()
    settle(brevo_world)
    person = brevo_world.shown(three[0])
    assert brevo_world.status(three[0]) == "unsubscribed"
    assert (person["name"] == "Adah Byron") == (field not in ("first_name", "last_name"))
    assert (person["emails"][0]["value"] == "adah@x.example") == (field != "email")
    log = brevo_world.log(source_id=three[0], flow="contact_to_person", reason="value_invalid")
    assert "is not allowed" in log.detail
    assert not SyncJob.objects.filter(state="dead").exists()


def test_a_refused_marketing_status_keeps_no_opt_out_back(brevo_install, monkeypatch):
    world = brevo_install(set_marketing_status=True)
    ada = world.person("Ada A", email=ADA)
    world.deliver()
    refuse(monkeypatch, "marketing_status")
    world.leave(ADA)
    world.deliver()
    assert world.status(ada) == "unsubscribed"


def test_an_opt_out_that_is_refused_is_tried_again_and_raises_an_alert(brevo_world, three, monkeypatch):
    with monkeypatch.context() as patch:
        refuse(patch, brevo_world.integration.resources["status"])
        brevo_world.leave(ADA)
        brevo_world.deliver()
        assert SyncJob.objects.get(state="dead").reason == "opt_out_refused"
        found, _ = watch.look(get_recipe, timezone.now())
        assert [row.kind for row in found if row.reason == "opt_out_refused"] == [AlertKind.FAILURES]
    brevo_world.poll()
    assert brevo_world.status(three[0]) == "unsubscribed"
    assert not SyncJob.objects.filter(state="dead").exists()
    assert not [row for row in watch.look(get_recipe, timezone.now())[0] if row.reason == "opt_out_refused"]


def test_an_opt_out_is_not_forgotten_when_the_call_fails_once(brevo_world, three):
    failure = {"status": 500, "times": 2, "path_contains": "/persons", "method": "PATCH"}
    brevo_world.sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "fail_next": [failure]})
    brevo_world.leave(ADA)
    brevo_world.deliver()
    assert brevo_world.status(three[0]) == "unsubscribed"


# Merged people and other addresses


@pytest.mark.parametrize("lost", ["nothing", "the merge", "the opt-out", "both"])
def test_an_opt_out_at_a_merged_address_reaches_the_survivor(brevo_world, three, lost):
    ada, bob, _ = three
    brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{ada}/merge", {"into": int(bob)})
    if lost in ("the merge", "both"):
        brevo_world.lose()
    brevo_world.deliver()
    brevo_world.leave(ADA)
    if lost in ("the opt-out", "both"):
        brevo_world.lose()
    settle(brevo_world)
    assert brevo_world.status(bob) == "unsubscribed"
    assert brevo_world.contact(BOB)["emailBlacklisted"]
    brevo_world.change(bob, name="Bob King")
    settle(brevo_world)
    assert brevo_world.status(bob) == "unsubscribed"


def test_a_chain_of_merges(brevo_world, three):
    ada, bob, cyd = three
    for loser, survivor in ((ada, bob), (bob, cyd)):
        brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{loser}/merge", {"into": int(survivor)})
        brevo_world.deliver()
    brevo_world.change(cyd, emails=at(CYD))  # the other addresses are gone from the card
    brevo_world.deliver()
    brevo_world.leave(ADA)
    settle(brevo_world)
    assert brevo_world.status(cyd) == "unsubscribed"


def test_an_opt_out_from_before_the_merge_is_the_survivors_too(brevo_world, three):
    ada, bob, _ = three
    brevo_world.leave(ADA)
    brevo_world.deliver()
    brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{ada}/merge", {"into": int(bob)})
    settle(brevo_world)
    assert brevo_world.status(bob) == "unsubscribed"
    assert brevo_world.contact(BOB)["emailBlacklisted"]


def test_who_comes_back_at_all_addresses_is_shown_so(brevo_world, three):
    ada, bob, _ = three
    brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{ada}/merge", {"into": int(bob)})
    brevo_world.deliver()
    brevo_world.leave(ADA)
    settle(brevo_world)
    for email in (ADA, BOB):
        brevo_world.sandbox.control("PATCH", f"/brevo/{ACCOUNT}/contacts/{email}", {"emailBlacklisted": False})
    settle(brevo_world)
    assert brevo_world.status(bob) == "subscribed"
    assert not brevo_world.contact(BOB)["emailBlacklisted"]


@pytest.mark.parametrize("refused", [True, False])
def test_an_opt_out_arrives_where_the_reader_changed_the_address(brevo_world, three, monkeypatch, refused):
    if refused:
        refuse(monkeypatch, "email")
    brevo_world.edit(ADA, EMAIL="adah@x.example")
    brevo_world.lose()
    brevo_world.leave("adah@x.example")
    settle(brevo_world)
    assert brevo_world.status(three[0]) == "unsubscribed"


def test_an_opt_out_after_the_new_address_came_back_is_heard_at_once(brevo_world, three):
    brevo_world.edit(ADA, EMAIL="adah@x.example")
    brevo_world.poll()
    brevo_world.lose()
    brevo_world.leave("adah@x.example")
    brevo_world.deliver()
    assert brevo_world.status(three[0]) == "unsubscribed"


# A comparison


def test_who_is_missing_from_a_list_only_is_not_gone(brevo_install, monkeypatch):
    world = brevo_install(on_delete="delete")
    world.person("Ada A", email=ADA)
    gone = world.person("Bob B", email=BOB)
    world.deliver()
    remove(world, gone)
    world.lose()
    really = PipedriveClient.get_persons

    def without_ada(self, ids, **more):
        return [person for person in really(self, ids, **more) if person.primary_email != ADA]

    monkeypatch.setattr(PipedriveClient, "get_persons", without_ada)
    world.poll("reconcile")
    assert set(world.contacts()) == {ADA}


def test_an_opt_out_survives_that_its_option_was_deleted(brevo_world):
    world = brevo_world
    key, gone = world.integration.resources["status"], int(world.integration.resources["status_unsubscribed"])
    person = world.person("Ada Byron")
    world.deliver()
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}/options", [{"id": gone}])
    world.leave("ada.byron@example.com")
    world.deliver()
    assert world.status(person) != "unsubscribed"

    hub.save(world.integration)
    for _ in range(2):
        world.poll()
        world.deliver()

    assert world.status(person) == "unsubscribed"


def test_an_opt_out_beside_somebody_who_is_no_contact_yet_keeps_them_off(brevo_world):
    world = brevo_world
    world.make_contact("beside@example.com")
    both = [{"value": "no address", "primary": True}, {"value": "beside@example.com", "primary": False}]
    person = world.person("Ada Byron", email="", emails=both)
    world.deliver()
    world.leave("beside@example.com")
    world.deliver()
    assert world.status(person) == "unsubscribed"

    own = [{"value": "ada@example.com", "primary": True}, {"value": "beside@example.com", "primary": False}]
    world.change(person, emails=own)
    world.deliver()

    assert world.contact("ada@example.com")["emailBlacklisted"]
