"""Maileon's web pages: contacts, what a subscriber clicks, contact events."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.maileon import control as controls
from sandbox.maileon import doi, unsubscribe
from sandbox.maileon.document import permission_status
from sandbox.maileon.model import PERMISSION_NAMES, Account, Contact
from sandbox.pages import redirect, render

SHOWN_ROWS = 100


def account_page(control: ControlCall) -> Response:
    account, term = controls.account_of(control), control.incoming.query.get("q", "").lower()
    contacts = [contact for contact in account.contacts.values() if term in contact.email.lower()]
    return render(
        "maileon_list.html",
        account=account,
        contacts=contacts[::-1][:SHOWN_ROWS],
        total=len(contacts),
        term=term,
        names=PERMISSION_NAMES,
        pending=_pending(account),
        transactions=account.transactions[::-1][:SHOWN_ROWS],
        left=account.reports["unsubscriptions"][::-1][:SHOWN_ROWS],
    )


def _pending(account: Account) -> set[int]:
    return {mail.contact_id for mail in account.doi_mails if mail.clicked_at is None}


def contact_page(control: ControlCall) -> Response:
    account = controls.account_of(control)
    contact = _contact(control, account)
    return render(
        "maileon_contact.html",
        account=account,
        contact=contact,
        state=permission_status(contact),
        names=PERMISSION_NAMES,
        mails=[mail for mail in account.doi_mails if mail.contact_id == contact.id],
        transactions=[row for row in account.transactions if row["contactId"] == contact.id],
    )


def click(control: ControlCall) -> Response:
    account = controls.account_of(control)
    doi.click(control.sandbox, account, _contact(control, account).email)
    return _back(control)


def leave(control: ControlCall) -> Response:
    account = controls.account_of(control)
    method = dict(parse_qsl(control.incoming.body.decode())).get("method", "link")
    unsubscribe.leave(control.sandbox, account, _contact(control, account), method, msg_id=1)
    return _back(control)


def delete(control: ControlCall) -> Response:
    account = controls.account_of(control)
    account.erase(_contact(control, account))
    return redirect(f"/ui/maileon/{account.id}")


def _contact(control: ControlCall, account: Account) -> Contact:
    return account.contacts[int(control.params["id"])]


def _back(control: ControlCall) -> Response:
    return redirect(f"/ui/maileon/{control.params['account']}/contacts/{control.params['id']}")


PAGES: list[ControlRoute] = [
    ("GET", "{account}", account_page),
    ("GET", "{account}/contacts/{id}", contact_page),
    ("POST", "{account}/contacts/{id}/click-doi", click),
    ("POST", "{account}/contacts/{id}/unsubscribe", leave),
    ("POST", "{account}/contacts/{id}/delete", delete),
]
