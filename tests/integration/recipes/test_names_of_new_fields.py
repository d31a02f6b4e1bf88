"""Names of custom fields: one normaliser per vendor, nobody's name twice, and a refusal that stops no other field."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.connectors.brevo import fields as brevo
from integration.connectors.maileon import fields as maileon
from integration.connectors.pipedrive import fields as pipedrive
from integration.connectors.planhat import fields as planhat
from integration.engine.setup import provisioning
from integration.engine.setup.new_fields import free_name
from integration.models import FieldMapping
from integration.recipes.registry import get_recipe

FIELDS = "/pipedrive/acme/personFields"
ODD = ("  Shoe size ", "Shoe  Size", "shoe-size", "Обувь", "靴のサイズ", "x" * 200, "x" * 199 + "y", "id", "Email",
       "SMS", "Nr", "A/B %s", "\u200bPadded\u00a0name", "Größe")  # fmt: skip


def fields_of(world, *labels):
    """Tick new fields in the settings; returns label → code."""
    codes = {}
    for label in labels:
        body = {"field_name": label, "field_type": "varchar"}
        codes[label] = world.sandbox.control("POST", FIELDS, body)["data"]["field_code"]
    world.integration.settings = {**world.integration.settings, "custom_fields": list(codes.values())}
    world.integration.save(update_fields=["settings"])
    provisioning.provision(world.integration, get_recipe)
    world.integration.refresh_from_db()
    return codes


def steps(world):
    tasks.repair_integration(str(world.integration.pk))
    world.integration.refresh_from_db()
    return world.integration.provisioning


@pytest.fixture(params=["maileon", "brevo"])
def w(request):
    return request.getfixturevalue("world" if request.param == "maileon" else "brevo_world")


def held(w):
    contact = w.contacts()["ada.byron@example.com"]
    return set(map(str, (contact["attributes"] if "attributes" in contact else contact["custom"]).values()))


def test_every_odd_name_gets_a_field_of_its_own(w):
    codes = fields_of(w, *ODD)
    assert [step for step in steps(w) if not step["ok"]] == []
    w.person("Ada Byron", custom_fields={code: f"value {number}" for number, code in enumerate(codes.values())})
    w.deliver()
    assert {f"value {number}" for number in range(len(ODD))} <= held(w)
    assert {step["detail"] for step in steps(w) if step["key"] in ("attributes", "contact_fields")} == {"in place"}


def refuse(world, part, times=1):
    """The vendor refuses to make a field with this in its name."""
    vendor = world.integration.right.vendor
    fault = {"status": 400, "times": times, "path_contains": part, "method": "POST"}
    wish = {"vendor": vendor, "fail_next": [fault], "webhooks": {"hold": True}}
    world.sandbox.control("POST", "/misbehave", wish)


def test_a_field_that_is_refused_is_told_and_stops_no_other_one(w):
    refuse(w, "SECOND" if w.integration.right.vendor == "brevo" else "Second")
    codes = fields_of(w, "First", "Second", "Third")
    [step] = [step for step in w.integration.provisioning if not step["ok"]]
    assert "“Second”" in step["detail"]
    assert step["partly"]
    w.person("Ada Byron", custom_fields=dict(zip(codes.values(), ("1st", "2nd", "3rd"), strict=True)))
    w.deliver()
    assert {"1st", "3rd"} <= held(w)
    assert all(step["ok"] for step in steps(w))


def test_a_refused_field_keeps_nobody_waiting(world):
    refuse(world, "Second", times=9)
    world.integration.state = "draft"
    world.integration.save(update_fields=["state"])
    fields_of(world, "Second")
    assert world.integration.state == "active"


def test_a_row_that_never_got_its_field_gets_one(brevo_world):
    codes = fields_of(brevo_world, "Email")
    row = FieldMapping.objects.create(
        integration=brevo_world.integration, flow="person_to_contact", source=f"custom_fields.{codes['Email']}",
        target="EMAIL", options={"by_settings": True, "target_type": "text"},
    )  # fmt: skip
    assert all(step["ok"] for step in steps(brevo_world))
    assert FieldMapping.objects.get(source=row.source).target == "EMAIL_2"


@pytest.mark.parametrize("vendor", [brevo, maileon, planhat, pipedrive])
@pytest.mark.parametrize("label", [*ODD, "", "$$", "...", "9" * 300, "\n\t"])
def test_each_vendor_takes_what_its_normaliser_makes(vendor, label):
    names = [vendor.field_name(label, number) for number in range(1, 13)]
    assert len(set(names)) == len(names)
    problem = getattr(vendor, "name_problem", lambda name: "" if name == name.strip() and 0 < len(name) < 256 else "x")
    assert not [name for name in names[1:] if problem(name)]  # the first may be reserved
    assert names == [vendor.field_name(label, number) for number in range(1, 13)]


def test_letters_keep_what_can_be_kept():
    assert brevo.field_name("Größe (EU)") == "GROSSE_EU"
    assert maileon.field_name("  Größe\n(EU) ") == "Größe (EU)"
    assert planhat.field_name("$Co. Size") == "Co Size"


def test_a_calculated_field_of_that_name_is_left_alone():
    from dataclasses import replace

    from integration.connectors.base import FieldSpec
    from integration.connectors.registry import get_connector

    fixed = FieldSpec("SCORE", "SCORE", "number", writable=False)
    connector = get_connector("brevo")
    assert free_name(connector, "Score", set(), {"SCORE": fixed}) == "SCORE_2"
    assert free_name(connector, "Score", set(), {"SCORE": replace(fixed, writable=True)}) == "SCORE"
