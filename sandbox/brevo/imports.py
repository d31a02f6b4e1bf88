"""The bulk import: taken at once, done later, without an answer per row. Unknown attributes fall away silently.

So does the boolean false, and what is told of rows that were left out is the address of a report: see assumptions.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.brevo import deliveries, identity, lists, processes, values
from sandbox.brevo.api import CONTACTS, Call, Endpoint, error, integers
from sandbox.brevo.contacts import add
from sandbox.brevo.document import shown_attributes
from sandbox.brevo.model import Contact, ContactList
from sandbox.http import Record, Refused, reply

BODIES = ("jsonBody", "fileBody", "fileUrl")
KEYS = {*BODIES, "listIds", "newList", "updateExistingContacts", "emptyContactsAttributes", "emailBlacklist",
        "smsBlacklist", "disableNotification", "notifyUrl", "consentGroupIds"}  # fmt: skip
MOST_BYTES = 10_000_000
REPORT_URL = "https://reports.brevo.example/import"
REPORTS = {"EMAIL": "duplicate_email_id", "SMS": "duplicate_phone_id", "EXT_ID": "duplicate_ext_id",
            "WHATSAPP": "duplicate_whatsapp_id", "LANDLINE_NUMBER": "duplicate_landline_number_id"}  # fmt: skip


def start(call: Call) -> Response:
    wish = _checked(call)
    rows = _rows(wish)
    target = _lists(call, wish)
    work = partial(_work, call, wish, rows, target)
    number = processes.start(call, "IMPORTUSER", work, wish.get("notifyUrl") or "", rows)
    return reply({"processId": number}, 202)


def _checked(call: Call) -> Record:
    if len(call.incoming.body) > MOST_BYTES:
        error(400, "out_of_range", "Maximum allowed body size is 10MB")
    wish = call.body()
    for name in wish.keys() - KEYS:
        error(400, "invalid_parameter", f"{name} is not valid")
    if sum(wish.get(name) is not None for name in BODIES) != 1:
        error(400, "missing_parameter", "One of fileUrl, fileBody or jsonBody is required")
    if wish.get("emptyContactsAttributes") and wish.get("updateExistingContacts") is False:
        error(400, "invalid_parameter", "emptyContactsAttributes needs updateExistingContacts")
    return wish


def _rows(wish: Record) -> list[Record]:
    if "fileUrl" in wish:
        error(400, "invalid_parameter", "The stand-in reads no files from elsewhere")
    if "fileBody" in wish:
        lines = list(csv.DictReader(io.StringIO(wish["fileBody"].replace("\\n", "\n")), delimiter=";"))
        return [{"email": line.pop("EMAIL", ""), "attributes": dict(line)} for line in lines]
    rows = wish["jsonBody"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        error(400, "invalid_parameter", "jsonBody should be an array of contacts")
    return rows


def _lists(call: Call, wish: Record) -> list[int]:
    ids = integers(wish, "listIds")
    if wish.get("newList"):
        made = ContactList(call.account.next("list"), wish["newList"]["listName"], wish["newList"].get("folderId", 1))
        call.account.lists[made.id] = made
        return [*ids, made.id]
    if not ids:
        error(400, "missing_parameter", "listIds or newList is missing")
    if unknown := [number for number in ids if number not in call.account.lists]:
        error(400, "invalid_parameter", f"List ID {unknown[0]} does not exist")
    return ids


def _work(call: Call, wish: Record, rows: Sequence[Record], target: Sequence[int]) -> Record:
    counts: Counter[str] = Counter()
    taken: list[Contact] = []
    changed: list[Contact] = []
    for row in rows:
        problem, contact, differs = _take(call, wish, row)
        counts[problem] += bool(problem)
        if contact is not None:
            taken.append(contact)
            changed += [contact] if differs else []
    lists.join(call, taken, target, bulk=True)
    deliveries.updated_many(call.sandbox, call.account, changed, call.key_name)
    names = ("invalid_emails", "duplicate_contact_id", *REPORTS.values())
    if "brevo.report_form" in call.sandbox.thrown:
        return {"import": {name: counts[name] for name in names}}
    return {"import": {name: f"{REPORT_URL}/{name}.csv" if counts[name] else None for name in names}}


def _take(call: Call, wish: Record, row: Record) -> tuple[str, Contact | None, bool]:
    """One row: the report it is in, the contact it made or met, and whether it changed an existing one."""
    given_values = row.get("attributes") or {}
    keeps_false = "brevo.import_false" in call.sandbox.thrown
    attributes: Record = {
        str(name).upper(): value for name, value in given_values.items() if value is not False or keeps_false
    }
    try:
        phones = values.phones(attributes)
        given = identity.wanted({"email": row.get("email"), "attributes": attributes}, phones)
    except Refused:
        return "invalid_emails", None, False
    if not given:
        return "invalid_emails", None, False
    contact = call.account.find("EMAIL", given["EMAIL"]) if "EMAIL" in given else None
    contact = contact or (call.account.find("EXT_ID", given["EXT_ID"]) if "EXT_ID" in given else None)
    if clash := identity.clashes(call.account, given, contact):
        return REPORTS[next(iter(clash))], None, False
    if contact is not None and wish.get("updateExistingContacts") is False:
        return "", contact, False
    fresh = contact is None
    found = add(call, given) if contact is None else contact
    before = shown_attributes(found)
    _apply(call, found, wish, {**attributes, **phones}, given, phones)
    differs = not fresh and shown_attributes(found) != before
    found.modified = call.now() if fresh or differs else found.modified
    return "", found, differs


def _apply(
    call: Call, contact: Contact, wish: Record, given: Record, identifiers: dict[str, Any], phones: Record
) -> None:
    """Empty values are passed over, or with emptyContactsAttributes erase. The blocklist flag is for all rows."""
    fresh = values.fitting(call.account, given) | phones
    fresh |= {"EXT_ID": identifiers["EXT_ID"]} if "EXT_ID" in identifiers else {}
    if not wish.get("emptyContactsAttributes"):
        fresh = {name: value for name, value in fresh.items() if value is not None}
    merged = contact.attributes | fresh
    contact.attributes = {name: value for name, value in merged.items() if value is not None}
    contact.email_blacklisted = contact.email_blacklisted or wish.get("emailBlacklist") is True
    contact.sms_blacklisted = contact.sms_blacklisted or wish.get("smsBlacklist") is True
    call.account.index_contact(contact)


ENDPOINTS = [Endpoint("POST", "contacts/import", start, CONTACTS)]
