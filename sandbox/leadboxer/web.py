"""LeadBoxer's web page: the leads of each dataset, and a form by which a visitor does something."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.leadboxer import control as controls
from sandbox.leadboxer.leads import present
from sandbox.pages import redirect, render

SHOWN_ROWS = 100
INPUTS = (
    ("lead", "Lead id (empty: new, or whoever has the address)"), ("email", "E-mail"), ("firstName", "First name"),
    ("lastName", "Last name"), ("organizationName", "Organization"), ("organizationDomain", "Domain"),
    ("title", "Event (Pageview, Form-Submit, Email open)"), ("url", "URL"), ("score", "Lead score"),
)  # fmt: skip


def account_page(control: ControlCall) -> Response:
    account = controls.account_of(control)
    tables = [
        (dataset, [present(account, dataset, row) for row in list(dataset.leads.values())[::-1][:SHOWN_ROWS]])
        for dataset in account.datasets.values()
    ]
    inputs = [{"name": name, "label": label, "type": "text", "value": ""} for name, label in INPUTS]
    return render("leadboxer.html", account=account, tables=tables, inputs=inputs)


def track(control: ControlCall) -> Response:
    filled = dict(parse_qsl(control.incoming.body.decode("utf-8", "replace")))  # empty ones are left out
    incoming = replace(control.incoming, body=json.dumps(filled).encode())
    controls.track(ControlCall(control.sandbox, incoming, control.params))
    return redirect(f"/ui/leadboxer/{control.params['account']}")


PAGES: list[ControlRoute] = [
    ("GET", "{account}", account_page),
    ("POST", "{account}/{dataset}/track", track),
]
