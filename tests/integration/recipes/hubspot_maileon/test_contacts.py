"""HubSpot contact → Maileon contact and the way back, case by case, against the sandbox vendors."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Item, Record
from integration.engine.insight import preview
from integration.engine.setup import provisioning
from integration.engine.sync import runs
from integration.models import FieldMapping, RecordLink, SyncJob, SyncLog, SyncRun, WebhookEvent
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tests.support import hub
from tests.support.factories import LinkFactory, MemberFactory

from .conftest import confirmed

PORTAL = 62515001


def reasons(contact_id):
    return list(SyncLog.objects.filter(source_id=contact_id).exclude(reason="").values_list("reason", flat=True))


def test_not_set_counts_as_yes_and_is_asked_once(world):
    contact_id, email = confirmed(world)

    assert world.mails() == [email]
    assert world.contacts()[email]["permission"] == 4
    assert world.contacts()[email]["external_id"] == f"{PORTAL}-{contact_id}"
    [note] = world.notes(contact_id)
    assert "Confirmed the opt-in mail" in note


def test_plus_gives_double_opt_in_plus(made):
    world = made(doi_plus=True)
    _, email = confirmed(world)

    assert world.contacts()[email]["permission"] == 5


@pytest.mark.parametrize(("permission", "expected"), [("1", 1), ("2", 2), ("4", 4), ("5", 5)])
def test_without_the_process_the_permission_is_given_at_once(made, permission, expected):
    world = made(doi_enabled=False, permission=permission)
    world.contact("Ada Byron")
    world.deliver()

    assert world.contacts()["ada.byron@example.com"]["permission"] == expected
    assert world.mails() == []


@pytest.mark.chaos("W10")
def test_changes_follow_and_an_emptied_field_is_emptied(world):
    contact_id, email = confirmed(world, city="Wien", jobtitle="Analyst")
    world.change(contact_id, city="", firstname="Augusta", jobtitle="Countess")
    world.deliver()

    row = world.contacts()[email]
    assert (row["standard"]["FIRSTNAME"], row["standard"].get("CITY") or None) == ("Augusta", None)
    assert row["custom"]["jobtitle"] == "Countess"
    assert row["permission"] == 4


def test_no_is_not_synced_and_a_later_no_unsubscribes(world):
    never = world.contact("Never Wanted", maileon_subscribe="false")
    world.deliver()
    assert reasons(never) == ["newsletter_no"]
    assert world.contacts() == {}

    contact_id, email = confirmed(world)
    world.say(contact_id, "No")
    world.deliver()
    assert email not in world.contacts()
    assert "Unsubscribed" in world.notes(contact_id)[-1]


def test_an_unsubscribe_in_maileon_travels_back(world):
    contact_id, email = confirmed(world)
    world.leave(email)
    world.deliver()

    assert world.shown(contact_id, "maileon_subscribe") == ["false"]
    assert len(world.notes(contact_id)) == 2


def test_a_lost_unsubscribe_and_a_lost_confirmation_are_found_in_the_reports(world):
    contact_id = world.contact("Ada Byron")
    world.deliver()
    world.click("ada.byron@example.com")
    world.held()  # lost
    start_runs(world.integration, "poll")
    hub.drain()
    assert ["Confirmed" in note for note in world.notes(contact_id)] == [True]

    world.leave("ada.byron@example.com")
    world.held()  # lost
    for _ in range(2):
        start_runs(world.integration, "poll")
        hub.drain()
        world.deliver()
    assert world.shown(contact_id, "maileon_subscribe") == ["false"]
    assert len(world.notes(contact_id)) == 2
    assert "method: " in world.notes(contact_id)[1]


def test_a_new_wish_needs_a_yes_after_the_no_and_a_click(world):
    contact_id, email = confirmed(world)
    world.leave(email)
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})

    world.say(contact_id, "")  # not set is no wish
    world.deliver()
    assert world.mails() == [email]

    world.say(contact_id, "Yes")
    world.deliver()
    assert world.mails() == [email, email]
    assert world.contacts()[email]["permission"] == 1
    world.click(email)
    world.deliver()
    assert world.contacts()[email]["permission"] == 4


def test_without_the_process_nobody_comes_back(made):
    world = made(doi_enabled=False, permission="2")
    contact_id = world.contact("Ada Byron")
    world.deliver()
    world.leave("ada.byron@example.com")
    world.deliver()
    world.sandbox.control("POST", "/time", {"advance_seconds": 60})
    world.say(contact_id, "Yes")
    world.deliver()

    assert world.contacts() == {}
    assert reasons(contact_id)[-1] == "unsubscribed"


def test_contacts_without_address_wait_for_one(world):
    contact_id = world.contact("Ada Byron", email="")
    world.deliver()
    assert reasons(contact_id) == ["no_email"]
    world.change(contact_id, email="ada@example.com")
    world.deliver()
    assert world.mails() == ["ada@example.com"]


@pytest.mark.chaos("H2")
def test_a_changed_address_is_asked_and_the_old_contact_goes(world):
    contact_id, email = confirmed(world)
    world.change(contact_id, email="new@example.com")
    world.deliver()

    assert world.mails() == [email, "new@example.com"]
    assert set(world.contacts()) == {"new@example.com"}


@pytest.mark.chaos("H2")
def test_a_changed_address_keeps_its_permission_where_the_tenant_says_so(made):
    world = made(on_email_change="keep")
    contact_id, email = confirmed(world)
    world.change(contact_id, email="new@example.com")
    world.deliver()

    assert world.mails() == [email]
    assert world.contacts()["new@example.com"]["permission"] == 4


@pytest.mark.parametrize(("on_delete", "left"), [("unsubscribe", False), ("delete", False), ("nothing", True)])
def test_deletion_follows_the_setting(made, on_delete, left):
    world = made(on_delete=on_delete)
    contact_id, email = confirmed(world)
    world.delete(contact_id)
    world.deliver()

    assert (email in world.contacts()) is left


@pytest.mark.chaos("V12")
def test_a_restored_contact_is_not_subscribed_again_by_itself(world):
    contact_id, email = confirmed(world)
    other, other_email = confirmed(world, "Bob Leaver")
    world.leave(other_email)
    world.deliver()
    for key in (contact_id, other):
        world.delete(key)
        world.deliver()
        world.sandbox.control("POST", "/time", {"advance_seconds": 60})
        world.do(key, "restore")
        world.deliver()

    assert world.contacts() == {}
    assert world.mails() == [email, other_email]


def assert_lives_on(world, survivor, kept, gone):
    """The survivor's own address keeps its permission, the other's contact is let go, and nobody was mailed for it."""
    assert set(world.contacts()) == {kept}
    assert world.contacts()[kept]["permission"] == 4
    assert world.mails() == [kept, gone]
    link = RecordLink.objects.get(source_id=survivor)
    assert (link.state, link.notes["consent"]) == ("active", "confirmed")


@pytest.mark.chaos("V12")
def test_a_merge_keeps_the_survivor_and_its_consent(world):
    ada, ada_email = confirmed(world)
    bob, bob_email = confirmed(world, "Bob Miller")
    survivor = world.do(bob, "merge", into=int(ada))["id"]
    world.deliver()

    assert_lives_on(world, survivor, ada_email, bob_email)


def test_a_merge_whose_own_event_is_lost_is_found_out(world):
    client_id = next(iter(world.sandbox.state.hubspot.apps))
    ada, ada_email = confirmed(world)
    bob, bob_email = confirmed(world, "Bob Miller")
    only = [{"subscriptionType": "contact.deletion"}]
    world.sandbox.control("POST", "/hubspot/apps", {"client_id": client_id, "subscriptions": only})
    survivor = world.do(bob, "merge", into=int(ada))["id"]
    world.deliver()  # a deletion of Bob, and nothing of a merge
    assert RecordLink.objects.get(source_id=bob).state == "removed"
    assert reasons(bob)[-1] == "merged"

    start_runs(world.integration, "reconcile")
    hub.drain()
    world.deliver()
    assert_lives_on(world, survivor, ada_email, bob_email)


@pytest.mark.chaos("V12")
def test_after_a_merge_with_somebody_who_opted_out_the_strictest_counts(world):
    ada, ada_email = confirmed(world)
    bob, bob_email = confirmed(world, "Bob Miller")
    world.leave(bob_email)
    world.deliver()
    survivor = world.do(bob, "merge", into=int(ada))["id"]  # HubSpot fills the survivor's gap with Bob's No
    world.deliver()

    assert world.shown(survivor, "maileon_subscribe") == ["false"]
    assert world.contacts() == {}


def test_a_contact_of_before_is_not_written_to_because_it_changes(world):
    [old] = world.sandbox.control(
        "POST", f"/hubspot/{PORTAL}/seed", {"contacts": [{"email": "old@example.com"}], "days_ago": 30}
    )["ids"]
    world.change(old, city="Wien")
    world.deliver()
    assert reasons(old) == ["there_before"]
    assert world.mails() == []

    world.say(old, "Yes")
    world.deliver()
    assert world.mails() == ["old@example.com"]


def test_fetch_all_takes_those_of_before_within_its_rules(world):
    world.sandbox.control("POST", f"/hubspot/{PORTAL}/seed", {"count": 230, "days_ago": 30})
    dry = runs.start(world.integration, "fetch_all", "contact_to_contact", dry_run=True, options={"allow_doi": True})
    hub.drain()
    dry.refresh_from_db()
    assert (dry.counts, dry.total) == ({"ask_by_mail": 230}, 230)
    assert world.mails() == []

    runs.start(world.integration, "fetch_all", "contact_to_contact", options={"allow_doi": False})
    hub.drain()
    assert world.mails() == []
    run = SyncRun.objects.latest("id")
    assert run.counts == {"skipped:not_asked_existing": 230}


def test_a_poll_finds_what_no_webhook_told(world):
    contact_id = world.contact("Ada Byron")
    world.held()  # lost
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.mails() == ["ada.byron@example.com"]
    assert reasons(contact_id) == []


def test_a_change_that_hubspot_does_not_announce_is_polled_and_the_page_says_so(world):
    FieldMapping.objects.create(
        integration=world.integration, flow="contact_to_contact", source="website", target="Website", transform="text",
    )  # fmt: skip
    provisioning.provision(world.integration, get_recipe)
    contact_id, email = confirmed(world)

    world.change(contact_id, website="https://ada.example")
    assert [row for row in world.held() if "website" in str(row)] == []
    hub.drain()
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.contacts()[email]["custom"]["Website"] == "https://ada.example"
    member = MemberFactory(tenant=world.integration.tenant)
    client = Client()
    client.force_login(member.user)
    ids = {"tenant_id": world.integration.tenant_id, "integration_id": world.integration.pk}
    page = client.get(reverse("portal:fields", kwargs=ids)).content.decode()
    assert page.count("does not announce a change of this field alone") == 1


def test_a_lost_deletion_is_found_by_the_weekly_comparison(world):
    contact_id, email = confirmed(world)
    world.delete(contact_id)
    world.held()  # lost
    assert email in world.contacts()
    start_runs(world.integration, "reconcile")
    hub.drain()

    assert email not in world.contacts()
    assert SyncLog.objects.get(source_id=contact_id, action="unsubscribe").outcome == "synced"


def test_values_that_do_not_fit_stay_behind_and_the_rest_goes(world):
    contact_id = world.contact(
        "Ada Byron", gender="unknown", date_of_birth="some day", hs_language="de-de", city="Wien"
    )
    world.deliver()

    row = world.contacts()["ada.byron@example.com"]["standard"]
    assert (row.get("CITY"), row.get("LOCALE")) == ("Wien", "de_DE")
    assert not row.get("GENDER")
    log = SyncLog.objects.get(source_id=contact_id)
    assert (log.outcome, log.reason) == ("synced", "value_invalid")
    assert "GENDER" in log.detail
    assert "BIRTHDAY" in log.detail


def test_a_mapped_property_of_ones_own_is_sent_with_the_labels_of_its_options(world):
    base = {"name": "topics", "label": "Topics", "type": "enumeration", "fieldType": "checkbox",
            "groupName": "contactinformation", "options": [
                {"label": "Art", "value": "a", "displayOrder": 0, "hidden": False},
                {"label": "Music", "value": "m", "displayOrder": 1, "hidden": False}]}  # fmt: skip
    from integration.engine.clients.session import open_client

    open_client(world.integration.left).create_property(base)
    FieldMapping.objects.create(
        integration=world.integration, flow="contact_to_contact", source="topics", target="topics",
        transform="option_label", position=50,
    )  # fmt: skip
    provisioning.provision(world.integration, get_recipe)
    world.contact("Ada Byron", topics="a;m")
    world.deliver()

    assert world.contacts()["ada.byron@example.com"]["custom"]["topics"] == "Art, Music"


def test_search_and_preview(world):
    contact_id = world.contact("Ada Byron", city="Wien")
    recipe = get_recipe("hubspot_maileon")
    for text in (contact_id, "ada.byron@example.com", "Byron"):
        [hit] = preview.search(world.integration, recipe, text)
        assert (hit.external_id, hit.name, hit.email) == (contact_id, "Ada Byron", "ada.byron@example.com")
    shown = preview.preview(world.integration, recipe, "contact_to_contact", contact_id)
    assert (shown.outcome, shown.reason) == ("skipped", "not_asked_existing"), "Maileon was looked at: nobody is there"
    assert world.mails() == []


def test_the_opt_out_of_a_contact_we_never_synced_is_shown(world):
    from integration.connectors.maileon.client import MaileonClient
    from integration.connectors.maileon.records import Contact

    [old] = world.sandbox.control(
        "POST", f"/hubspot/{PORTAL}/seed", {"contacts": [{"email": "old@example.com"}], "days_ago": 30}
    )["ids"]
    MaileonClient(world.integration.right.plain_credentials).create_contact(
        Contact(email="old@example.com"), permission=2
    )
    world.leave("old@example.com")
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.shown(old, "maileon_subscribe") == ["false"]
    link = RecordLink.objects.get(source_id=old)
    assert (link.state, link.notes["consent"]) == ("removed", "unsubscribed")


def test_an_opt_out_of_a_secondary_address_is_that_of_the_person(world):
    from integration.connectors.maileon.client import MaileonClient
    from integration.connectors.maileon.records import Contact

    ada, email = confirmed(world)
    bob = world.contact("Bob Miller", maileon_subscribe="false", email="ada.old@example.com")
    survivor = world.do(bob, "merge", into=int(ada))["id"]
    world.change(survivor, maileon_subscribe="true")  # the merge filled the gap with Bob's No
    world.held()
    client = MaileonClient(world.integration.right.plain_credentials)
    client.create_contact(Contact(email="ada.old@example.com"), permission=2)
    world.leave("ada.old@example.com")
    world.deliver()
    start_runs(world.integration, "poll")
    hub.drain()

    assert world.shown(survivor, "maileon_subscribe") == ["false"]
    assert email not in world.contacts()


def test_events_we_have_no_use_for_cost_nothing(world):
    contact_id, _ = confirmed(world)
    world.calls("hubspot")
    world.change(contact_id, lifecyclestage="customer")
    world.deliver()

    assert world.calls("hubspot") == []
    event = WebhookEvent.objects.latest("id")
    assert (event.state, event.reason) == ("ignored", "unchanged")
    assert not SyncJob.objects.filter(state="waiting", next_attempt_at__lte=timezone.now()).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("notes", "said"), [({}, "implied"), ({"no_seen": True}, "newsletter_no"), ({"consent": "confirmed"}, "implied")]
)
def test_not_set_is_a_yes_only_where_nobody_said_no_before(notes, said):
    link = LinkFactory(link_type="contact", source_id="8", notes=notes)
    ctx = OpenSession(link.integration, get_recipe("hubspot_maileon"))
    record = Record("8", {"created_at": timezone.now()})

    wish = ctx.recipe.flow("contact_to_contact").wish(ctx, Item("8"), record, link)

    assert getattr(wish, "reason", wish) == said
