"""Names there and back: Pipedrive has one name and divides it itself, Brevo has two fields."""

from __future__ import annotations

import pytest

from integration.models import SyncLog
from tests.support import hub

EMAIL = "ada@x.example"


@pytest.fixture
def linked(brevo_world):
    def made(name):
        person = brevo_world.person(name, email=EMAIL)
        brevo_world.deliver()
        return brevo_world, person

    return made


def names(w):
    attributes = w.contact(EMAIL)["attributes"]
    return attributes.get("FIRSTNAME") or "", attributes.get("LASTNAME") or ""


def settle(w):
    w.deliver()
    for _ in range(2):
        w.poll()
        w.deliver()


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Jan Willem", ""), ("", "Cher"), ("Ludwig", "van Beethoven"), ("Juan Carlos", "de la Cruz Garcia"),
        ("Madonna", ""), ("Anne", "O'Hara"), ("Vicco  von", "Buelow"),
    ],
)  # fmt: skip
def test_what_was_entered_in_brevo_stays_as_it_was_entered(linked, first, last):
    w, person = linked("Jan Berg")
    w.edit(EMAIL, FIRSTNAME=first, LASTNAME=last)
    settle(w)
    assert names(w) == (first, last)
    assert w.shown(person)["name"].split() == f"{first} {last}".split()


def test_names_divided_in_another_way_are_no_change(linked):
    w, person = linked("Ludwig van Beethoven")
    w.sandbox.control("DELETE", "/calls")
    w.edit(EMAIL, FIRSTNAME="Ludwig", LASTNAME="van Beethoven")
    settle(w)
    assert names(w) == ("Ludwig", "van Beethoven")
    assert not [call for call in w.sandbox.control("GET", "/calls?vendor=pipedrive") if call["method"] == "PATCH"]


def test_one_part_that_changes_later_keeps_the_other(linked):
    w, person = linked("Jan Berg")
    w.edit(EMAIL, FIRSTNAME="Jan Willem", LASTNAME="")
    settle(w)
    w.edit(EMAIL, LASTNAME="Berg")
    settle(w)
    assert names(w) == ("Jan Willem", "Berg")
    assert w.shown(person)["name"] == "Jan Willem Berg"
    assert not SyncLog.objects.filter(reason="both_changed").exists()


def test_other_changes_of_the_person_leave_the_names_alone(linked):
    w, person = linked("Jan Berg")
    w.edit(EMAIL, FIRSTNAME="Jan Willem", LASTNAME="")
    settle(w)
    w.change(person, phones=[{"value": "+31612345678", "primary": True}])
    settle(w)
    assert names(w) == ("Jan Willem", "")
    assert w.contact(EMAIL)["attributes"]["SMS"] == "31612345678"


def test_a_name_changed_in_pipedrive_arrives_in_both_fields(linked):
    w, person = linked("Jan Berg")
    w.edit(EMAIL, FIRSTNAME="Jan Willem", LASTNAME="")
    settle(w)
    w.change(person, name="Piet Hein")
    settle(w)
    assert names(w) == ("Piet", "Hein")


def test_who_comes_from_brevo_keeps_the_names_of_brevo(brevo_install):
    w = brevo_install(create_persons=True)
    w.make_contact(EMAIL, attributes={"FIRSTNAME": "Ludwig", "LASTNAME": "van Beethoven"})
    w.poll()
    settle(w)
    hub.drain()
    assert names(w) == ("Ludwig", "van Beethoven")


# Phones and addresses: what is promoted, and what is left behind


@pytest.mark.parametrize("written", ["020 123 4567", "+31 20 1234567", "0031201234567", "+31201234567"])
def test_a_promoted_number_keeps_the_former_one_with_its_label(brevo_world, written):
    w = brevo_world
    person = w.person("Ada Byron", email=EMAIL, phones=[
        {"value": "+31612345678", "primary": True, "label": "mobile"},
        {"value": written, "primary": False, "label": "work"},
        {"value": "+31700000000", "primary": False, "label": "home"},
    ])  # fmt: skip
    w.deliver()
    w.edit(EMAIL, SMS="31201234567")
    settle(w)
    points = w.shown(person)["phones"]
    assert {point["value"]: point["label"] for point in points} == {
        written: "work", "+31612345678": "mobile", "+31700000000": "home",
    }  # fmt: skip
    assert [point["value"] for point in points if point["primary"]] == [written]


def test_a_new_number_takes_the_place_of_the_primary_one(brevo_world):
    w = brevo_world
    person = w.person("Ada Byron", email=EMAIL, phones=[
        {"value": "+31612345678", "primary": True, "label": "mobile"},
        {"value": "+31201234567", "primary": False, "label": "work"},
    ])  # fmt: skip
    w.deliver()
    w.edit(EMAIL, SMS="31655555555")
    settle(w)
    found = {point["value"]: point["label"] for point in w.shown(person)["phones"]}
    assert found == {"+31655555555": "mobile", "+31201234567": "work"}


def test_a_promoted_address_keeps_the_former_one_with_its_label():
    from integration.connectors.pipedrive.bodies import person_body
    from integration.connectors.pipedrive.records import ContactPoint, Person

    there = (ContactPoint("ada@x.example", "work", True), ContactPoint("Ada@Home.example", "home"))
    body = person_body({"email": "ada@home.example"}, {}, Person("1", emails=there))
    assert body["emails"] == [
        {"value": "Ada@Home.example", "primary": True, "label": "home"},
        {"value": "ada@x.example", "primary": False, "label": "work"},
    ]
