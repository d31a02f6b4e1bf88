"""Brevo's web pages: contacts to create, edit, delete and unsubscribe, and what came in beside them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.brevo import contacts
from sandbox.brevo import control as controls
from sandbox.brevo.model import Account
from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record
from sandbox.pages import redirect, render

SHOWN_ROWS = 100


def account_page(control: ControlCall) -> Response:
    account, term = controls.account_of(control), control.incoming.query.get("q", "").lower()
    rows = [row for row in account.contacts.values() if term in row.email.lower()]
    return render(
        "brevo_list.html", account=account, contacts=rows[::-1][:SHOWN_ROWS], total=len(rows), term=term,
        events=account.events[::-1][:SHOWN_ROWS], inputs=_inputs(account, {}),
    )  # fmt: skip


def contact_page(control: ControlCall) -> Response:
    account, contact = controls.account_of(control), controls.contact_of(control)
    values = {"EMAIL": contact.email, **contact.attributes}
    return render("brevo_contact.html", account=account, contact=contact, inputs=_inputs(account, values),
                  events=[row for row in account.events if row["contact_id"] == contact.id][::-1])  # fmt: skip


def create(control: ControlCall) -> Response:
    form = _form(control)
    contacts.create(controls.as_person(control, {"email": form.pop("EMAIL", ""), "attributes": _filled(form)}))
    return redirect(f"/ui/brevo/{control.params['account']}")


def change(control: ControlCall) -> Response:
    contact = controls.contact_of(control)
    contacts.update(controls.as_person(control, {"attributes": _form(control)}, identifier=str(contact.id)))
    return _back(control)


def leave(control: ControlCall) -> Response:
    form = _form(control)
    wish = {"list": int(form["list"])} if form.get("list") else {}
    controls.unsubscribe(_with(control, wish))
    return _back(control)


def bounce(control: ControlCall) -> Response:
    controls.bounce(_with(control, {}))
    return _back(control)


def delete(control: ControlCall) -> Response:
    controls.delete_contact(control)
    return redirect(f"/ui/brevo/{control.params['account']}")


def _with(control: ControlCall, wish: Record) -> ControlCall:
    return ControlCall(control.sandbox, controls.as_person(control, wish).incoming, control.params)


def _inputs(account: Account, values: Record) -> list[Record]:
    names = ["EMAIL", *(row.name for row in account.attributes.values() if row.category == "normal")]
    return [{"name": name, "label": name, "type": "text", "value": values.get(name, "")} for name in names]


def _form(control: ControlCall) -> dict[str, str]:
    return dict(parse_qsl(control.incoming.body.decode("utf-8", "replace"), keep_blank_values=True))


def _filled(form: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in form.items() if value}


def _back(control: ControlCall) -> Response:
    return redirect(f"/ui/brevo/{control.params['account']}/contacts/{control.params['id']}")


PAGES: list[ControlRoute] = [
    ("GET", "{account}", account_page),
    ("POST", "{account}/contacts", create),
    ("GET", "{account}/contacts/{id}", contact_page),
    ("POST", "{account}/contacts/{id}", change),
    ("POST", "{account}/contacts/{id}/unsubscribe", leave),
    ("POST", "{account}/contacts/{id}/bounce", bounce),
    ("POST", "{account}/contacts/{id}/delete", delete),
]
