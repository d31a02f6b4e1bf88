"""Bulk synchronize: `POST /contacts` with its query rules and its report."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from starlette.responses import Response

from sandbox.maileon import document as doc
from sandbox.maileon.api import Call, Endpoint, child, error, xml, xml_body
from sandbox.maileon.contacts import add_contact, change
from sandbox.maileon.document import Bad, Document, checked_fields, from_xml, valid_email
from sandbox.maileon.model import Contact

MOST = 1000  # where the switch is not thrown


@dataclass(frozen=True)
class Rules:
    permission: int | None
    update: bool
    use_external_id: bool
    prefer_maileon_id: bool
    ignore_invalid: bool
    override_permission: bool
    reimport_unsubscribed: bool
    update_only: bool


@dataclass
class Report:
    counts: Counter[str] = field(default_factory=Counter)
    invalid: list[tuple[Document, Bad]] = field(default_factory=list)
    fatal: bool = False


def synchronize(call: Call) -> Response:
    rules = _read_rules(call)
    root = xml_body(call, "contacts")
    documents = [from_xml(item) for item in root.findall("contact")]
    if len(documents) > MOST and "maileon.most_in_bulk" not in call.sandbox.thrown:
        error(400, f"At most {MOST} contacts may be synchronized at once")
    report, accepted = _check(call, rules, documents)
    if report.fatal:
        return xml(_report(report, len(documents)), 400)
    for document in accepted:
        _apply(call, rules, document, report)
    return xml(_report(report, len(documents)))


def _read_rules(call: Call) -> Rules:
    raw = call.query.get("permission")
    if raw is not None and not re.fullmatch("[1-6]", raw):
        error(400, f"permission must be between 1 and 6 but was {raw}")
    mode = call.number("sync_mode", 2)
    if mode not in (1, 2):
        error(400, f"sync_mode must be 1 or 2 but was {mode}")
    use_external, prefer_id = call.flag("use_external_id"), call.flag("prefer_maileon_id")
    if use_external and prefer_id:
        error(400, "use_external_id and prefer_maileon_id must not both be true")
    return Rules(
        permission=None if raw is None else int(raw),
        update=mode == 1,
        use_external_id=use_external,
        prefer_maileon_id=prefer_id,
        ignore_invalid=call.flag("ignore_invalid_contacts"),
        override_permission=call.flag("override_permission", default=True),
        reimport_unsubscribed=call.flag("reimport_unsubscribed_contacts", default=True),
        update_only=call.flag("update_only"),
    )


def _check(call: Call, rules: Rules, documents: list[Document]) -> tuple[Report, list[Document]]:
    """Sort out bad contacts; a doubled identifier is reported and ignored, it does not fail the call."""
    report, accepted, seen = Report(), [], set()
    for document in documents:
        try:
            key = _identifier(call, rules, document)
            if key in seen:
                report.invalid.append((document, _double(rules)))
                continue
            checked_fields(call.account, document)
        except Bad as bad:
            report.invalid.append((document, bad))
            report.fatal = report.fatal or not rules.ignore_invalid
            continue
        seen.add(key)
        accepted.append(document)
    return report, accepted


def _double(rules: Rules) -> Bad:
    if rules.use_external_id:
        return Bad(doc.DUPLICATE_EXTERNAL_ID, "external_id", "duplicate")
    return Bad(doc.DUPLICATE_EMAIL, "email", "duplicate")


def _identifier(call: Call, rules: Rules, document: Document) -> str:
    """Return what the contact is identified by; raises Bad where that is missing or wrong."""
    if document.email and not valid_email(document.email):
        raise Bad(doc.INVALID_EMAIL, "email", "invalid")
    if rules.use_external_id:
        return _external_identifier(call, document)
    if rules.prefer_maileon_id and document.id and call.account.find_id(document.id):
        return f"id:{document.id}"
    if not document.email:
        raise Bad(doc.MISSING_EMAIL, "email", "missing")
    return f"email:{document.email.lower()}"


def _external_identifier(call: Call, document: Document) -> str:
    if not document.external_id:
        raise Bad(doc.MISSING_EXTERNAL_ID, "external_id", "missing")
    matches = call.account.find_external(document.external_id)
    if len(matches) > 1:
        raise Bad(doc.DUPLICATE_EXTERNAL_ID, "external_id", "not unique")
    if not document.email and not matches:
        raise Bad(doc.MISSING_EMAIL, "email", "missing")
    return f"external:{document.external_id}"


def _existing(call: Call, rules: Rules, document: Document) -> Contact | None:
    if rules.use_external_id:
        matches = call.account.find_external(document.external_id or "")
        return matches[0] if matches else call.account.find(document.email or "")
    if rules.prefer_maileon_id and document.id and (found := call.account.find_id(document.id)):
        return found
    return call.account.find(document.email or "")


def _apply(call: Call, rules: Rules, document: Document, report: Report) -> None:
    marked = (document.email or "").lower() in call.account.markers
    if marked and not rules.reimport_unsubscribed:
        report.counts["unsubscribed"] += 1
        return
    contact = _existing(call, rules, document)
    if contact is None:
        if not rules.update_only:
            add_contact(call, document.email or "", document.external_id, rules.permission or 1, document)
            report.counts["new"] += 1
        return
    report.counts["existing"] += 1
    if rules.update:
        _update(call, rules, contact, document)


def _update(call: Call, rules: Rules, contact: Contact, document: Document) -> None:
    """Update fields; the permission of an existing contact is overridden unless told otherwise."""
    other = call.account.find(document.email) if document.email else None
    email = document.email if other is None or other.id == contact.id else None
    change(call, contact, document, email)
    if rules.override_permission and rules.permission is not None:
        contact.permission = rules.permission


def _report(report: Report, total: int) -> Element:
    root = Element("report")
    child(root, "success", not report.fatal)
    child(root, "count_contacts", total)
    child(root, "count_new_contacts", report.counts["new"])
    child(root, "count_existing_contacts", report.counts["existing"])
    child(root, "count_unsubscribed_contacts", report.counts["unsubscribed"])
    child(root, "count_invalid_contacts", len(report.invalid))
    parent = SubElement(root, "invalid_contacts")
    for document, bad in report.invalid:
        item = SubElement(parent, "contact")
        child(item, "email", document.email)
        child(item, "external_id", document.external_id)
        problem = SubElement(item, "error", {"code": str(bad.code)})
        SubElement(problem, "error_field").text = bad.name
    return root


ENDPOINTS = [Endpoint("POST", "contacts", synchronize)]
