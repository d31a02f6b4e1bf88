"""What a person does to companies and deals in Brevo's pages. Nobody is told of it: the documents name no webhook."""

from __future__ import annotations

import json
from dataclasses import replace

from sandbox.brevo import companies, deals, processes
from sandbox.brevo.api import Call
from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record

MODULES = {"companies": companies, "deals": deals}


def at_the_screen(control: ControlCall, wish: Record) -> Call:
    """The same call as the API's, made in the vendor's pages."""
    account = control.sandbox.brevo.accounts[control.params["account"]]
    processes.settle(control.sandbox, account)
    incoming = replace(control.incoming, body=json.dumps(wish).encode())
    return Call(control.sandbox, account, "", incoming, control.params)


def create(control: ControlCall) -> Record:
    answer = MODULES[control.params["kind"]].create(at_the_screen(control, control.body()))
    found: Record = json.loads(bytes(answer.body))
    return found


def change(control: ControlCall) -> Record:
    MODULES[control.params["kind"]].change(at_the_screen(control, control.body()))
    return {"id": control.params["id"]}


def delete(control: ControlCall) -> Record:
    MODULES[control.params["kind"]].delete(at_the_screen(control, {}))
    return {"id": control.params["id"]}


ROUTES: list[ControlRoute] = [
    ("POST", "{account}/crm/{kind}", create),
    ("PATCH", "{account}/crm/{kind}/{id}", change),
    ("DELETE", "{account}/crm/{kind}/{id}", delete),
]
