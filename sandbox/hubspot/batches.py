"""Batch calls of up to a hundred contacts: 207 with an error per record, or the whole batch refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from starlette.responses import Response

from sandbox.http import Record, Refused, reply
from sandbox.hubspot import changes, values
from sandbox.hubspot.api import CONTACTS_READ, CONTACTS_WRITE, Call, Endpoint, batch, problem, refuse, words_for
from sandbox.hubspot.contacts import PATH, shown
from sandbox.hubspot.model import Contact


def read(call: Call) -> Response:
    """Unknown, archived and merged ids are errors of a 207. A secondary address finds its contact."""
    wish, inputs = call.body(), call.inputs()
    by, names = wish.get("idProperty"), [str(name) for name in wish.get("properties") or ()]
    archived = call.incoming.query.get("archived") == "true"
    found: dict[int, Contact] = {}
    missing: list[str] = []
    for item in inputs:
        key = str(item.get("id", ""))
        contact = call.portal.by_address(key) if by == "email" else _by_id(call, key)
        if contact is None or contact.archived is not archived:
            missing.append(key)
        else:
            found[contact.id] = contact
    errors = [problem("Could not get some CONTACT objects", "OBJECT_NOT_FOUND", context={"ids": missing})]
    return batch(call, [shown(call, row, names) for row in found.values()], errors if missing else [])


def _by_id(call: Call, key: str) -> Contact | None:
    return call.portal.contacts.get(int(key)) if key.isdigit() else None


def create(call: Call) -> Response:
    """With a unique trace id per input, bad records fail alone; without, the first conflict refuses all."""
    inputs = call.inputs()
    traces = [item.get("objectWriteTraceId") for item in inputs]
    apart = all(traces) and len(set(traces)) == len(traces)
    rows: list[Record] = []
    errors: list[Record] = []
    if not apart:
        _refuse_any(call, inputs)
    for item in inputs:
        wish, wrong = values.checked(call.portal, item.get("properties"))
        try:
            if wrong:
                raise Refused(reply(problem(words_for(wrong)), 400))
            contact = changes.create(call, wish)
        except changes.Conflict as conflict:
            errors.append(conflict.record | {"context": {"objectWriteTraceId": [item.get("objectWriteTraceId")]}})
        except (Refused, changes.Blocked):
            words = words_for(wrong) if wrong else "This address is blocked"
            errors.append(problem(words, context={"objectWriteTraceId": [item.get("objectWriteTraceId")]}))
        else:
            rows.append(shown(call, contact, list(wish)))
    return batch(call, rows, errors, 201)


def _refuse_any(call: Call, inputs: list[Record]) -> None:
    seen: set[str] = set()
    for item in inputs:
        wish, wrong = values.checked(call.portal, item.get("properties"))
        if wrong:
            refuse(400, words_for(wrong))
        address = wish.get("email") or ""
        if address and address in seen:
            refuse(409, "Contact already exists. Existing ID: 0", "CONFLICT")
        seen.add(address)
        try:
            changes.refuse_taken(call.portal, address, None)
        except changes.Conflict as conflict:
            raise Refused(reply(conflict.record, 409)) from conflict
        except changes.Blocked:
            refuse(400, "This address is blocked because its contact was deleted for privacy")


def update(call: Call) -> Response:
    """By record id or, per input, by address. Ids a merge has replaced are not known here."""
    return _write(call, lambda item, contact: contact is not None)


def upsert(call: Call) -> Response:
    return _write(call, lambda item, contact: True)


def _write(call: Call, may: Callable[[Record, Contact | None], bool]) -> Response:
    inputs = call.inputs()
    refuse_doubles(inputs)
    rows: list[Record] = []
    errors: list[Record] = []
    for item in inputs:
        key, by = str(item.get("id", "")), item.get("idProperty")
        contact = call.portal.by_address(key) if by == "email" else _by_id(call, key)
        wish, wrong = values.checked(call.portal, item.get("properties"))
        if wrong:
            refuse(400, words_for(wrong))
        if contact is not None and contact.archived:
            contact = None
        if not may(item, contact):
            errors.append(problem(f"Object not found: {key}", "OBJECT_NOT_FOUND", context={"ids": [key]}))
            continue
        try:
            fresh = contact is None
            if contact is None:
                contact = changes.create(call, {"email": key, **wish} if by == "email" else wish)
            else:
                changes.change(call, contact, wish)
        except changes.Conflict as conflict:
            raise Refused(reply(conflict.record, 409)) from conflict
        except changes.Blocked:
            errors.append(problem("This address is blocked", context={"ids": [key]}))
            continue
        rows.append(shown(call, contact, list(wish)) | {"new": fresh})
    return batch(call, rows, errors)


def refuse_doubles(inputs: list[Record]) -> None:
    doubled = [key for key, count in Counter(str(item.get("id", "")) for item in inputs).items() if count > 1]
    if doubled:
        words = f"Duplicate IDs found in batch input: [{', '.join(doubled)}]. IDs must be unique"
        refuse(400, words, context={"ids": doubled})


def archive(call: Call) -> Response:
    for item in call.inputs():
        contact = _by_id(call, str(item.get("id", "")))
        if contact is not None and not contact.archived:
            changes.archive(call, contact)
    return Response(status_code=204)


ENDPOINTS = [
    Endpoint("POST", PATH + "/batch/read", read, CONTACTS_READ),
    Endpoint("POST", PATH + "/batch/create", create, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/batch/update", update, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/batch/upsert", upsert, CONTACTS_WRITE),
    Endpoint("POST", PATH + "/batch/archive", archive, CONTACTS_WRITE),
]
