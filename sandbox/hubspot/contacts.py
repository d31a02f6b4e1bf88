"""Single contacts: list, create, read, change, archive, merge, privacy deletion. The shape of a contact in answers."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.responses import Response

from sandbox.http import Record, Refused, reply
from sandbox.hubspot import changes, values
from sandbox.hubspot.api import CONTACTS_READ, CONTACTS_WRITE, Call, Endpoint, invalid, iso, not_found, refuse
from sandbox.hubspot.model import Contact, Values
from sandbox.hubspot.schema import DEFAULT_READ

PATH = "objects/contacts"
DEFAULT_PAGE, LARGEST_PAGE = 10, 100
NAMING = ("email", "firstname", "lastname")


def shown(call: Call, contact: Contact, names: list[str] | None = None, history: list[str] | None = None) -> Record:
    """A contact as answers show it: asked properties only, unknown ones silently missing."""
    wanted = list(dict.fromkeys((*DEFAULT_READ, *names))) if names else list(DEFAULT_READ)
    facts = everything(contact)
    found: Record = {
        "id": str(contact.id),
        "properties": {name: facts.get(name) for name in wanted if name in call.portal.properties},
        "createdAt": iso(contact.created),
        "updatedAt": iso(contact.updated),
        "archived": contact.archived,
    }
    if history:
        found["propertiesWithHistory"] = {name: contact.history.get(name, []) for name in history}
    return found


def everything(contact: Contact) -> Values:
    """All values, those HubSpot works out itself too."""
    return {
        **contact.values,
        "hs_object_id": str(contact.id),
        "createdate": iso(contact.created),
        "lastmodifieddate": iso(contact.updated),
        "hs_additional_emails": ";".join(contact.emails) or None,
        "hs_merged_object_ids": ";".join(map(str, contact.merged_ids)) or None,
    }


def find(call: Call, raw: str, id_property: str | None, *, archived: bool = False) -> Contact:
    """The contact by id (also one it was merged from) or by its address; anything else is 404."""
    if id_property == "email":
        contact = call.portal.by_address(raw)
    elif id_property in (None, "", "hs_object_id"):
        contact = call.portal.contacts.get(call.portal.survivor(int(raw))) if raw.isdigit() else None
    else:
        refuse(400, f"{id_property} is not a unique property")
    if contact is None or contact.archived is not archived:
        not_found()
    return contact


def names_in(call: Call, key: str = "properties") -> list[str]:
    return [name for part in call.incoming.query.getlist(key) for name in part.split(",") if name]


def list_contacts(call: Call) -> Response:
    query = call.incoming.query
    limit = _number(query.get("limit", str(DEFAULT_PAGE)))
    if not 0 < limit <= LARGEST_PAGE:
        refuse(400, f"limit must be between 1 and {LARGEST_PAGE}")
    after, archived = _number(query.get("after") or "0"), query.get("archived") == "true"
    fitting = (row for row in call.portal.contacts.values() if row.id >= after and row.archived is archived)
    rows = list(islice(fitting, limit + 1))  # ids only grow, so they stand in their order
    body: Record = {"results": [shown(call, row, names_in(call)) for row in rows[:limit]]}
    if len(rows) > limit:
        cursor = str(rows[limit].id)
        body["paging"] = {"next": {"after": cursor, "link": f"{call.sandbox.base_url}/hubspot?after={cursor}"}}
    return reply(body)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else refuse(400, f"{text} is not a number")


def create_contact(call: Call) -> Response:
    wish = accepted(call, call.body().get("properties"))
    if not any(wish.get(name) for name in NAMING):
        refuse(400, "A contact needs an email address, a first name or a last name")
    require(call, wish)
    contact = guarded(lambda: changes.create(call, wish))
    return reply(shown(call, contact, list(wish)), 201)


def read_contact(call: Call) -> Response:
    query = call.incoming.query
    contact = find(call, call.params["id"], query.get("idProperty"), archived=query.get("archived") == "true")
    found = shown(call, contact, names_in(call), names_in(call, "propertiesWithHistory"))
    if "notes" in names_in(call, "associations"):
        ids = [str(note.id) for note in call.portal.notes.values() if note.contact_id == contact.id]
        if ids:
            found["associations"] = {"notes": {"results": [{"id": key, "type": "contact_to_note"} for key in ids]}}
    return reply(found)


def update_contact(call: Call) -> Response:
    contact = find(call, call.params["id"], call.incoming.query.get("idProperty"))
    wish = accepted(call, call.body().get("properties"))
    guarded(lambda: changes.change(call, contact, wish))
    return reply(shown(call, contact, list(wish)))


def archive_contact(call: Call) -> Response:
    raw = call.params["id"]
    contact = call.portal.contacts.get(call.portal.survivor(int(raw))) if raw.isdigit() else None
    if contact is not None and not contact.archived:
        changes.archive(call, contact)
    return Response(status_code=204)


def merge_contacts(call: Call) -> Response:
    wish = call.body()
    primary, loser = (find(call, str(wish.get(key, "")), None) for key in ("primaryObjectId", "objectIdToMerge"))
    if primary is loser:
        refuse(400, "A record cannot be merged with itself")
    return reply(shown(call, changes.merge(call, primary, loser)))


def forget_contact(call: Call) -> Response:
    wish = call.body()
    raw, by = str(wish.get("objectId", "")), wish.get("idProperty")
    contact = (
        call.portal.by_address(raw) if by == "email" else call.portal.contacts.get(int(raw) if raw.isdigit() else 0)
    )
    if contact is not None:
        changes.forget(call, contact)
    elif by == "email":
        call.portal.blocked.add(raw.strip().lower())
    else:
        not_found()
    return Response(status_code=204)


def accepted(call: Call, wish: Any) -> Values:
    """The checked values; wrong ones are refused all at once."""
    found, errors = values.checked(call.portal, wish)
    if errors:
        invalid(errors)
    return found


def require(call: Call, wish: Values) -> None:
    """Rules an administrator set for new records count since version 2026-09 only."""
    for name in call.portal.options.get("required", ()) if call.version == "2026-09" else ():
        if not wish.get(name):
            code = "MISSING_REQUIRED_PROPERTY"
            refuse(400, f"Missing required property: {name}", errors=[{"message": name, "code": code}])


def guarded(action: Any) -> Any:
    """Run a write and word what stands in its way."""
    try:
        return action()
    except changes.Conflict as conflict:
        raise Refused(reply(conflict.record, 409)) from conflict
    except changes.Blocked:
        return refuse(400, "This address is blocked because its contact was deleted for privacy")


ENDPOINTS = [
    Endpoint("GET", PATH, list_contacts, CONTACTS_READ),
    Endpoint("POST", PATH, create_contact, CONTACTS_WRITE),
    Endpoint("GET", PATH + "/{id}", read_contact, CONTACTS_READ),
    Endpoint("PATCH", PATH + "/{id}", update_contact, CONTACTS_WRITE),
    Endpoint("DELETE", PATH + "/{id}", archive_contact, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/merge", merge_contacts, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/gdpr-delete", forget_contact, CONTACTS_WRITE),
]
