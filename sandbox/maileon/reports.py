"""Reports: unsubscriptions, subscribers (confirmed DOI), bounces and blocks, with count twins."""

from __future__ import annotations

from functools import partial
from xml.etree.ElementTree import Element, SubElement

from starlette.responses import Response

from sandbox.http import Record
from sandbox.maileon.api import Call, Endpoint, child, error, local, number_reply, page, xml
from sandbox.maileon.model import PERMISSION_NAMES

ITEM = {"unsubscriptions": "unsubscription", "subscribers": "subscriber", "bounces": "bounce", "blocks": "block"}
DETAILS = {
    "unsubscriptions": ("mailing_id", "source", "msg_id"),
    "subscribers": ("subscription_page",),
    "bounces": ("mailing_id", "type", "status_code", "source"),
    "blocks": ("reason", "old_status", "new_status"),
}


def read_report(name: str, call: Call) -> Response:
    rows, headers = page(call, _select(name, call))
    root = Element(name)
    for row in rows:
        root.append(_element(name, call, row))
    return xml(root, 200, headers)


def count_report(name: str, call: Call) -> Response:
    return number_reply("count", len(_select(name, call)))


def unsubscription_reasons(call: Call) -> Response:
    root = Element("unsubscription_reasons")
    for row in _select("unsubscriptions", call):
        for reason in row["reasons"]:
            child(root, "reason", reason)
    return xml(root)


def _select(name: str, call: Call) -> list[Record]:
    start, end = _moment(call, "from_date"), _moment(call, "to_date")
    sets = {key: set(call.many(query)) for key, query in (("contact_id", "ids"), ("external_id", "eids"),
                                                          ("mailing_id", "mailing_id"), ("source", "source"),
                                                          ("type", "type"))}  # fmt: skip
    emails = {email.lower() for email in call.many("emails")}
    hide = _hide_anonymous(name, call)
    return [
        row
        for row in call.account.reports[name]
        if (start is None or row["at"].timestamp() * 1000 >= start)
        and (end is None or row["at"].timestamp() * 1000 < end)
        and all(not wanted or str(row.get(key)) in wanted for key, wanted in sets.items())
        and (not emails or row["email"].lower() in emails)
        and not (hide and _anonymous(call, row))
    ]


def _hide_anonymous(name: str, call: Call) -> bool:
    if name == "subscribers":
        return call.flag("exclude_anonymous_contacts", default=True)
    return call.flag("exclude_anonymous") or call.flag("exclude_anonymous_contacts")


def _moment(call: Call, name: str) -> int | None:
    raw = call.query.get(name)
    if raw is None:
        return None
    if not raw.isdigit():
        error(400, f"{name} must be milliseconds but was {raw}")
    return int(raw)


def _anonymous(call: Call, row: Record) -> bool:
    contact = call.account.contacts.get(row["contact_id"])
    return contact is None or contact.anonymous


def _element(name: str, call: Call, row: Record) -> Element:
    root = Element(ITEM[name])
    child(root, "timestamp", local(call.sandbox, row["at"]))
    root.append(_contact(call, row))
    for key in DETAILS[name]:
        if row.get(key) is not None:
            child(root, key, row[key])
    return root


def _contact(call: Call, row: Record) -> Element:
    """Write the contact of a row; an anonymised one keeps only its ids."""
    root = Element("contact")
    SubElement(root, "id").text = str(row["contact_id"])
    if _anonymous(call, row):
        root.set("anonymous", "true")
    else:
        contact = call.account.contacts[row["contact_id"]]
        child(root, "email", contact.email)
        child(root, "permissionType", PERMISSION_NAMES[contact.permission])
        child(root, "created", contact.created)
        child(root, "updated", contact.updated)
    child(root, "external_id", row["external_id"])
    return root


ENDPOINTS = [
    *(Endpoint("GET", f"reports/{name}", partial(read_report, name)) for name in ITEM),
    *(Endpoint("GET", f"reports/{name}/count", partial(count_report, name)) for name in ITEM),
    Endpoint("GET", "reports/unsubscriptions/reasons", unsubscription_reasons),
]
