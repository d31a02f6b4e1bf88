"""HubSpot's part of the control API: apps, portals, and what a person does in HubSpot's own pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record, reply
from sandbox.hubspot import changes, contacts, crm_control, events, installs, properties, stages, values
from sandbox.hubspot.api import Actor, Call
from sandbox.hubspot.model import App, Contact, Portal, User
from sandbox.hubspot.seed import add_portal, subscriptions

OPTIONS = ("merge_mints_id", "required", "first_stage", "unlimited", "calls_per_window")
APP_SETTINGS = ("target_url", "events_per_request", "gather")


def portal_of(control: ControlCall) -> Portal:
    raw = control.params["portal"]
    return control.sandbox.hubspot.portals[int(raw) if raw.isdigit() else -1]


def at_the_screen(control: ControlCall, portal: Portal) -> Call:
    """A call made by a person in HubSpot's pages."""
    return Call(control.sandbox, portal, Actor(None, min(portal.users)), control.incoming, control.params)


def contact_of(control: ControlCall, portal: Portal) -> Contact:
    raw = control.params["id"]
    return portal.contacts[portal.survivor(int(raw)) if raw.isdigit() else -1]


def told(control: ControlCall, contact: Contact, status: int = 200) -> Response:
    """Send the webhooks of what was just done, then answer with the contact as it is now."""
    events.flush(control.sandbox)
    return reply(whole(contact), status)


def create_portal(control: ControlCall) -> Record:
    wish = control.body()
    portal = add_portal(control.sandbox.hubspot, str(wish["name"]), str(wish.get("domain", "example.com")))
    return described(control, portal)


def list_portals(control: ControlCall) -> list[Record]:
    return [described(control, portal) for portal in control.sandbox.hubspot.portals.values()]


def described(control: ControlCall, portal: Portal) -> Record:
    grants = [grant for grant in control.sandbox.hubspot.grants if grant.portal == portal.id]
    return {
        "portal_id": portal.id, "name": portal.name, "domain": portal.domain, "user_id": min(portal.users),
        "options": portal.options, "installed": [grant.client_id for grant in grants],
        "url": f"{control.sandbox.base_url}/hubspot",
    }  # fmt: skip


def change_portal(control: ControlCall) -> Record:
    portal, wish = portal_of(control), control.body()
    portal.options |= {key: value for key, value in wish.items() if key in OPTIONS}
    return described(control, portal)


def create_user(control: ControlCall) -> Record:
    """Somebody else of the portal; a Super Admin only where it says so."""
    portal, wish = portal_of(control), control.body()
    number = max(portal.users) + 1000
    portal.users[number] = User(number, str(wish["name"]), str(wish["email"]), bool(wish.get("super_admin")))
    return vars(portal.users[number])


def change_user(control: ControlCall) -> Record:
    user = portal_of(control).users[int(control.params["id"])]
    user.super_admin = bool(control.body().get("super_admin"))
    return vars(user)


def create_app(control: ControlCall) -> Record:
    """Register or replace an app; what is not given stays as it was."""
    wish, apps = control.body(), control.sandbox.hubspot.apps
    app = apps.get(str(wish["client_id"]))
    if app is None:
        names = ("oauth", *wish.get("scopes", ()))
        app = App(wish["client_id"], wish["client_secret"], int(wish["app_id"]), wish.get("name", "App"), (), names)
        apps[app.client_id] = app
    for key in ("redirect_uris", "scopes", "optional_scopes", "event_types"):
        if key in wish:
            setattr(app, key, tuple(wish[key]))
    for key in APP_SETTINGS:
        if key in wish:
            setattr(app, key, wish[key])
    if "subscriptions" in wish:
        pairs = [(item["subscriptionType"], item.get("propertyName", "")) for item in wish["subscriptions"]]
        app.subscriptions = subscriptions(pairs)
    return {"client_id": app.client_id, "app_id": app.app_id, "subscriptions": len(app.subscriptions)}


def flush(control: ControlCall) -> Record:
    return {"requests": events.flush(control.sandbox, gathered=True)}


def install(control: ControlCall) -> Record:
    """Install an app in a portal without the consent page; gives the tokens."""
    portal, wish = portal_of(control), control.body()
    app = control.sandbox.hubspot.apps[wish["client_id"]]
    scopes = tuple(wish.get("scopes") or app.scopes)
    code = installs.issue_code(control.sandbox, app, portal, min(portal.users), "", scopes)
    grant = installs.install(control.sandbox, control.sandbox.hubspot.codes.pop(code))
    return {
        "access_token": installs.new_access_token(control.sandbox, grant), "refresh_token": grant.refresh_token,
        "expires_in": installs.ACCESS_S,
    }  # fmt: skip


def uninstall(control: ControlCall) -> Record:
    return {"uninstalled": installs.uninstall(control.sandbox, portal_of(control), control.body().get("client_id"))}


def create_contact(control: ControlCall) -> Response:
    call = at_the_screen(control, portal_of(control))
    wish = contacts.accepted(call, control.body())
    contact = contacts.guarded(lambda: changes.create(call, wish))
    return told(control, contact, 201)


def change_contact(control: ControlCall) -> Response:
    portal = portal_of(control)
    call, contact = at_the_screen(control, portal), contact_of(control, portal)
    wish = contacts.accepted(call, control.body())
    contacts.guarded(lambda: changes.change(call, contact, wish))
    return told(control, contact)


def _done(control: ControlCall, action: Callable[[Call, Contact], None]) -> Response:
    portal = portal_of(control)
    contact = contact_of(control, portal)
    action(at_the_screen(control, portal), contact)
    return told(control, contact)


def delete_contact(control: ControlCall) -> Response:
    return _done(control, changes.archive)


def restore_contact(control: ControlCall) -> Response:
    return _done(control, changes.restore)


def forget_contact(control: ControlCall) -> Response:
    return _done(control, changes.forget)


def merge_contacts(control: ControlCall) -> Response:
    """The record of the path is merged into the one named `into`."""
    portal = portal_of(control)
    loser, primary = contact_of(control, portal), portal.contacts[int(control.body()["into"])]
    if loser is primary:
        raise ValueError("both records must differ")
    return told(control, changes.merge(at_the_screen(control, portal), primary, loser))


def seed(control: ControlCall) -> Record:
    """Store contacts without webhooks, as they were there before: {"contacts": [...]}, or {"count": n}."""
    portal, wish = portal_of(control), control.body()
    rows = list(wish.get("contacts", ()))
    rows += [
        {"firstname": "Seed", "lastname": str(n), "email": f"seed{n}@example.com"} for n in range(wish.get("count", 0))
    ]
    call, made = at_the_screen(control, portal), []
    for row in rows:
        found, wrong = values.checked(portal, row)
        if wrong:
            raise ValueError(wrong[0]["message"])
        made.append(changes.create(call, found))
    for app in control.sandbox.hubspot.apps.values():
        app.outbox.clear()
    if "days_ago" in wish:
        for contact in made:
            contact.created = contact.updated = control.sandbox.clock.now() - timedelta(days=float(wish["days_ago"]))
    return {"ids": [str(contact.id) for contact in made]}


def delete_property(control: ControlCall) -> Record:
    call = at_the_screen(control, portal_of(control))
    properties.remove(call, control.params["name"])
    return {"ok": True}


def add_stage(control: ControlCall) -> Record:
    wish = control.body()
    return stages.add_custom(portal_of(control), str(wish["label"]), int(wish.get("position", 0)))


def rename_stage(control: ControlCall) -> Record:
    return stages.rename(portal_of(control), control.params["value"], str(control.body()["label"]))


def delete_stage(control: ControlCall) -> Record:
    return stages.remove(portal_of(control), control.params["value"])


def change_property(control: ControlCall) -> Response:
    """Rename a property, or replace its options: renamed, deleted, made again."""
    return properties.change_property(at_the_screen(control, portal_of(control)))


def whole(contact: Contact) -> Record:
    return {"id": str(contact.id), "properties": contacts.everything(contact), "archived": contact.archived}


def state(control: ControlCall) -> Record:
    """Everything the portal holds."""
    portal = portal_of(control)
    notes = [{"id": str(note.id), "contact_id": str(note.contact_id), **note.values} for note in portal.notes.values()]
    return described(control, portal) | {
        "contacts": [whole(contact) for contact in portal.contacts.values()],
        "notes": notes,
        **crm_control.held(portal),
        "app_events": list(portal.app_events.values()),
        "properties": [item for item in portal.properties.values() if not item["hubspotDefined"]],
        "groups": list(portal.groups.values()),
        "stages": portal.properties[stages.PROPERTY]["options"],
    }


ROUTES: list[ControlRoute] = [
    ("GET", "portals", list_portals),
    ("POST", "portals", create_portal),
    ("POST", "apps", create_app),
    ("POST", "flush", flush),
    ("PATCH", "{portal}", change_portal),
    ("GET", "{portal}/state", state),
    ("POST", "{portal}/install", install),
    ("POST", "{portal}/uninstall", uninstall),
    ("POST", "{portal}/seed", seed),
    ("POST", "{portal}/users", create_user),
    ("PATCH", "{portal}/users/{id}", change_user),
    ("POST", "{portal}/stages", add_stage),
    ("PATCH", "{portal}/stages/{value}", rename_stage),
    ("DELETE", "{portal}/stages/{value}", delete_stage),
    ("PATCH", "{portal}/properties/{name}", change_property),
    ("DELETE", "{portal}/properties/{name}", delete_property),
    ("POST", "{portal}/contacts", create_contact),
    ("PATCH", "{portal}/contacts/{id}", change_contact),
    ("DELETE", "{portal}/contacts/{id}", delete_contact),
    ("POST", "{portal}/contacts/{id}/restore", restore_contact),
    ("POST", "{portal}/contacts/{id}/forget", forget_contact),
    ("POST", "{portal}/contacts/{id}/merge", merge_contacts),
]
