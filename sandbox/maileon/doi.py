"""The double opt-in process: a mail with a link, and what the click on it does."""

from __future__ import annotations

from sandbox.http import Record
from sandbox.maileon import deliveries
from sandbox.maileon.api import Call, error, stamp
from sandbox.maileon.model import DOI_PERMISSIONS, Account, Contact, DoiMail
from sandbox.state import Sandbox


def chosen_mailing(call: Call) -> str:
    """Return the mailing key; with none given and no default in the account the call fails."""
    key = call.query.get("doimailing") or call.account.default_doi_mailing
    if not key:
        error(400, "No DOI mailing given and the account has no default DOI mailing")
    if not key.isalnum():
        error(400, f"doimailing must be alphanumeric but was {key}")
    return key


def start(call: Call, contact: Contact, mailing: str, *, plus: bool) -> None:
    """Send the mail, unless the contact confirmed before; an unknown mailing key sends nothing and says nothing."""
    account = call.account
    if contact.permission in DOI_PERMISSIONS and not (
        account.resend_doi or "maileon.resend_doi" in call.sandbox.thrown
    ):
        return
    if account.doi_mailings is not None and mailing not in account.doi_mailings:
        return
    mail = DoiMail(account.next("doi_mail"), contact.id, contact.email, mailing, plus, call.now())
    account.doi_mails.append(mail)


def click(sandbox: Sandbox, account: Account, email: str) -> Record | None:
    """The person clicks the newest mail's link; only the first click of a mail fires the webhook."""
    contact = account.find(email)
    mails = [mail for mail in account.doi_mails if contact is not None and mail.contact_id == contact.id]
    if contact is None or not mails:
        return None
    mail = mails[-1]
    if mail.clicked_at is not None:
        return {"permission": contact.permission, "first_click": False}
    now = stamp(sandbox)
    mail.clicked_at = contact.updated = now
    contact.permission = 5 if mail.plus else 4
    account.reports["subscribers"].append(
        {"at": sandbox.clock.now(), "contact_id": contact.id, "email": contact.email,
         "external_id": contact.external_id, "subscription_page": contact.subscription_page}
    )  # fmt: skip
    deliveries.announce(sandbox, account, "doi", contact, {"msg_id": mail.id})
    return {"permission": contact.permission, "first_click": True}
