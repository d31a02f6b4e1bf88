"""What the CRM holds as an id travels as a name; what is new is asked about before it is given up, and then told."""

from __future__ import annotations

import pytest

from integration import tasks
from integration.models import FieldMapping, SyncLog
from tests.support import hub

FIELDS = "/pipedrive/acme/personFields"
GRACE = 9001001


def own_field(world, name, kind, **more):
    body = {"field_name": name, "field_type": kind, **more}
    code = world.sandbox.control("POST", FIELDS, body)["data"]["field_code"]
    chosen = [*world.integration.settings.get("custom_fields", []), code]
    hub.save(world.integration, custom_fields=chosen)
    tasks.repair_integration(str(world.integration.pk))
    world.integration.refresh_from_db()
    return code


def sent(world, source):
    """What the target holds of Ada in the field that was made for this source."""
    target = FieldMapping.objects.get(integration=world.integration, source=f"custom_fields.{source}").target
    contact = world.contacts()["ada.byron@example.com"]
    return contact["attributes"].get(target) if "attributes" in contact else contact["custom"].get(target)


def told(person):
    """The reason that was given when the person was last written, and its words."""
    entry = SyncLog.objects.filter(source_id=person, flow="person_to_contact", outcome="synced").latest("id")
    return entry.reason, entry.detail


@pytest.fixture(params=["maileon", "brevo"])
def w(request):
    return request.getfixturevalue("world" if request.param == "maileon" else "brevo_world")


# 22 Links


def test_a_user_an_organization_and_a_person_are_sent_by_name(w):
    org = w.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Engines"})["data"]["id"]
    friend = w.sandbox.control("POST", "/pipedrive/acme/persons", {"name": "Charles Babbage"})["data"]["id"]
    wanted = {"user": (GRACE, "Grace Hopper"), "org": (org, "Engines"), "people": (friend, "Charles Babbage")}
    codes = {kind: own_field(w, f"Our {kind}", kind) for kind in wanted}
    w.person("Ada Byron", custom_fields={codes[kind]: key for kind, (key, _) in wanted.items()})
    w.deliver()
    assert {kind: sent(w, code) for kind, code in codes.items()} == {kind: name for kind, (_, name) in wanted.items()}


def test_a_user_nobody_knows_is_told_and_not_sent(w):
    code = own_field(w, "Account manager", "user")
    person = w.person("Ada Byron", custom_fields={code: 777})
    w.deliver()
    reason, detail = told(person)
    assert sent(w, code) is None
    assert reason == "value_invalid"
    assert "Account manager" in detail


def test_a_user_of_a_moment_ago_is_known(w):
    code = own_field(w, "Account manager", "user")
    w.person("Bob Boole", custom_fields={code: GRACE})
    w.deliver()
    made = w.sandbox.control("POST", "/pipedrive/acme/users", {"name": "Mary Somerville", "email": "m@acme.example"})
    w.person("Ada Byron", custom_fields={code: made["id"]})
    w.deliver()
    assert sent(w, code) == "Mary Somerville"


def test_the_owner_of_a_moment_ago_is_known(world):
    world.person("Bob Boole")
    world.deliver()
    wish = {"name": "Mary Somerville", "email": "m@acme.example"}
    made = world.sandbox.control("POST", "/pipedrive/acme/users", wish)
    world.person("Ada Byron", owner_id=made["id"])
    world.deliver()
    assert world.contacts()["ada.byron@example.com"]["custom"]["owner_name"] == "Mary Somerville"


# 23 Options


def test_an_option_of_a_moment_ago_is_sent_by_its_name(w):
    code = own_field(w, "Tier", "enum", options=[{"label": "Gold"}])
    path = f"{FIELDS}/{code}/options"
    w.person("Bob Boole")
    w.deliver()
    made = w.sandbox.control("POST", path, [{"label": "Diamond"}])["data"][0]["id"]
    w.person("Ada Byron", custom_fields={code: made})
    w.deliver()
    assert sent(w, code) == "Diamond"


def test_a_list_is_read_again_once_for_many_people(w, full_slices):
    code = own_field(w, "Tier", "enum", options=[{"label": "Gold"}])
    definition = w.sandbox.state.pipedrive.companies["acme"].fields["person"][code]
    options = list(definition.options)
    definition.options.append({"id": 990, "label": "Ghost"})
    people = [w.person(f"Ada {n}", custom_fields={code: 990}) for n in range(6)]
    definition.options[:] = options  # the value stays, the option does not
    w.sandbox.control("DELETE", "/calls")
    w.deliver()
    calls = [row["path"] for row in w.sandbox.control("GET", "/calls?vendor=pipedrive")]
    reads = sum("personFields" in path for path in calls)
    assert reads <= 2  # this once, and the recipe's own look at its field
    assert {told(person)[0] for person in people} == {"value_invalid"}
    assert "Tier" in told(people[0])[1]


def test_a_renamed_option_is_sent_by_its_new_name_once_the_list_is_read(w):
    code = own_field(w, "Tier", "enum", options=[{"label": "Gold"}])
    gold = w.sandbox.state.pipedrive.companies["acme"].fields["person"][code].options[0]["id"]
    w.sandbox.control("PATCH", f"{FIELDS}/{code}/options", [{"id": gold, "label": "Platinum"}])
    tasks.repair_integration(str(w.integration.pk))
    w.person("Ada Byron", custom_fields={code: gold})
    w.deliver()
    assert sent(w, code) == "Platinum"


# 27 Organizations


def organization_of(w):
    contact = w.contacts()["ada.byron@example.com"]
    return contact["attributes"].get("COMPANY") if "attributes" in contact else contact["standard"]["ORGANIZATION"]


def test_a_renamed_organization_arrives_with_the_next_change_and_costs_one_call(w):
    org = w.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Old GmbH"})["data"]["id"]
    people = [w.person("Ada Byron", org_id=org), w.person("Bob Boole", org_id=org)]
    w.deliver()
    w.sandbox.control("PATCH", f"/pipedrive/acme/organizations/{org}", {"name": "New GmbH"})
    for person in people:
        w.change(person, name="Ada King")
    w.sandbox.control("DELETE", "/calls")
    w.deliver()
    assert organization_of(w) == "New GmbH"
    calls = [row["path"] for row in w.sandbox.control("GET", "/calls?vendor=pipedrive")]
    assert sum("organizations" in path for path in calls) <= 2


def test_a_person_who_moves_to_a_new_organization(w):
    org = w.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Old GmbH"})["data"]["id"]
    person = w.person("Ada Byron", org_id=org)
    w.deliver()
    other = w.sandbox.control("POST", "/pipedrive/acme/organizations", {"name": "Other GmbH"})["data"]["id"]
    w.change(person, org_id=other)
    w.deliver()
    assert organization_of(w) == "Other GmbH"


# 15 Days


@pytest.mark.parametrize(
    ("won", "zone", "day"),
    [
        ("2026-01-31T23:30:00Z", "Europe/Amsterdam", "2026-02-01"), ("2026-02-01T03:30:00Z", "America/New_York",
         "2026-01-31"), ("2028-02-28T23:30:00Z", "Europe/Berlin", "2028-02-29"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["", "add_time"])
def test_a_license_starts_on_the_accounts_day(planhat_install, won, zone, day, field):
    w = planhat_install()
    w.sandbox.control("PATCH", "/pipedrive/acme", {"time_zone": zone})
    left = w.integration.left
    left.account_details = {**left.account_details, "time_zone": zone}
    left.save(update_fields=["account_details"])
    hub.save(w.integration, start_date=field)
    w.won(w.organization("Engines"), won_time=won, add_time=won)
    w.deliver()
    assert [license["fromDate"] for license in w.rows("licenses")] == [day]


def test_a_time_in_a_field_of_days_is_the_accounts_day(w):
    code = own_field(w, "Joined", "date")
    row = FieldMapping.objects.get(integration=w.integration, source=f"custom_fields.{code}")
    row.source = "add_time"
    row.save(update_fields=["source"])
    w.person("Ada Byron", add_time="2026-01-31T23:30:00Z")
    w.deliver()
    contact = w.contacts()["ada.byron@example.com"]
    found = (contact["attributes"] if "attributes" in contact else contact["custom"]).get(row.target)
    assert str(found)[:10] == "2026-02-01"
