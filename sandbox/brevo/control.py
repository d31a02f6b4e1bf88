"""Brevo's part of the control API: accounts, and what a person in the vendor's pages or a subscriber does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sandbox.brevo import contacts, deliveries, doi, processes
from sandbox.brevo.api import Call, stamp
from sandbox.brevo.document import shown
from sandbox.brevo.model import Account, Contact
from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record

SETTINGS = ("name", "plan", "locked", "import_delay_s", "busy_s", "per_list_unsubscribe")  # fmt: skip


def account_of(control: ControlCall) -> Account:
    account = control.sandbox.brevo.accounts[control.params["account"]]
    processes.settle(control.sandbox, account)
    return account


def as_person(control: ControlCall, wish: Any, **params: str) -> Call:
    """The same call as the API's, made in the vendor's pages: no key has a name there."""
    incoming = replace(control.incoming, body=json.dumps(wish).encode())
    return Call(control.sandbox, account_of(control), "", incoming, {**control.params, **params})


def contact_of(control: ControlCall) -> Contact:
    account, raw = account_of(control), control.params["id"]
    found = account.contacts.get(int(raw)) if raw.isdigit() else account.find("EMAIL", raw)
    if found is None:
        raise KeyError(raw)
    return found


def create_account(control: ControlCall) -> Record:
    wish = control.body()
    account = control.sandbox.brevo.add(wish.get("name", ""), wish.get("api_key", ""), wish.get("key_name", "Lockstep"))
    return _changed(control, account, wish)


def change_account(control: ControlCall) -> Record:
    return _changed(control, account_of(control), control.body())


def _changed(control: ControlCall, account: Account, wish: Record) -> Record:
    for key in SETTINGS:
        if key in wish:
            setattr(account, key, wish[key])
    return {"id": account.id, "name": account.name, "api_keys": account.keys, "plan": account.plan,
            "url": f"{control.sandbox.base_url}/brevo/v3"}  # fmt: skip


def list_accounts(control: ControlCall) -> list[Record]:
    return [_changed(control, account, {}) for account in control.sandbox.brevo.accounts.values()]


def create_contact(control: ControlCall) -> Record:
    call = as_person(control, control.body())
    answer = contacts.create(call)
    found: Record = json.loads(bytes(answer.body))
    return found


def change_contact(control: ControlCall) -> Record:
    contact, wish = contact_of(control), control.body()
    contacts.update(as_person(control, wish, identifier=str(contact.id)))
    return shown(account_of(control), contact)


def delete_contact(control: ControlCall) -> Record:
    contact = contact_of(control)
    contacts.delete(as_person(control, {}, identifier=str(contact.id)))
    return {"id": contact.id}


def unsubscribe(control: ControlCall) -> Record:
    """The person leaves: everything, or with `list` one list only. With `type` spam it is a complaint."""
    account, contact, wish = account_of(control), contact_of(control), control.body()
    number = wish.get("list")
    if number is None:
        contact.email_blacklisted = True
    else:
        contact.lists.discard(int(number))
        contact.left_lists.add(int(number))
    contact.modified = stamp(control.sandbox)
    contact.unsubscriptions.append({"campaignId": 3, "eventTime": contact.modified, "ip": "192.0.2.1"})
    event = "spam" if wish.get("type") == "spam" else "unsubscribed"
    more = {"list_id": [int(number)] if number is not None else sorted(contact.lists)}
    deliveries.campaign(control.sandbox, account, event, contact, more)
    return {"id": contact.id, "emailBlacklisted": contact.email_blacklisted}


def bounce(control: ControlCall) -> Record:
    """A mail bounces; a hard bounce blocklists the address."""
    account, contact = account_of(control), contact_of(control)
    hard = control.body().get("type", "hard") == "hard"
    if hard:
        contact.email_blacklisted, contact.modified = True, stamp(control.sandbox)
        contact.hard_bounces.append({"campaignId": 3, "eventTime": contact.modified})
    event = "hardBounce" if hard else "softBounce"
    deliveries.campaign(control.sandbox, account, event, contact, {"reason": "550 unknown user"})
    return {"id": contact.id, "emailBlacklisted": contact.email_blacklisted}


def end_imports(control: ControlCall) -> list[int]:
    """Brevo brings its queued imports to an end: carried out, in part (`rows` of each), or `failed`."""
    account, wish = account_of(control), control.body()
    queued = [row for row in account.processes.values() if row.status == "queued"]
    for process in queued:
        processes.end(control.sandbox, account, process, failed=bool(wish.get("failed")), rows=wish.get("rows"))
    return [process.id for process in queued]


def click_doi(control: ControlCall) -> Record:
    email = control.body()["email"]
    mail = doi.click(as_person(control, {}), email)
    if mail is None:
        raise KeyError(f"DOI mail for {email}")
    return vars(mail)


def state(control: ControlCall) -> Record:
    """Everything the account holds."""
    account = account_of(control)
    return {
        "contacts": [shown(account, row) for row in account.contacts.values()],
        "lists": [vars(row) for row in account.lists.values()],
        "attributes": {row.name: row.type for row in account.attributes.values()},
        "companies": [vars(row) for row in account.companies.values()],
        "deals": [vars(row) for row in account.deals.values()],
        "events": account.events,
        "webhooks": [vars(row) for row in account.webhooks.values()],
        "processes": len(account.processes),
        "doi_mails": [vars(row) for row in account.doi_mails],
    }


ROUTES: list[ControlRoute] = [
    ("GET", "accounts", list_accounts),
    ("POST", "accounts", create_account),
    ("PATCH", "{account}", change_account),
    ("GET", "{account}/state", state),
    ("POST", "{account}/contacts", create_contact),
    ("PATCH", "{account}/contacts/{id}", change_contact),
    ("DELETE", "{account}/contacts/{id}", delete_contact),
    ("POST", "{account}/contacts/{id}/unsubscribe", unsubscribe),
    ("POST", "{account}/contacts/{id}/bounce", bounce),
    ("POST", "{account}/imports/end", end_imports),
    ("POST", "{account}/click-doi", click_doi),
]
