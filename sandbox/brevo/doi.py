"""Double opt-in: the mail, and the click that puts the contact on its lists."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.brevo import lists, values
from sandbox.brevo.api import CONTACTS, Call, Endpoint, empty, error, integers
from sandbox.brevo.contacts import add
from sandbox.brevo.model import DoiMail

REQUIRED = ("email", "includeListIds", "templateId", "redirectionUrl")


def start(call: Call) -> Response:
    """201 for a new address, 204 for a known one; either way the lists are joined only by the click."""
    wish = call.body()
    if missing := [name for name in REQUIRED if not wish.get(name)]:
        error(400, "missing_parameter", f"{missing[0]} is missing")
    if not values.valid_email(wish["email"]):
        error(400, "invalid_parameter", "Invalid email address")
    if wish["templateId"] not in call.account.templates:
        error(400, "invalid_parameter", "Template is not valid")
    target = integers(wish, "includeListIds")
    if any(number not in call.account.lists for number in target):
        error(400, "invalid_parameter", "List ID does not exist")
    mail = DoiMail(wish["email"], wish["templateId"], target, wish.get("attributes") or {}, call.now())
    call.account.doi_mails.append(mail)
    return empty(204 if call.account.find("EMAIL", wish["email"]) else 201)


def click(call: Call, email: str) -> DoiMail | None:
    """The person clicks the newest mail; None without one."""
    mail = next((row for row in reversed(call.account.doi_mails) if row.email.lower() == email.lower()), None)
    if mail is None:
        return None
    mail.clicked_at = call.now()
    contact = call.account.find("EMAIL", email) or add(call, {"EMAIL": email})
    contact.attributes |= values.fitting(call.account, mail.attributes)
    contact.modified = call.now()
    call.account.index_contact(contact)
    lists.join(call, [contact], mail.lists)
    return mail


ENDPOINTS = [Endpoint("POST", "contacts/doubleOptinConfirmation", start, CONTACTS)]
