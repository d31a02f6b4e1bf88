"""A contact's timeline: notes, which every app may write, and app events for apps that HubSpot has approved."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.hubspot.api import CONTACTS_WRITE, TIMELINE, Call, Endpoint, batch, iso, not_found, problem, refuse
from sandbox.hubspot.contacts import names_in
from sandbox.hubspot.model import Note

PATH = "objects/notes"
NOTE_TO_CONTACT = 202
LONGEST_BODY = 65_536


def create_note(call: Call) -> Response:
    wish = call.body()
    values = wish.get("properties") or {}
    if "hs_timestamp" not in values:
        refuse(400, "hs_timestamp is required")
    if len(str(values.get("hs_note_body", ""))) > LONGEST_BODY:
        refuse(400, f"hs_note_body must not exceed {LONGEST_BODY} characters")
    contact_id = _target(call, wish)
    note = Note(call.portal.next_id(), contact_id, {key: str(value) for key, value in values.items()}, call.now())
    call.portal.notes[note.id] = note
    return reply(shown(note, list(values)), 201)


def _target(call: Call, wish: Record) -> int:
    """The contact the note belongs to; 0 for a note that belongs to nobody."""
    for item in wish.get("associations") or ():
        kinds = {kind.get("associationTypeId") for kind in item.get("types") or ()}
        if kinds != {NOTE_TO_CONTACT}:
            refuse(400, "associationTypeId is not valid between a note and a contact")
        raw = str((item.get("to") or {}).get("id", ""))
        contact_id = call.portal.survivor(int(raw)) if raw.isdigit() else 0
        if contact_id not in call.portal.contacts:
            refuse(400, f"Object {raw} to associate with was not found", "OBJECT_NOT_FOUND")
        return contact_id
    return 0


def shown(note: Note, names: list[str]) -> Record:
    facts = {
        **note.values,
        "hs_object_id": str(note.id),
        "hs_createdate": iso(note.created),
        "hs_lastmodifieddate": iso(note.created),
    }
    wanted = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id", *names)
    moment = iso(note.created)
    values = {name: facts.get(name) for name in wanted}
    return {"id": str(note.id), "properties": values, "createdAt": moment, "updatedAt": moment, "archived": False}


def read_note(call: Call) -> Response:
    raw = call.params["id"]
    note = call.portal.notes.get(int(raw)) if raw.isdigit() else None
    return reply(shown(note, names_in(call))) if note else not_found()


def read_notes(call: Call) -> Response:
    names = [str(name) for name in call.body().get("properties") or ()]
    keys = [str(item.get("id", "")) for item in call.inputs()]
    found = {key: call.portal.notes.get(int(key)) if key.isdigit() else None for key in keys}
    missing = [key for key, note in found.items() if note is None]
    errors = [problem("Could not get some NOTE objects", "OBJECT_NOT_FOUND", context={"ids": missing})]
    return batch(call, [shown(note, names) for note in found.values() if note], errors if missing else [])


def send_event(call: Call) -> Response:
    """An event of the app; its id makes it unique and cannot be used twice."""
    wish = call.body()
    kind, key = str(wish.get("eventTypeName", "")), str(wish.get("id", ""))
    app = call.actor.app
    if app is None or kind not in app.event_types:
        refuse(400, f"The event type {kind} does not exist")
    raw = str(wish.get("objectId", ""))
    contact = call.portal.contacts.get(call.portal.survivor(int(raw))) if raw.isdigit() else None
    if contact is None and not wish.get("email"):
        refuse(400, "objectId, email or utk is required")
    if key and (kind, key) in call.portal.app_events:
        refuse(409, f"An event with the id {key} already exists", "CONFLICT")
    stored = wish | {"objectId": str(contact.id) if contact else "", "createdAt": iso(call.now())}
    call.portal.app_events[kind, key or str(call.portal.next_id())] = stored
    return reply(stored, 201)


ENDPOINTS = [
    Endpoint("POST", PATH, create_note, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/batch/read", read_notes, CONTACTS_WRITE),
    Endpoint("GET", PATH + "/{id}", read_note, CONTACTS_WRITE),
    Endpoint("POST", "timeline/events", send_event, TIMELINE),
]
