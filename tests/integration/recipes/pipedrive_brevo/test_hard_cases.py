"""What must never go wrong between Pipedrive and Brevo: consent, identity, edits on both sides, lost webhooks."""

from __future__ import annotations

import pytest

from integration.engine.setup import provisioning
from integration.models import RecordLink, SyncJob, SyncLog, WebhookEvent
from integration.recipes.registry import get_recipe
from tests.support import hub, queue
from tests.support.brevo_world import ACCOUNT

ADA = "ada@lovelace.example"


@pytest.fixture
def ada(brevo_world):
    person = brevo_world.person("Ada Lovelace", email=ADA)
    brevo_world.deliver()
    return person


# Consent


def test_a_blocklisted_contact_is_never_resubscribed_by_us(brevo_world, ada):
    brevo_world.leave(ADA)
    brevo_world.deliver()

    brevo_world.change(ada, name="Ada Byron")
    brevo_world.deliver()
    brevo_world.change(ada, emails=[{"value": "ada@byron.example", "primary": True}])
    brevo_world.deliver()
    brevo_world.seed_people(40)
    brevo_world.poll("fetch_all")

    contact = brevo_world.contact("ada@byron.example")
    assert contact["emailBlacklisted"] is True
    assert contact["attributes"]["LASTNAME"] == "Byron"
    assert brevo_world.status(ada) == "unsubscribed"
    bodies = [row["body"] for row in brevo_world.sandbox.control("GET", "/calls?vendor=brevo")]
    assert not any('"emailBlacklisted": false' in body for body in bodies)


@pytest.mark.parametrize("many", [False, True])
def test_a_person_whose_contact_left_before_we_came_stays_out(brevo_world, many):
    all_contacts = brevo_world.integration.resources["list_all"]
    brevo_world.make_contact(ADA, listIds=[all_contacts])
    brevo_world.make_contact("bob@example.org", emailBlacklisted=True)
    brevo_world.leave(ADA, list=all_contacts)
    brevo_world.lose()
    ada = brevo_world.person("Ada Lovelace", email=ADA)
    brevo_world.person("Bob", email="bob@example.org")
    if many:
        brevo_world.seed_people(40)
        brevo_world.lose()
        brevo_world.poll("fetch_all")
    else:
        brevo_world.deliver()

    contact = brevo_world.contact(ADA)
    assert (contact["listIds"], contact["listUnsubscribed"]) == ([], [all_contacts])
    assert contact["attributes"]["FULLNAME"] == "Ada Lovelace"
    assert brevo_world.contact("bob@example.org")["emailBlacklisted"] is True
    assert brevo_world.log(source_id=ada, flow="person_to_contact").reason == "left_list"


def test_a_list_left_later_is_not_joined_again_by_an_update(brevo_world, ada):
    all_contacts = brevo_world.integration.resources["list_all"]
    brevo_world.leave(ADA, list=all_contacts)
    brevo_world.deliver()
    for number in range(30):
        brevo_world.person(f"Other {number}")
    brevo_world.change(ada, name="Ada Byron")

    brevo_world.deliver()

    contact = brevo_world.contact(ADA)
    assert (contact["listUnsubscribed"], contact["attributes"]["LASTNAME"]) == ([all_contacts], "Byron")


@pytest.mark.chaos("H3")
def test_an_opt_out_is_for_everybody_with_the_address(brevo_world, ada):
    twin = brevo_world.person("Ada's assistant", email=ADA)
    brevo_world.deliver()
    brevo_world.leave(ADA)

    brevo_world.deliver()

    assert (brevo_world.status(ada), brevo_world.status(twin)) == ("unsubscribed", "unsubscribed")


# Identity


@pytest.mark.chaos("H3")
def test_one_address_of_several_persons_is_one_contact_and_reported(brevo_world, ada, monkeypatch):
    monkeypatch.setattr(queue, "MOST", 100)  # two who take the contact from each other never come to rest
    twin = brevo_world.person("Ada's assistant", email=ADA)

    brevo_world.deliver()

    log = brevo_world.log(source_id=twin)
    assert (log.reason, log.detail) == ("duplicate_email", f"Person {ada} already has this address.")
    assert brevo_world.contact(ADA)["attributes"]["FULLNAME"] == "Ada Lovelace"
    assert not brevo_world.shown(twin)["is_deleted"]


def test_persons_with_one_address_are_merged_in_pipedrive_only_on_request(install):
    world = install(merge_duplicates=True)
    first = world.person("Ada Lovelace", email=ADA)
    world.deliver()
    twin = world.person("Ada L", email=ADA, phones=[{"value": "+31612345678"}])

    world.deliver()

    assert world.shown(twin)["is_deleted"]
    assert world.contact(ADA)["attributes"]["SMS"] == "31612345678"
    assert RecordLink.objects.get(link_type="person", source_id=first).state == "active"


@pytest.mark.parametrize("many", [False, True])
def test_a_phone_of_somebody_else_stays_behind_and_is_reported(brevo_world, many):
    brevo_world.make_contact("office@example.org", attributes={"SMS": "+31612345678"})
    person = brevo_world.person("Ada Lovelace", email=ADA, phones=[{"value": "+31612345678"}])
    if many:
        brevo_world.lose()
        brevo_world.seed_people(40)
        brevo_world.poll("fetch_all")
        hub.drain()
    else:
        brevo_world.deliver()

    contact = brevo_world.contact(ADA)
    assert contact["attributes"]["FULLNAME"] == "Ada Lovelace"
    assert "SMS" not in contact["attributes"]
    log = brevo_world.log(source_id=person, flow="person_to_contact")
    assert (log.outcome, log.reason) == ("synced", "phone_taken")
    if many:
        checked = brevo_world.log(action="import_checked")
        assert checked.reason == "import_left_out"
        assert "44 of 45 arrived." in checked.detail


def test_a_changed_address_moves_the_contact_and_makes_no_second(brevo_world, ada):
    brevo_world.change(ada, emails=[{"value": "ada@byron.example", "primary": True}])

    brevo_world.deliver()

    assert list(brevo_world.contacts()) == ["ada@byron.example"]
    assert brevo_world.log(flow="person_to_contact", outcome="synced").action == "change_address"


@pytest.mark.chaos("V12")
def test_a_contact_deleted_in_brevo_is_not_put_back(brevo_world, ada):
    brevo_world.sandbox.control("DELETE", f"/brevo/801/contacts/{ADA}")
    brevo_world.deliver()
    brevo_world.change(ada, name="Ada Byron")

    brevo_world.deliver()

    assert brevo_world.contacts() == {}
    assert brevo_world.log(source_id=ada, flow="person_to_contact").reason == "removed_at_target"


@pytest.mark.chaos("V12")
def test_a_merge_hands_the_contact_to_the_survivor(brevo_world, ada):
    survivor = brevo_world.person("Augusta Ada", email="")
    brevo_world.deliver()
    brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{ada}/merge", {"into": int(survivor)})

    brevo_world.deliver()

    assert list(brevo_world.contacts()) == [ADA]
    assert RecordLink.objects.get(link_type="person", state="active").source_id == survivor
    assert ("contact_merged", ADA) in brevo_world.events()


@pytest.mark.chaos("V12")
def test_no_contact_is_left_behind_when_the_survivor_changes_with_the_merge(brevo_world, ada):
    survivor = brevo_world.person("Augusta Ada", email="")
    brevo_world.deliver()
    brevo_world.sandbox.control("POST", f"/pipedrive/acme/persons/{ada}/merge", {"into": int(survivor)})
    emails = [{"value": "augusta@example.com", "primary": True}]
    brevo_world.change(survivor, emails=emails)

    brevo_world.deliver()

    assert list(brevo_world.contacts()) == ["augusta@example.com"]
    assert RecordLink.objects.get(link_type="person", state="active").source_id == survivor


@pytest.mark.parametrize(("setting", "left"), [("keep", True), ("leave_list", True), ("delete", False)])
def test_a_deleted_person_is_treated_as_the_settings_say(install, setting, left):
    world = install(on_delete=setting)
    person = world.person("Ada Lovelace", email=ADA)
    world.deliver()
    world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{person}")

    world.deliver()

    contacts = world.contacts()
    assert (ADA in contacts) == left
    if left:
        on_list = world.integration.resources["list_all"] in contacts[ADA]["listIds"]
        assert on_list == (setting == "keep")


# Edits on both sides


@pytest.mark.parametrize(
    ("wins", "last", "expected"),
    [("newest", "brevo", "Adah"), ("newest", "pipedrive", "Augusta"), ("source", "brevo", "Augusta"),
     ("target", "pipedrive", "Adah")],
)  # fmt: skip
def test_an_edit_on_both_sides_ends_equal_and_is_logged(install, wins, last, expected):
    world = install(conflicts=wins)
    person = world.person("Ada Lovelace", email=ADA)
    world.deliver()
    edits = [lambda: world.change(person, name="Augusta Lovelace"), lambda: world.edit(ADA, FIRSTNAME="Adah")]
    for edit in edits if last == "brevo" else edits[::-1]:
        edit()
        world.sandbox.control("POST", "/time", {"advance_seconds": 2})

    world.deliver()

    attributes = world.contact(ADA)["attributes"]
    assert attributes["FIRSTNAME"] == expected
    assert world.shown(person)["name"] == f"{expected} Lovelace" == attributes["FULLNAME"]
    detail = SyncLog.objects.filter(reason="both_changed").latest("id").detail
    assert "“Augusta” in Pipedrive, “Adah” in Brevo" in detail


def test_edits_of_different_fields_both_survive(brevo_world, ada):
    brevo_world.change(ada, phones=[{"value": "+31612345678"}])
    brevo_world.edit(ADA, LASTNAME="Byron")

    brevo_world.deliver()

    attributes = brevo_world.contact(ADA)["attributes"]
    assert (attributes["SMS"], attributes["LASTNAME"]) == ("31612345678", "Byron")
    assert brevo_world.shown(ada)["name"] == "Ada Byron"
    assert not SyncLog.objects.filter(reason="both_changed").exists()


# Webhooks and vendors that fail


@pytest.mark.chaos("V13")
def test_a_lost_webhook_of_either_side_is_found_by_polling(brevo_world, ada):
    brevo_world.change(ada, name="Ada Byron")
    brevo_world.edit(ADA, SMS="+31687654321")
    new = brevo_world.person("Grace Hopper")
    brevo_world.lose()

    brevo_world.poll()

    assert brevo_world.contact(ADA)["attributes"]["LASTNAME"] == "Byron"
    assert brevo_world.shown(ada)["phones"][0]["value"] == "+31687654321"
    assert "grace.hopper@example.com" in brevo_world.contacts()
    assert RecordLink.objects.filter(source_id=new, state="active").exists()


@pytest.mark.chaos("V13")
def test_a_webhook_somebody_deleted_is_made_again(brevo_world):
    state = brevo_world.sandbox.state.brevo.accounts["801"]
    state.webhooks.clear()

    results = provisioning.check_webhooks(brevo_world.integration, get_recipe)

    assert results[0].ok
    assert len(state.webhooks) == 5


def test_a_forged_or_bare_webhook_is_refused(brevo_world, ada):
    brevo_world.edit(ADA, LASTNAME="Byron")
    [webhook] = brevo_world.held()
    events = WebhookEvent.objects.count()
    webhook.headers = {"authorization": "Bearer somebody"}

    assert brevo_world.post(webhook) == 401
    assert WebhookEvent.objects.count() == events


@pytest.mark.chaos("V8")
def test_a_lost_answer_of_an_event_is_looked_up_and_not_repeated(brevo_world, sandbox):
    failure = {"status": 500, "times": 1, "path_contains": "/events", "method": "POST", "after": True}
    sandbox.control("POST", "/misbehave", {"vendor": "brevo", "fail_next": [failure]})
    brevo_world.person("Ada Lovelace", email=ADA)

    brevo_world.deliver()

    assert brevo_world.events() == [("contact_created", ADA)]
    assert SyncJob.objects.get(flow="person_to_event").state == "done"


def test_a_failed_import_is_done_again(brevo_world, sandbox):
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 3600})
    brevo_world.seed_people(30)
    brevo_world.poll("fetch_all")
    account = sandbox.state.brevo.accounts["801"]
    [process] = account.processes.values()
    process.status = "failed"
    sandbox.control("PATCH", "/brevo/801", {"import_delay_s": 0})

    SyncJob.objects.filter(flow="import_check").update(attempts=1)
    hub.drain()

    assert len(brevo_world.contacts()) == 34


# Who is not to be seen, and who shares an address


def hide(world, person):
    """Our token does not see this person any more."""
    world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.pop(int(person))


@pytest.mark.parametrize("what", ["person", "deal"])
def test_who_is_not_visible_any_more_stays_a_contact(install, what):
    world = install(on_delete="delete")
    ada = world.person("Ada Lovelace", email=ADA)
    deal = world.deal(title="Engine", person_id=int(ada))
    world.deliver()
    if what == "person":
        world.change(ada, name="Ada Byron")
    else:
        world.change_deal(deal, title="Difference engine")
    hide(world, ada)

    world.deliver()

    assert ADA in world.contacts()
    assert world.log(source_id=ada, flow="person_to_contact").reason == "not_visible"


def lost_opt_out_of_two(world, ada):
    """Two people with one address, which opted out; the poll has looked since. Returns what Pipedrive shows of them."""
    twin = world.person("Ada's assistant", email=ADA)
    world.deliver()
    world.leave(ADA)
    world.lose()
    world.poll()
    return world.status(ada), world.status(twin)


def test_an_opt_out_found_by_the_poll_is_for_everybody_with_the_address(brevo_world, ada, full_slices):
    assert lost_opt_out_of_two(brevo_world, ada) == ("unsubscribed", "unsubscribed")


def test_an_opt_out_found_by_the_poll_is_for_everybody_also_when_the_slice_ends_in_between(brevo_world, ada):
    assert lost_opt_out_of_two(brevo_world, ada) == ("unsubscribed", "unsubscribed")


def test_a_subscribers_marketing_status_is_left_alone(install):
    world = install(set_marketing_status=True)
    person = world.person("Ada", email=ADA)
    world.deliver()
    world.leave(ADA)
    world.deliver()
    assert world.shown(person)["marketing_status"] == "unsubscribed"

    rows = world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows
    rows[int(person)]["marketing_status"] = "subscribed"  # by somebody at Pipedrive, after a new consent
    world.sandbox.control("PATCH", f"/brevo/{ACCOUNT}/contacts/{ADA}", {"emailBlacklisted": False})
    world.deliver()

    assert world.status(person) == "subscribed"
    assert world.shown(person)["marketing_status"] == "subscribed"


def test_the_marketing_status_is_no_business_of_ours_unless_wanted(brevo_world, ada):
    before = brevo_world.shown(ada).get("marketing_status")
    brevo_world.leave(ADA)

    brevo_world.deliver()

    assert brevo_world.status(ada) == "unsubscribed"
    assert brevo_world.shown(ada).get("marketing_status") == before != "unsubscribed"


def test_a_contact_known_to_be_deleted_costs_no_further_call(brevo_world, ada):
    brevo_world.sandbox.control("DELETE", f"/brevo/801/contacts/{ADA}")
    brevo_world.deliver()
    assert RecordLink.objects.get(source_id=ada, link_type="person").notes.get("removed_at_target") is True
    brevo_world.calls("brevo")

    brevo_world.change(ada, name="Ada Byron")
    brevo_world.deliver()

    assert brevo_world.calls("brevo") == []
