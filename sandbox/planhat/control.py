"""Planhat's part of the control API: accounts, automations, and what a person does in the app."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record
from sandbox.planhat import customfields, records
from sandbox.planhat.api import Call
from sandbox.planhat.model import Account
from sandbox.planhat.rules import shown

SETTINGS = ("name", "plan", "locked", "denied", "refused", "error_form")


def account_of(control: ControlCall) -> Account:
    return control.sandbox.planhat.accounts[control.params["account"]]


def as_person(control: ControlCall, wish: Any) -> Call:
    """The same call as the API's, made in the app."""
    incoming = replace(control.incoming, body=json.dumps(wish).encode())
    return Call(control.sandbox, account_of(control), incoming, control.params)


def create_account(control: ControlCall) -> Record:
    wish = control.body()
    return _changed(control, control.sandbox.planhat.add(wish.get("name", ""), wish.get("token", "")), wish)


def change_account(control: ControlCall) -> Record:
    return _changed(control, account_of(control), control.body())


def _changed(control: ControlCall, account: Account, wish: Record) -> Record:
    for key in SETTINGS:
        if key in wish:
            setattr(account, key, wish[key])
    return {"id": account.id, "name": account.name, "token": account.token, "plan": account.plan,
            "url": f"{control.sandbox.base_url}/planhat"}  # fmt: skip


def list_accounts(control: ControlCall) -> list[Record]:
    return [_changed(control, account, {}) for account in control.sandbox.planhat.accounts.values()]


def add_automation(control: ControlCall) -> Record:
    """Somebody builds an automation: `model`, `url` and `headers`."""
    wish = control.body()
    account_of(control).automations.append({"model": "company", "headers": {}, **wish, "url": wish["url"]})
    return wish


def add_field(control: ControlCall) -> Record:
    return customfields.add(control.sandbox, account_of(control), control.body())


def create(control: ControlCall) -> Record:
    return _said(records.create_record(as_person(control, control.body())))


def change(control: ControlCall) -> Record:
    return _said(records.change_record(as_person(control, control.body())))


def delete(control: ControlCall) -> Record:
    return _said(records.delete_record(as_person(control, {})))


def rename_field(control: ControlCall) -> Record:
    return _said(customfields.change_field(as_person(control, control.body())))


def delete_field(control: ControlCall) -> Record:
    return _said(customfields.delete_field(as_person(control, {})))


def _said(response: Any) -> Record:
    found: Record = json.loads(bytes(response.body))
    return found


def state(control: ControlCall) -> Record:
    """Everything the account holds, by path."""
    account = account_of(control)
    rows = {table.model.path: [shown(account, table.model, row) for row in table.rows.values()]
            for table in account.tables.values()}  # fmt: skip
    return {**rows, "customfields": list(account.custom_fields.values()), "automations": account.automations}


ROUTES: list[ControlRoute] = [
    ("GET", "accounts", list_accounts),
    ("POST", "accounts", create_account),
    ("PATCH", "{account}", change_account),
    ("GET", "{account}/state", state),
    ("POST", "{account}/automations", add_automation),
    ("POST", "{account}/customfields", add_field),
    ("PATCH", "{account}/customfields/{id}", rename_field),
    ("DELETE", "{account}/customfields/{id}", delete_field),
    ("POST", "{account}/{model}", create),
    ("PATCH", "{account}/{model}/{id}", change),
    ("DELETE", "{account}/{model}/{id}", delete),
]
