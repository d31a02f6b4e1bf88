"""The furnished default: one app and one portal of ACME."""

from __future__ import annotations

from sandbox.hubspot import crm_schema
from sandbox.hubspot.model import FIRST_CONTACT_ID, FIRST_PORTAL_ID, App, Portal, Subscription, User, World
from sandbox.hubspot.schema import GROUP, standard_properties

CLIENT_ID = "a1b2c3d4-lockstep-sandbox"
CLIENT_SECRET = "sandbox-client-secret-hubspot-0001"
APP_ID = 9393361
REDIRECT_URI = "http://127.0.0.1:8000/oauth/hubspot/callback/"
PORTAL_ID = FIRST_PORTAL_ID
USER_ID = 49150885
SCOPES = ("oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
          "crm.schemas.contacts.write")  # fmt: skip
OPTIONAL_SCOPES = ("timeline", "settings.users.read")
BIRTH = "2024-01-08T08:00:00.000Z"
EVENTS = ("contact.creation", "contact.deletion", "contact.merge", "contact.restore", "contact.privacyDeletion",
          "contact.associationChange")  # fmt: skip
# What the demo's app asks to be told of; a portal without such a property sends nothing.
PROPERTIES = (
    "email", "firstname", "lastname", "salutation", "jobtitle", "company", "address", "city", "state", "zip", "country",
    "date_of_birth", "gender", "hs_language", "lifecyclestage", "maileon_subscribe", "maileon_contact_permission",
    "maileon_contact_doi", "maileon_contact_doi_plus", "maileon_contact_doi_mailing_key",
)  # fmt: skip
NO_TARGET = ""  # nobody is called before somebody says where: on one machine several hubs may run
FIRST_SUBSCRIPTION = 3_329_277


def subscriptions(wishes: list[tuple[str, str]]) -> list[Subscription]:
    return [Subscription(FIRST_SUBSCRIPTION + n, kind, name) for n, (kind, name) in enumerate(wishes)]


def seed(world: World) -> None:
    wishes = [(kind, "") for kind in EVENTS] + [("contact.propertyChange", name) for name in PROPERTIES]
    world.apps[CLIENT_ID] = App(
        CLIENT_ID, CLIENT_SECRET, APP_ID, "Lockstep", (REDIRECT_URI,), SCOPES, OPTIONAL_SCOPES, NO_TARGET,
        subscriptions(wishes),
    )  # fmt: skip
    add_portal(world, "ACME GmbH", "acme.example")


def add_portal(world: World, name: str, domain: str, user: str = "Grace Hopper") -> Portal:
    number = len(world.portals)
    portal = Portal(FIRST_PORTAL_ID + number, name, domain)
    user_id = USER_ID + number
    portal.users[user_id] = User(user_id, user, f"{user.split()[0].lower()}@{domain}")
    portal.properties = standard_properties(BIRTH)
    for kind in crm_schema.KINDS.values():
        portal.definitions[kind.path] = crm_schema.standard_properties(kind, BIRTH)
    portal.pipelines = crm_schema.pipelines()
    portal.groups[GROUP] = {"name": GROUP, "label": "Contact information", "displayOrder": 0, "archived": False}
    portal.last_id = FIRST_CONTACT_ID + number
    world.portals[portal.id] = portal
    return portal
