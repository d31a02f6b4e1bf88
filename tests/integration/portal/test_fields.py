"""The Fields page: rows picked by name, checked against both accounts, tried on a real record, applied on Save."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.base import FieldSpec
from integration.connectors.pipedrive.client import PipedriveClient
from integration.connectors.pipedrive.fields import create_field
from integration.models import FieldMapping, SyncLog
from tenants.audit import AuditEntry
from tests.support import hub
from tests.support.factories import MemberFactory
from tests.support.world import ACCOUNT

pytestmark = pytest.mark.django_db
FLOW = "person_to_contact"
ADA = "ada.lovelace@example.com"


def member(world, role="editor"):
    client = Client()
    client.force_login(MemberFactory(tenant=world.integration.tenant, role=role).user)
    return client


def address(world, name="fields"):
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    return reverse(f"portal:{name}", kwargs=ids)


# The recipe's rows as the pickers show them.
NAMES = {"first_name": "First name", "last_name": "Last name", "name": "Name", "org_id.name": "Organization: name",
         "owner_id.name": "Owner: name", "owner_id.email": "Owner: e-mail", "FIRSTNAME": "First name",
         "LASTNAME": "Last name", "FULLNAME": "Full name", "ORGANIZATION": "Organization"}  # fmt: skip


def filled_in(world, *, change=None, add=(), remove=()):
    """The form as a browser would send it: the rows as they are, with `change` by target, and new rows."""
    rows = list(FieldMapping.objects.filter(integration=world.integration, flow=FLOW).order_by("position", "id"))
    data = {f"{FLOW}-TOTAL_FORMS": len(rows) + len(add), f"{FLOW}-INITIAL_FORMS": len(rows)}
    for number, row in enumerate(rows):
        values = {"id": row.pk, "source": NAMES.get(row.source, row.source), "transform": row.transform,
                  "target": NAMES.get(row.target, row.target),
                  "direction": row.direction, "default": row.default, **(change or {}).get(row.target, {})}  # fmt: skip
        if row.target in remove:
            values["DELETE"] = "on"
        data |= {f"{FLOW}-{number}-{key}": value for key, value in values.items()}
    for number, row in enumerate(add, start=len(rows)):
        values = {"transform": "text", "direction": "forward", **row}
        data |= {f"{FLOW}-{number}-{key}": value for key, value in values.items()}
    return data


def own_field(world, label="Lead source", kind="text"):
    """A field of the customer's own in Pipedrive; returns its key."""
    client = PipedriveClient(world.integration.left.plain_credentials)
    return create_field(client, "person", FieldSpec("", label, kind, custom=True)).key


def read_again(client, world):
    return client.post(address(world), {"do": "refresh"}, follow=True)


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_pickers_show_names_and_tell_own_fields_apart(world):
    key = own_field(world)
    client = member(world, "editor")

    html = read_again(client, world).content.decode()

    assert '<option value="Lead source">own field, text</option>' in html
    assert '<option value="Organization: name">standard field, text</option>' in html
    assert 'value="First name"' in html
    assert key not in html


def test_a_row_is_added_by_name_and_travels_with_the_next_change(world):
    key = own_field(world)
    client = member(world)
    read_again(client, world)
    person = world.person("Ada Lovelace")
    world.deliver()

    row = {"source": "Lead source", "target": "Lead origin", "create": "on", "create_type": "text"}
    answer = client.post(address(world), filled_in(world, add=[row]), follow=True)
    world.change(person, custom_fields={key: "Trade fair"})
    world.deliver()

    assert "Saved." in text(answer)
    stored = FieldMapping.objects.get(integration=world.integration, target="Lead origin")
    assert (stored.source, stored.options["target_type"], stored.problem) == (f"custom_fields.{key}", "text", "")
    assert world.contacts()[ADA]["custom"]["Lead origin"] == "Trade fair"
    assert AuditEntry.objects.latest("pk").what == (f"Field mappings saved. custom_fields.{key} → Lead origin added")


def test_an_unknown_name_is_refused_and_nothing_is_saved(world):
    client = member(world)
    rows = [
        {"source": "Favourite colour", "target": "City"},
        {"source": "First name", "target": "Nowhere"},
        {"source": "", "target": "Zip"},
        {"source": "First name", "target": "E-mail"},
    ]
    answer = client.post(address(world), filled_in(world, add=rows))

    assert answer.status_code == 422
    said = text(answer)
    assert "Pipedrive has no field “Favourite colour”. Pick one from the list." in said
    assert "Maileon has no field “Nowhere”. Pick one from the list, or tick “Create”." in said
    assert "Choose a field. Only a constant needs none." in said
    assert "E-mail is written by Lockstep itself" in said
    assert 'value="Favourite colour"' in answer.content.decode()
    assert not FieldMapping.objects.filter(target__in=["City", "CITY"]).exists()


def test_types_that_never_fit_are_refused_and_doubtful_ones_are_warned_about(world):
    own_field(world, "Visits", "number")
    client = member(world)
    read_again(client, world)

    never = client.post(address(world), filled_in(world, add=[{"source": "Visits", "target": "Birthday"}]))
    perhaps = client.post(
        address(world), filled_in(world, add=[{"source": "Name", "target": "Birthday"}]), follow=True
    )  # fmt: skip

    assert "This never fits: Birthday takes dates." in text(never)
    assert "Birthday takes dates. Other values are left out, and the log says so." in text(perhaps)


def test_a_constant_must_suit_its_field(world):
    client = member(world)
    row = {"transform": "constant", "source": "", "target": "Birthday"}

    wrong = client.post(address(world), filled_in(world, add=[{**row, "detail": "soon"}]))
    empty = client.post(address(world), filled_in(world, add=[row]))
    right = client.post(address(world), filled_in(world, add=[{**row, "detail": "2000-01-31"}]), follow=True)

    assert "'soon' is not a date and time." in text(wrong).replace("&#x27;", "'")
    assert "A constant needs a value." in text(empty)
    assert FieldMapping.objects.get(target="BIRTHDAY").options == {"value": "2000-01-31"}
    assert "Saved." in text(right)


def test_two_rows_swap_their_targets(world):
    client = member(world)
    swapped = {"FIRSTNAME": {"target": "Last name"}, "LASTNAME": {"target": "First name"}}

    answer = client.post(address(world), filled_in(world, change=swapped), follow=True)

    assert "Saved." in text(answer)
    assert FieldMapping.objects.get(source="first_name").target == "LASTNAME"
    assert FieldMapping.objects.get(source="last_name").target == "FIRSTNAME"


def test_two_sources_for_one_target_are_refused(world):
    answer = member(world).post(address(world), filled_in(world, add=[{"source": "Name", "target": "First name"}]))

    assert answer.status_code == 422
    assert "Another row writes this field already." in text(answer)


def test_own_rows_go_the_recipes_can_only_be_switched_off(world):
    client = member(world)
    client.post(address(world), filled_in(world, add=[{"source": "Name", "target": "City"}]))

    client.post(address(world), filled_in(world, remove=["CITY", "FIRSTNAME", "pipedriveId"],
                                          change={"LASTNAME": {"direction": "off"}}))  # fmt: skip

    left = dict(FieldMapping.objects.filter(integration=world.integration).values_list("target", "direction"))
    assert "CITY" not in left
    assert (left["FIRSTNAME"], left["pipedriveId"], left["LASTNAME"]) == ("forward", "forward", "off")


def test_what_the_recipe_needs_cannot_be_changed(world):
    changed = {"pipedriveId": {"direction": "off", "source": "First name"}}
    member(world).post(address(world), filled_in(world, change=changed))

    row = FieldMapping.objects.get(target="pipedriveId")
    assert (row.source, row.direction) == ("company_id", "forward")


def test_one_more_row_keeps_what_was_typed_and_saves_nothing(world):
    data = filled_in(world, change={"FIRSTNAME": {"source": "Name"}})

    answer = member(world).post(address(world), {**data, "do": f"add:{FLOW}"})

    count = FieldMapping.objects.filter(integration=world.integration).count()
    assert answer.status_code == 200
    assert f'name="{FLOW}-{count}-source"' in answer.content.decode()
    assert answer.content.decode().count('value="Name"') >= 2
    assert FieldMapping.objects.get(target="FIRSTNAME").source == "first_name"


def test_a_real_record_is_put_through_unsaved_rows_without_sending(world):
    world.person("Ada Lovelace")
    world.deliver()
    world.calls("maileon")
    client = member(world)
    rows = [
        {"source": "Name", "target": "Birthday", "transform": "date"},
        {"source": "Phone", "target": "City", "default": "n/a"},
    ]
    data = filled_in(world, change={"FIRSTNAME": {"source": "Name"}}, add=rows)

    linked = client.post(address(world, "sample"), {**data, "flow": FLOW})
    searched = client.post(address(world, "sample"), {**data, "flow": FLOW, f"{FLOW}-record": ADA})
    nobody = client.post(address(world, "sample"), {**data, "flow": FLOW, f"{FLOW}-record": "nobody@example.com"})

    assert "Ada Lovelace" in text(linked)
    assert "A sync would update" in text(searched)
    assert f'<p id="{FLOW}-0-sample" hx-swap-oob="true">' in linked.content.decode()
    assert "is not a date" in text(linked)
    assert "n/a" in text(linked)
    assert "No record found for “nobody@example.com”" in text(nobody)
    assert not [call for call in world.calls("maileon") if not call.startswith("GET")]
    assert FieldMapping.objects.get(target="FIRSTNAME").source == "first_name"


def test_the_try_says_why_somebody_would_be_skipped(world):
    world.person("Cy Twombly", newsletter="No")
    world.deliver()

    answer = member(world).post(
        address(world, "sample"), {**filled_in(world), "flow": FLOW, f"{FLOW}-record": "cy.twombly@example.com"}
    )

    assert "Nothing would be sent." in text(answer)
    assert "Newsletter is No" in text(answer)


def test_viewers_look_and_try_but_do_not_change(world):
    world.person("Ada Lovelace")
    world.deliver()
    client = member(world, "viewer")

    shown = client.get(address(world))
    tried = client.post(address(world, "sample"), {"flow": FLOW})

    assert '<fieldset class="bare" disabled>' in shown.content.decode()
    assert "Ada Lovelace" in text(tried)
    assert client.post(address(world), filled_in(world)).status_code == 404


def test_how_often_a_field_was_written_today(world):
    world.person("Ada Lovelace")
    world.person("Bo Diddley")
    world.deliver()

    assert SyncLog.objects.filter(outcome="synced", changes__has_key="FIRSTNAME").count() == 2
    assert "Used 2 times today" in text(member(world).get(address(world)))


def test_a_field_that_vanished_is_said_on_its_row_and_the_others_travel(world):
    key = own_field(world)
    client = member(world)
    read_again(client, world)
    row = {"source": "Lead source", "target": "Lead origin", "create": "on", "create_type": "text"}
    client.post(address(world), filled_in(world, add=[row]))
    world.sandbox.control("DELETE", f"/pipedrive/acme/personFields/{key}")
    read_again(client, world)

    client.post(address(world), filled_in(world, change={"LASTNAME": {"default": "unknown"}}))
    world.person("Ada Lovelace")
    world.deliver()

    assert "Pipedrive has no such field any more" in FieldMapping.objects.get(target="Lead origin").problem
    assert "Pipedrive has no such field any more" in text(client.get(address(world, "integration")))
    assert ADA in world.contacts()


def test_a_silent_vendor_leaves_the_rows_in_sight(world):
    client = member(world)
    right = world.integration.right
    right.store_credentials({"api_key": "no-longer-valid-1"}, "no-longer-valid-1")
    right.save()
    right.reference_lists.all().delete()

    answer = client.get(address(world))

    assert answer.status_code == 200
    assert "does not accept" in text(answer)
    assert "FIRSTNAME" in text(answer)


def test_before_the_first_save_rows_wait_for_the_settings(world):
    row = world.integration
    row.state = "draft"
    row.save(update_fields=["state"])

    answer = member(world).post(
        address(world), filled_in(world, add=[{"source": "Name", "target": "City"}]), follow=True
    )

    row.refresh_from_db()
    assert row.state == "draft"
    assert "used once the settings are saved" in text(answer)
    assert world.sandbox.state.maileon.accounts[ACCOUNT] is not None
    hub.drain()


def test_a_new_row_that_is_saved_twice_is_there_once(world):
    client = member(world)
    data = filled_in(world, add=[{"source": "Phone", "target": "City"}])

    answers = [client.post(address(world), data, follow=True) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert "saved elsewhere a moment ago" in text(answers[1])
    assert FieldMapping.objects.filter(integration=world.integration, target="CITY").count() == 1


def test_an_odd_number_of_rows_is_no_error_of_ours(world):
    answer = member(world).post(address(world), {f"{FLOW}-TOTAL_FORMS": "²", "do": f"add:{FLOW}"})
    assert answer.status_code == 200


def test_a_name_the_target_cannot_take_is_refused_before_anything_is_stored(world):
    rows = [{"source": "Phone", "target": name, "create": "on", "create_type": "text"} for name in ("%s", "id")]
    answer = member(world).post(address(world), filled_in(world, add=rows))

    assert answer.status_code == 422
    assert "%s cannot be the name of a custom field in Maileon: a name has 3 to 64 characters." in text(answer)
    assert "id cannot be the name of a custom field in Maileon" in text(answer)
    assert not FieldMapping.objects.filter(target__in=("%s", "id")).exists()


# Pairs that cannot work, and those that may not


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("date", {"transform": "number", "target": "City"}, "“Number” cannot convert dates."),
        ("date", {"transform": "phone", "target": "City"}, "“Phone number (E.164)” cannot convert dates."),
        ("number", {"transform": "gender", "target": "Gender"}, "“Gender (m, f, d)” cannot convert numbers."),
        ("date", {"target": "Gender"}, "This never fits: Gender takes one of its options."),
        ("money", {"target": "Birthday"}, "This never fits: Birthday takes dates."),
        ("date", {"target": "New one", "create": "on", "create_type": "boolean"}, "the new field takes Yes or No."),
    ],
)
def test_a_pair_that_cannot_work_is_refused_before_it_is_saved(world, kind, row, said):
    own_field(world, "Ours", kind)
    client = member(world)
    read_again(client, world)
    answer = client.post(address(world), filled_in(world, add=[{"source": "Ours", **row}]))
    assert answer.status_code == 422
    assert said in text(answer)
    assert FieldMapping.objects.filter(target__in=["CITY", "GENDER", "BIRTHDAY", "New one"]).count() == 0


def one_row(pk=None, **row):
    """The Fields page of Pipedrive ↔ Brevo with this row alone: those that are not sent stay as they are."""
    values = {"transform": "text", "direction": "forward", **row, **({"id": pk} if pk else {})}
    return {
        f"{FLOW}-TOTAL_FORMS": 1, f"{FLOW}-INITIAL_FORMS": int(bool(pk)),
        "organization_to_company-TOTAL_FORMS": 0, "organization_to_company-INITIAL_FORMS": 0,
        **{f"{FLOW}-0-{key}": value for key, value in values.items()},
    }  # fmt: skip


def test_a_way_back_into_what_is_not_to_be_written_is_refused(brevo_world):
    client = member(brevo_world)
    row = {"source": "Won deals", "target": "WON_DEALS", "transform": "number"}
    stored = FieldMapping.objects.get(target="WON_DEALS")
    answer = client.post(address(brevo_world), one_row(stored.pk, **row, direction="both"))
    assert answer.status_code == 422
    assert "cannot be written. Sync the row one way only." in text(answer)
    stored.refresh_from_db()
    assert stored.direction == "forward"


def test_a_new_field_is_stored_under_the_name_its_vendor_gives_it(brevo_world):
    row = {"source": "Name", "target": "shoe_size", "create": "on", "create_type": "text"}
    member(brevo_world).post(address(brevo_world), one_row(**row), follow=True)
    assert FieldMapping.objects.get(source="name", position__gte=1000).target == "SHOE_SIZE"


def test_the_words_for_yes_are_kept_with_the_ids_of_their_options(world):
    body = {"field_name": "VIP", "field_type": "enum", "options": [{"label": "Gold"}, {"label": "None"}]}
    made = world.sandbox.control("POST", "/pipedrive/acme/personFields", body)["data"]
    code, gold = made["field_code"], made["options"][0]["id"]
    client = member(world)
    read_again(client, world)
    row = {"source": "VIP", "transform": "yes_no", "detail": "gold", "target": "Vip", "create": "on",
           "create_type": "boolean"}  # fmt: skip
    client.post(address(world), filled_in(world, add=[row]), follow=True)
    assert FieldMapping.objects.get(target="Vip").options["yes_keys"] == [str(gold)]
    path = f"/pipedrive/acme/personFields/{code}/options"
    world.sandbox.control("PATCH", path, [{"id": gold, "label": "Platinum"}])
    hub.save(world.integration)
    world.person("Ada Lovelace", custom_fields={code: gold})
    world.deliver()
    assert str(world.contacts()[ADA]["custom"]["Vip"]).lower() == "true"
