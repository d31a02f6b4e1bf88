"""HubSpot's web pages: what a person with a browser does in the portal."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.forms import Input
from sandbox.http import Record, Refused
from sandbox.hubspot import changes, contacts, events, installs
from sandbox.hubspot.api import Call
from sandbox.hubspot.control import at_the_screen, contact_of, portal_of
from sandbox.hubspot.model import Contact, Portal
from sandbox.hubspot.schema import READ_ONLY
from sandbox.pages import redirect, render

SHOWN_ROWS = 100


def portal_page(control: ControlCall) -> Response:
    portal, term = portal_of(control), control.incoming.query.get("q", "").lower()
    rows = [row for row in portal.living() if term in f"{_name(row)} {' '.join(row.addresses())}".lower()]
    return render(
        "hubspot_list.html",
        portal=portal,
        rows=rows[::-1][:SHOWN_ROWS],
        total=len(rows),
        term=term,
        name=_name,
        inputs=_inputs(portal, None),
        grants=[grant for grant in control.sandbox.hubspot.grants if grant.portal == portal.id],
        apps=control.sandbox.hubspot.apps.values(),
    )


def contact_page(control: ControlCall) -> Response:
    portal = portal_of(control)
    contact = _living(control, portal)
    notes = [note for note in portal.notes.values() if note.contact_id == contact.id]
    told = [event for event in portal.app_events.values() if event["objectId"] == str(contact.id)]
    return render(
        "hubspot_contact.html", portal=portal, contact=contact, name=_name(contact),
        inputs=_inputs(portal, contact), notes=notes[::-1], events=told[::-1], row=contacts.everything(contact),
    )  # fmt: skip


def _name(contact: Contact) -> str:
    parts = (contact.values.get("firstname"), contact.values.get("lastname"))
    return " ".join(part for part in parts if part) or contact.email or str(contact.id)


def _inputs(portal: Portal, contact: Contact | None) -> list[Input]:
    found = []
    for item in portal.properties.values():
        if item["name"] in READ_ONLY:
            continue
        value = (contact.values.get(item["name"]) if contact else None) or ""
        if item["type"] == "enumeration":
            choices: list[tuple[Any, str]] = [("", "–"), *((row["value"], row["label"]) for row in item["options"])]
            found.append(Input(item["name"], item["label"], value, "select", choices))
        else:
            found.append(Input(item["name"], item["label"], value))
    return found


def _wish(control: ControlCall, *, drop_empty: bool) -> Record:
    form = dict(parse_qsl(control.incoming.body.decode("utf-8", "replace"), keep_blank_values=True))
    return {name: value.strip() for name, value in form.items() if value.strip() or not drop_empty}


def _saved(control: ControlCall, call: Call, contact: Contact | None) -> Contact:
    """Carry out what the form says; a refusal is shown in words."""
    try:
        wish = contacts.accepted(call, _wish(control, drop_empty=contact is None))
        if contact is None:
            made: Contact = contacts.guarded(lambda: changes.create(call, wish))
            return made
        present = contact
        contacts.guarded(lambda: changes.change(call, present, wish))
        return present
    except Refused as refused:
        text = refused.response.body.decode() if isinstance(refused.response.body, bytes) else "Refused"
        raise Refused(render("message.html", 400, title="Not accepted", text=text)) from refused


def create(control: ControlCall) -> Response:
    portal = portal_of(control)
    contact = _saved(control, at_the_screen(control, portal), None)
    return _back(control, contact)


def update(control: ControlCall) -> Response:
    portal = portal_of(control)
    contact = _saved(control, at_the_screen(control, portal), _living(control, portal))
    return _back(control, contact)


def delete(control: ControlCall) -> Response:
    portal = portal_of(control)
    changes.archive(at_the_screen(control, portal), _living(control, portal))
    return _back(control)


def forget(control: ControlCall) -> Response:
    portal = portal_of(control)
    changes.forget(at_the_screen(control, portal), _living(control, portal))
    return _back(control)


def merge_into(control: ControlCall) -> Response:
    portal = portal_of(control)
    loser = _living(control, portal)
    into = dict(parse_qsl(control.incoming.body.decode())).get("into", "")
    primary = portal.contacts.get(int(into)) if into.isdigit() else None
    if primary is None or primary is loser or primary.archived:
        return render("message.html", 400, title="Cannot merge", text="Give the id of another contact.")
    return _back(control, changes.merge(at_the_screen(control, portal), primary, loser))


def uninstall(control: ControlCall) -> Response:
    installs.uninstall(control.sandbox, portal_of(control))
    return _back(control)


def _living(control: ControlCall, portal: Portal) -> Contact:
    contact = contact_of(control, portal)
    if contact.archived:
        raise KeyError(f"contact {contact.id}")
    return contact


def _back(control: ControlCall, contact: Contact | None = None) -> Response:
    events.flush(control.sandbox)
    below = f"/contacts/{contact.id}" if contact else ""
    return redirect(f"/ui/hubspot/{portal_of(control).id}{below}")


PAGES: list[ControlRoute] = [
    ("GET", "{portal}", portal_page),
    ("POST", "{portal}/uninstall", uninstall),
    ("POST", "{portal}/contacts", create),
    ("GET", "{portal}/contacts/{id}", contact_page),
    ("POST", "{portal}/contacts/{id}", update),
    ("POST", "{portal}/contacts/{id}/delete", delete),
    ("POST", "{portal}/contacts/{id}/forget", forget),
    ("POST", "{portal}/contacts/{id}/merge", merge_into),
]
