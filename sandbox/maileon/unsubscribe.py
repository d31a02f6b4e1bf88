"""Unsubscribing, the unsubscription marker and reasons."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from sandbox.maileon import deliveries
from sandbox.maileon.api import Call, Endpoint, empty, error
from sandbox.maileon.document import valid_email
from sandbox.maileon.model import Account, Contact
from sandbox.state import Sandbox

REASONS = (
    "too_many_messages", "no_demand", "change_of_channel", "change_of_interest", "technical_reasons", "other",
)  # fmt: skip


def leave(
    sandbox: Sandbox, account: Account, contact: Contact, method: str, *, msg_id: int | None = None,
    mailing_id: str | None = None, reasons: list[str] | None = None,
) -> None:  # fmt: skip
    """Accept an unsubscription: marker, report and webhook at once, anonymised a moment later."""
    if contact.unsubscribed_at is not None:
        return
    now = sandbox.clock.seconds()
    contact.unsubscribed_at = now
    account.markers.add(contact.email.lower())
    account.leaving.append((now + account.unsubscribe_delay_s, contact.id))
    account.reports["unsubscriptions"].append(
        {"at": sandbox.clock.now(), "contact_id": contact.id, "email": contact.email,
         "external_id": contact.external_id, "source": method, "mailing_id": mailing_id, "msg_id": msg_id,
         "reasons": reasons or []}
    )  # fmt: skip
    deliveries.announce(
        sandbox, account, "unsubscription", contact, {"msg_id": _shown_id(sandbox, msg_id), "method": method}
    )


def _shown_id(sandbox: Sandbox, msg_id: int | None) -> int | str | None:
    return msg_id if msg_id is None or "maileon.msg_id" in sandbox.thrown else str(msg_id)


def by_email(call: Call) -> Response:
    return _unsubscribe(call, lambda account: _some(account.find(call.params["email"])))


def by_external_id(call: Call) -> Response:
    return _unsubscribe(call, lambda account: account.find_external(call.params["eid"]))


def by_id(call: Call) -> Response:
    contact = call.account.find_id(call.query.get("id"))
    return _unsubscribe(call, lambda account: _some(contact if account is call.account else None))


def _some(contact: Contact | None) -> list[Contact]:
    return [] if contact is None else [contact]


def _unsubscribe(call: Call, find: Callable[[Account], list[Contact]]) -> Response:
    mailing_id = call.query.get("mailingId")
    if mailing_id is not None and mailing_id not in call.account.sealed_mailings:
        error(400, f"Mailing {mailing_id} is not sealed")
    reasons = _reasons(call)
    hits = [(account, contact) for account in _accounts(call) for contact in find(account)]
    if not hits:
        error(404, "Contact not found")
    for account, contact in hits:
        method = "api" if "maileon.unsubscribe_method" in call.sandbox.thrown else "other"
        leave(call.sandbox, account, contact, method, mailing_id=mailing_id, reasons=reasons)
    return empty()


def _accounts(call: Call) -> list[Account]:
    """Return the accounts named by nlaccountid; those of other customers are ignored."""
    wanted = call.many("nlaccountid")
    if not wanted:
        return [call.account]
    siblings = call.sandbox.maileon.accounts.values()
    return [item for item in siblings if str(item.id) in wanted and item.customer_id == call.account.customer_id]


def _reasons(call: Call) -> list[str]:
    reasons = call.many("reason")
    for reason in reasons:
        if reason.split("|")[0] not in REASONS:
            error(400, f"Unknown reason {reason}")
    return reasons


def add_reasons(call: Call) -> Response:
    raw = call.query.get("id", "")
    contact = call.account.contacts.get(int(raw)) if raw.isdigit() else None
    if contact is None:
        error(404, "Contact not found")
    if contact.unsubscribed_at is None:
        error(400, "The contact is not unsubscribed")
    reasons = _reasons(call)
    for row in call.account.reports["unsubscriptions"]:
        if row["contact_id"] == contact.id:
            row["reasons"] += reasons
    return empty()


def _marked_email(call: Call) -> str:
    if not valid_email(call.params["email"]):
        error(400, "Invalid email address")
    return call.params["email"].lower()


def get_marker(call: Call) -> Response:
    return empty(200) if _marked_email(call) in call.account.markers else error(404, "No unsubscription marker")


def set_marker(call: Call) -> Response:
    email = _marked_email(call)
    known = email in call.account.markers
    call.account.markers.add(email)
    return empty(200 if known else 201)


def delete_marker(call: Call) -> Response:
    email = _marked_email(call)
    if email not in call.account.markers:
        error(404, "No unsubscription marker")
    call.account.markers.discard(email)
    return empty(200)


ENDPOINTS = [
    Endpoint("DELETE", "contacts/email/{email}/unsubscribe", by_email),
    Endpoint("DELETE", "contacts/externalid/{eid}/unsubscribe", by_external_id),
    Endpoint("DELETE", "contacts/contact/unsubscribe", by_id),
    Endpoint("PUT", "contacts/contact/unsubscribe/reasons", add_reasons),
    Endpoint("GET", "contacts/email/{email}/unsubscription", get_marker),
    Endpoint("PUT", "contacts/email/{email}/unsubscription", set_marker),
    Endpoint("DELETE", "contacts/email/{email}/unsubscription", delete_marker),
]
