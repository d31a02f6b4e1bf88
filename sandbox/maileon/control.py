"""Maileon's part of the control API: accounts, and what a subscriber or a person in the vendor's pages does."""

from __future__ import annotations

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record
from sandbox.maileon import deliveries, doi, unsubscribe
from sandbox.maileon.api import stamp
from sandbox.maileon.document import permission_status
from sandbox.maileon.model import Account, Contact

SETTINGS = (
    "name", "expired", "default_doi_mailing", "resend_doi", "unsubscribe_delay_s", "customer_id",
)  # fmt: skip


def account_of(control: ControlCall) -> Account:
    account = control.sandbox.maileon.accounts[int(control.params["account"])]
    account.settle(control.sandbox.clock.seconds())
    return account


def contact_of(control: ControlCall, account: Account, wish: Record) -> Contact:
    contact = account.find(wish["email"]) if "email" in wish else account.find_id(wish.get("id"))
    if contact is None:
        raise KeyError(wish.get("email") or wish.get("id"))
    return contact


def create_account(control: ControlCall) -> Record:
    wish = control.body()
    account = control.sandbox.maileon.add(wish.get("name"), wish.get("api_key"))
    _apply(account, wish)
    return described(control, account)


def change_account(control: ControlCall) -> Record:
    account = account_of(control)
    _apply(account, control.body())
    return described(control, account)


def _apply(account: Account, wish: Record) -> None:
    for key in SETTINGS:
        if key in wish:
            setattr(account, key, wish[key])
    if "verbs" in wish:
        account.verbs = {str(verb).upper() for verb in wish["verbs"]}
    if "doi_mailings" in wish:
        account.doi_mailings = None if wish["doi_mailings"] is None else set(wish["doi_mailings"])
    account.sealed_mailings |= {str(item) for item in wish.get("sealed_mailings", ())}
    account.custom_fields |= wish.get("custom_fields", {})


def list_accounts(control: ControlCall) -> list[Record]:
    return [described(control, account) for account in control.sandbox.maileon.accounts.values()]


def described(control: ControlCall, account: Account) -> Record:
    return {
        "id": account.id,
        "name": account.name,
        "api_key": account.api_key,
        "verbs": sorted(account.verbs),
        "expired": account.expired,
        "default_doi_mailing": account.default_doi_mailing,
        "url": f"{control.sandbox.base_url}/maileon/1.0",
    }


def click_doi(control: ControlCall) -> Record:
    email = control.body()["email"]
    outcome = doi.click(control.sandbox, account_of(control), email)
    if outcome is None:
        raise KeyError(f"DOI mail for {email}")
    return outcome


def leave(control: ControlCall) -> Record:
    account, wish = account_of(control), control.body()
    contact = contact_of(control, account, wish)
    method = wish.get("method", "link")
    unsubscribe.leave(control.sandbox, account, contact, method, msg_id=wish.get("msg_id", 1))
    return {"id": contact.id, "method": method}


def bounce(control: ControlCall) -> Record:
    """A mail bounces: report row and webhook; a permanent one blocks the contact."""
    account, wish = account_of(control), control.body()
    contact = contact_of(control, account, wish)
    kind = wish.get("type", "permanent")
    row = {"at": control.sandbox.clock.now(), "contact_id": contact.id, "email": contact.email,
           "external_id": contact.external_id}  # fmt: skip
    account.reports["bounces"].append(row | {"type": kind, "status_code": "5.1.1", "source": "mta-listener"})
    if kind == "permanent":
        contact.blocked, contact.blocked_at = "bounce_policy", stamp(control.sandbox)
        change = {"reason": "bounce_policy", "old_status": "allowed", "new_status": "blocked"}
        account.reports["blocks"].append(row | change)
    deliveries.announce(control.sandbox, account, "bounce", contact, {"msg_id": wish.get("msg_id", 1)})
    return {"id": contact.id, "blocked": contact.blocked}


def delete_contact(control: ControlCall) -> Record:
    account = account_of(control)
    contact = contact_of(control, account, {"email": control.params["email"]})
    account.erase(contact)
    return {"id": contact.id}


def sign_up(control: ControlCall) -> Record:
    """Somebody comes in by another way: a form, an upload, a person at the desk. No webhook tells of it."""
    account, wish = account_of(control), control.body()
    if account.find(wish["email"]) is not None:
        raise ValueError(f"{wish['email']} is a contact already")
    now = stamp(control.sandbox)
    checksum = f"{control.sandbox.maileon.rng.getrandbits(64):016x}"
    number = account.next("contact", 4711)
    contact = Contact(number, wish["email"], None, int(wish.get("permission", 1)), now, now, checksum)
    account.contacts[number], account.by_email[contact.email.lower()] = contact, number
    _edit(contact, wish)
    return {"id": number}


def edit_contact(control: ControlCall) -> Record:
    """Somebody changes a contact's fields or its address in the vendor's pages. No webhook tells of it."""
    account, wish = account_of(control), control.body()
    contact = contact_of(control, account, {"email": control.params["email"]})
    if wish.get("email"):
        account.rename(contact, wish["email"])
    _edit(contact, wish)
    contact.updated = stamp(control.sandbox)
    return shown(account, contact)


def _edit(contact: Contact, wish: Record) -> None:
    contact.standard.update(wish.get("standard", {}))
    contact.custom.update(wish.get("custom", {}))


def contacts(control: ControlCall) -> Record:
    """Return the whole subscriber state, the anonymised included."""
    account = account_of(control)
    return {
        "contacts": [shown(account, contact) for contact in account.contacts.values()],
        "unsubscribed": [_plain(row) for row in account.reports["unsubscriptions"]],
        "markers": sorted(account.markers),
        "custom_fields": account.custom_fields,
        "webhooks": [vars(hook) for hook in account.webhooks.values()],
    }


def shown(account: Account, contact: Contact) -> Record:
    mails = [mail for mail in account.doi_mails if mail.contact_id == contact.id]
    return vars(contact) | {
        "permission_status": permission_status(contact),
        "doi_mails_sent": len(mails),
        "doi_pending": any(mail.clicked_at is None for mail in mails),
    }


def _plain(row: Record) -> Record:
    return row | {"at": row["at"].isoformat()}


def doi_mails(control: ControlCall) -> list[Record]:
    return [vars(mail) for mail in account_of(control).doi_mails]


def transactions(control: ControlCall) -> list[Record]:
    return account_of(control).transactions


ROUTES: list[ControlRoute] = [
    ("GET", "accounts", list_accounts),
    ("POST", "accounts", create_account),
    ("PATCH", "{account}", change_account),
    ("POST", "{account}/click-doi", click_doi),
    ("POST", "{account}/unsubscribe", leave),
    ("POST", "{account}/bounce", bounce),
    ("GET", "{account}/contacts", contacts),
    ("POST", "{account}/contacts", sign_up),
    ("PATCH", "{account}/contacts/{email}", edit_contact),
    ("DELETE", "{account}/contacts/{email}", delete_contact),
    ("GET", "{account}/doi-mails", doi_mails),
    ("GET", "{account}/transactions", transactions),
]
