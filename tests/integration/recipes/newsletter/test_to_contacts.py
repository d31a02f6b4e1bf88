"""Who stops being a contact: those who said so or are gone, never those whom a token does not see."""

from __future__ import annotations

import pytest

from integration.engine.clients.session import OpenSession
from integration.engine.flow.base import Batch, Item, Record, Skip, Sync
from integration.engine.sync import replay
from integration.models import SyncLog
from integration.recipes.newsletter.subscription import SubscriptionPolicy
from integration.recipes.newsletter.to_contacts import IMPLIED, NO, UNSET, YES, ContactUpsertFlow
from integration.recipes.registry import get_recipe
from tests.integration.recipes.pipedrive_maileon.test_people import confirmed
from tests.support import hub
from tests.support.factories import IntegrationFactory, LinkFactory


@pytest.fixture
def hidden(world):
    """A confirmed person whom our token does not see any more, and the address."""
    person, email = confirmed(world)
    world.change(person, name="Ada King")
    world.sandbox.state.pipedrive.companies["acme"].tables["person"].rows.pop(int(person))
    return person, email


def test_who_is_not_visible_any_more_stays_subscribed(world, hidden):
    person, email = hidden

    world.deliver()

    assert email in world.contacts()
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "not_visible"


def test_a_resync_of_somebody_we_do_not_see_unsubscribes_nobody(world, hidden):
    person, email = hidden
    world.held()

    replay.resync(world.integration, "person_to_contact", [person])
    hub.drain()

    assert email in world.contacts()
    assert SyncLog.objects.filter(source_id=person).latest("id").reason == "not_visible"


def test_who_was_deleted_is_unsubscribed(world):
    person, email = confirmed(world)

    world.delete(person)
    world.deliver()

    assert email not in world.contacts()
    assert SyncLog.objects.filter(source_id=person, action="unsubscribe").exists()


# What is decided of somebody with this wish, who stands like this


class Anybody(ContactUpsertFlow):
    """A flow whose people all want the same, on the same terms."""

    key = label = "anybody"
    source_object = link_type = "person"

    def __init__(self, said, by_mail, trusted):
        self.said, self.by_mail, self.trusted = said, by_mail, trusted

    def enabled(self, settings):
        return True

    def read(self, ctx, items):
        return {}

    def wish(self, ctx, item, record, link):
        return self.said

    def terms(self, ctx, record):
        return SubscriptionPolicy(by_mail=self.by_mail)

    def trusts_unset(self, ctx, link):
        return self.trusted

    def proven_gone(self, ctx, missing):
        return set()


def decided(
    said=YES, *, by_mail=True, trusted=True, hint=None, email="ada@example.com", gone=False, link_state="active",
    written="ada@example.com", owner="8", settings=None, **notes,
):  # fmt: skip
    """Action or reason; without notes nobody knows the person here."""
    integration = IntegrationFactory(settings=settings or {})
    known = LinkFactory(integration=integration, source_id="8", notes=notes, state=link_state,
                        written={"email": written}) if notes else None  # fmt: skip
    record = None if gone else Record("8", {}, email=email)
    batch = Batch({"8": known} if known else {}, {record.email_hash: owner} if record and record.email else {})
    ctx = OpenSession(integration, get_recipe("pipedrive_maileon"))
    decision = Anybody(said, by_mail, trusted).decide(ctx, batch, Item("8", hint or {}), record)
    assert isinstance(decision, (Skip, Sync))
    return decision.action if isinstance(decision, Sync) else decision.reason


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "subscribe"), ({"by_mail": False}, "subscribe"),
        ({"consent": "unsubscribed"}, "unsubscribed"),  # a Yes that was there before
        ({"consent": "unsubscribed", "no_seen": True}, "subscribe"),  # a new wish, asked by mail
        ({"consent": "unsubscribed", "no_seen": True, "by_mail": False}, "unsubscribed"),  # nobody would ask the person
        ({"said": IMPLIED, "consent": "unsubscribed", "no_seen": True}, "unsubscribed"),
        ({"consent": "", "removed_at_target": True}, "removed_at_target"),
        ({"consent": "", "removed_at_target": True, "no_seen": True}, "subscribe"),
        ({"owner": "7"}, "duplicate_email"), ({"owner": "7", "consent": "confirmed"}, "duplicate_email"),
        ({"email": ""}, "no_email"), ({"email": "two@example.com,one@example.com"}, "invalid_email"),
        ({"email": "x@localhost"}, "invalid_email"),
        ({"consent": "confirmed"}, "update"), ({"consent": "pending"}, "update"),
        ({"consent": "confirmed", "link_state": "removed"}, "subscribe"),
        ({"consent": "confirmed", "written": "old@example.com"}, "change_address"),
        ({"consent": "confirmed", "written": "ADA@example.com"}, "update"),
    ],
)  # fmt: skip
def test_who_says_yes(how, said):
    assert decided(**how) == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"consent": "confirmed"}, "unsubscribe"), ({"consent": "pending"}, "unsubscribe"),
        ({"consent": "confirmed", "email": ""}, "unsubscribe"),  # a No counts whatever became of the address
        ({"consent": "confirmed", "link_state": "removed"}, "newsletter_no"),
        ({"consent": "unsubscribed"}, "unsubscribed"), ({}, "newsletter_no"),
    ],
)  # fmt: skip
def test_who_says_no(how, said):
    assert decided(NO, **how) == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"consent": "confirmed"}, "unsubscribe"), ({"consent": "confirmed", "trusted": False}, "newsletter_field_new"),
        ({"consent": "unsubscribed"}, "unsubscribed"), ({}, "newsletter_never_asked"),
    ],
)  # fmt: skip
def test_who_says_nothing(how, said):
    assert decided(UNSET, **how) == said


@pytest.mark.django_db
@pytest.mark.parametrize("said", [NO, UNSET])
def test_a_no_after_an_opt_out_is_remembered_so_that_a_later_yes_is_a_new_wish(said):
    integration = IntegrationFactory()
    link = LinkFactory(integration=integration, source_id="8", notes={"consent": "unsubscribed"}, state="removed")
    ctx = OpenSession(integration, get_recipe("pipedrive_maileon"))

    decision = Anybody(said, True, True).decide(ctx, Batch({"8": link}, {}), Item("8"), Record("8", {}))

    assert decision.notes == {"no_seen": True}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ({}, "subscribe"), ({"resync": True}, "adopt"), ({"run": "reconcile"}, "adopt"), ({"run": "poll"}, "subscribe"),
        ({"run": "fetch_all"}, "adopt"), ({"run": "fetch_all", "allow_doi": False}, "adopt"),
        ({"run": "fetch_all", "allow_doi": True}, "subscribe"), ({"resync": True, "allow_doi": True}, "adopt"),
    ],
)  # fmt: skip
def test_only_an_event_of_the_person_or_a_permission_sends_a_mail(hint, said):
    assert decided(hint=hint) == said
    assert decided(hint=hint, by_mail=False) == "subscribe"


@pytest.mark.django_db
def test_a_fetch_all_leaves_a_changed_address_alone_where_the_new_one_must_be_asked():
    moved = {"consent": "confirmed", "written": "old@example.com", "hint": {"run": "fetch_all"}}

    assert decided(**moved, settings={"on_email_change": "ask_again"}) == "not_asked_existing"
    assert decided(**moved, settings={"on_email_change": "keep"}) == "change_address"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"hint": {"deleted": True}}, "unsubscribe"), ({"hint": {"run": "reconcile"}}, "not_visible"),
        ({"hint": {}}, "not_visible"), ({"hint": {"resync": True}}, "not_visible"),
        ({"hint": {"deleted": True}, "settings": {"on_delete": "delete"}}, "delete"),
        ({"hint": {"deleted": True}, "settings": {"on_delete": "nothing"}}, "deleted_at_source"),
        ({"hint": {"deleted": True, "merged_into": "9"}}, "merge"),
        ({"hint": {"deleted": True}, "link_state": "removed"}, "deleted_at_source"),
    ],
)  # fmt: skip
def test_who_is_gone(how, said):
    assert decided(gone=True, consent="confirmed", **how) == said
