"""No write raises a permission or joins a list without having asked `engine/safety/consent.py`.

The calls that can do so are known by name, and so is each place in the recipes that makes one: a new place fails here
until a story below goes through it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import integration.recipes
from integration.connectors.brevo.client import BrevoClient
from integration.connectors.maileon.client import MaileonClient
from integration.connectors.maileon.records import Contact
from integration.engine.safety import consent
from integration.engine.sync import batch, runs
from tests.support import hub

RECIPES = Path(integration.recipes.__path__[0])
RAISING = frozenset(
    {"create_contact", "synchronize_contacts", "upsert_contact", "add_to_list", "import_contacts", "send_transactions"}
)
JOINING = "join"  # the argument of Brevo's update_contact that puts a contact on lists
PLACES = {
    ("newsletter/subscription.py", "synchronize_contacts"),
    ("newsletter/subscription.py", "create_contact"),
    ("newsletter/moves.py", "create_contact"),
    ("newsletter/opt_in_trial.py", "create_contact"),  # to the member who presses the button, who has to confirm
    ("pipedrive_maileon/event_types.py", "send_transactions"),  # creates contacts with permission None only
    ("pipedrive_brevo/contacts.py", "upsert_contact"),
    ("pipedrive_brevo/contacts.py", "update_contact"),
    ("pipedrive_brevo/importing.py", "import_contacts"),  # names a list of its own that gets no mailings
    ("pipedrive_brevo/settling.py", "add_to_list"),
    ("pipedrive_brevo/lists.py", "update_contact"),
}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            joins = any(word.arg == JOINING for word in node.keywords)
            if node.func.attr in RAISING or (node.func.attr == "update_contact" and joins):
                yield str(path.relative_to(RECIPES)), node.func.attr


def test_every_place_that_can_raise_a_permission_is_known():
    found = {place for path in RECIPES.rglob("*.py") for place in calls(path)}

    assert found == PLACES


class Watch:
    """How many people were found to be free to subscribe in this batch, and how many were subscribed."""

    def __init__(self, monkeypatch):
        self.granted, self.raised = 0, []
        self.patch(monkeypatch, consent, "may_subscribe", after=self.asked)
        self.patch(monkeypatch, batch, "process", before=self.begin)
        for client, method in (
            (MaileonClient, "create_contact"), (MaileonClient, "synchronize_contacts"),
            (BrevoClient, "upsert_contact"), (BrevoClient, "update_contact"), (BrevoClient, "add_to_list"),
        ):  # fmt: skip
            self.patch(monkeypatch, client, method, before=getattr(self, method))

    @staticmethod
    def patch(monkeypatch, owner, name, before=None, after=None):
        really = getattr(owner, name)

        def wrapped(*args, **how):
            if before:
                before(*args, **how)
            answer = really(*args, **how)
            if after:
                after(answer)
            return answer

        monkeypatch.setattr(owner, name, wrapped)

    def begin(self, *args, **how):
        self.granted = 0

    def asked(self, refused):
        self.granted += not refused

    def raises(self, name, people):
        assert self.granted >= people, f"{name} subscribes {people} people, and {self.granted} were asked about"
        self.granted -= people
        self.raised += [name] * people

    def create_contact(self, client, contact, *, permission, doi=False, **how):
        self.raises("create_contact", int(doi or permission > 1))

    def synchronize_contacts(self, client, contacts, *, permission=None, update_only=False, **how):
        self.raises("synchronize_contacts", 0 if update_only else len(contacts))

    def upsert_contact(self, client, contact, list_ids=(), **how):
        self.raises("upsert_contact", len(list_ids))

    def update_contact(self, client, key, contact, *, join=(), **how):
        self.raises("update_contact", len(join))

    def add_to_list(self, client, list_id, contact_ids):
        self.raises("add_to_list", len(contact_ids))


def asked_by_mail(w):
    w.person("Ada Byron")
    w.deliver()


def at_once(w):
    hub.save(w.integration, doi_enabled=False, permission="2")
    w.person("Ada Byron")
    w.deliver()


def at_once_where_a_deal_made_a_contact(w):
    hub.save(w.integration, doi_enabled=False, permission="2")
    hub.client_of(w.integration.right).create_contact(Contact(email="ada.byron@example.com"), permission=1)
    w.person("Ada Byron")
    w.deliver()


def moved_onto_a_contact_without_permission(w):
    hub.save(w.integration, on_email_change="keep")
    ada = w.person("Ada Byron")
    w.deliver()
    w.click("ada.byron@example.com")
    w.deliver()
    hub.client_of(w.integration.right).create_contact(Contact(email="new@example.com"), permission=1)
    w.change(ada, emails=[{"value": "new@example.com", "primary": True}])
    w.deliver()


def a_new_contact(w):
    w.person("Ada Byron")
    w.deliver()


def a_new_list(w):
    ada = w.person("Ada Byron")
    w.deliver()
    hub.save(w.integration, list_all="62")
    w.change(ada, name="Ada King")
    w.deliver()


def a_won_deal(w):
    hub.save(w.integration, deals_enabled=True, list_customers="62")
    ada = w.person("Ada Byron")
    w.deliver()
    w.deal(title="Engine", person_id=int(ada), status="won")
    w.deliver()


def many(w):
    w.seed_people(25)
    runs.start(w.integration, "fetch_all", "person_to_contact")
    hub.drain()
    w.deliver()


STORIES = [
    ("world", asked_by_mail, "create_contact"),
    ("world", at_once, "synchronize_contacts"),
    ("world", at_once_where_a_deal_made_a_contact, "create_contact"),
    ("world", moved_onto_a_contact_without_permission, "create_contact"),
    ("brevo_world", a_new_contact, "upsert_contact"),
    ("brevo_world", a_new_list, "update_contact"),
    ("brevo_world", a_won_deal, "update_contact"),
    ("brevo_world", many, "add_to_list"),
]


@pytest.mark.parametrize(("fixture", "story", "by"), STORIES, ids=[story.__name__ for _, story, _ in STORIES])
def test_nobody_is_subscribed_without_having_been_asked_about(request, monkeypatch, fixture, story, by):
    world = request.getfixturevalue(fixture)

    watch = Watch(monkeypatch)

    story(world)

    assert by in watch.raised, "the story does not go through the call it is about"
