"""Planhat's web pages: companies to create, edit and delete, with their people, licenses, sales and notes."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.forms import Input
from sandbox.http import Record
from sandbox.pages import redirect, render
from sandbox.planhat import control as controls
from sandbox.planhat import records
from sandbox.planhat.api import Call
from sandbox.planhat.model import Account
from sandbox.planhat.rules import shown

SHOWN_ROWS = 100
INPUTS = ("name", "phase", "description", "address", "city", "zip", "country")


def account_page(control: ControlCall) -> Response:
    account, term = controls.account_of(control), control.incoming.query.get("q", "").lower()
    table = account.table("company")
    rows = [row for row in table.rows.values() if term in str(row["name"]).lower()]
    companies = [shown(account, table.model, row) for row in rows[::-1][:SHOWN_ROWS]]
    return render("planhat_list.html", account=account, companies=companies, total=len(rows), term=term,
                  inputs=_inputs(account, {}))  # fmt: skip


def company_page(control: ControlCall) -> Response:
    account = controls.account_of(control)
    table = account.table("company")
    row = table.rows[control.params["id"]]
    parts = {path: [item for item in account.table(name).rows.values() if item.get("companyId") == row["_id"]]
             for name, path in (("enduser", "End users"), ("license", "Licenses"), ("sale", "Sales"),
                                ("conversation", "Notes"))}  # fmt: skip
    return render("planhat_company.html", account=account, company=shown(account, table.model, row), parts=parts,
                  inputs=_inputs(account, row))  # fmt: skip


def create(control: ControlCall) -> Response:
    records.create_record(_call(control))
    return redirect(f"/ui/planhat/{control.params['account']}")


def change(control: ControlCall) -> Response:
    records.change_record(_call(control))
    return redirect(f"/ui/planhat/{control.params['account']}/companies/{control.params['id']}")


def delete(control: ControlCall) -> Response:
    records.delete_record(_call(control))
    return redirect(f"/ui/planhat/{control.params['account']}")


def _call(control: ControlCall) -> Call:
    form = dict(parse_qsl(control.incoming.body.decode("utf-8", "replace"), keep_blank_values=True))
    fields = {f"custom.{row['name']}": row for row in controls.account_of(control).custom_fields.values()}
    wish: Record = {key: value or None for key, value in form.items() if key not in fields}
    custom = {fields[key]["name"]: _typed(fields[key], value) for key, value in form.items() if key in fields}
    with_model = ControlCall(control.sandbox, control.incoming, {**control.params, "model": "companies"})
    return controls.as_person(with_model, {**wish, **({"custom": custom} if custom else {})})


def _typed(field: Record, value: str) -> object:
    if not value:
        return None
    return float(value) if field["type"] == "number" else value


def _inputs(account: Account, row: Record) -> list[Input]:
    own = [Input(name, name.capitalize(), row.get(name, "")) for name in INPUTS]
    fields = [item for item in account.custom_fields.values() if item["parent"] == "company"]
    values = row.get("custom", {})
    return [*own, *(Input(f"custom.{item['name']}", item["name"], values.get(item["name"], "")) for item in fields)]


PAGES: list[ControlRoute] = [
    ("GET", "{account}", account_page),
    ("POST", "{account}/companies", create),
    ("GET", "{account}/companies/{id}", company_page),
    ("POST", "{account}/companies/{id}", change),
    ("POST", "{account}/companies/{id}/delete", delete),
]
