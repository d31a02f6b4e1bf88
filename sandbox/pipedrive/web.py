"""Pipedrive's web pages: what a person with a browser does in the CRM."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record, Refused
from sandbox.pages import redirect, render
from sandbox.pipedrive import changes, fieldapi, installs, merge, records
from sandbox.pipedrive.api import Call
from sandbox.pipedrive.control import company_of, person_at_the_screen
from sandbox.pipedrive.fields import Field
from sandbox.pipedrive.forms import inputs, read_body
from sandbox.pipedrive.kinds import DEAL, ORGANIZATION, PERSON, Kind
from sandbox.pipedrive.model import Company

SHOWN_ROWS = 100
KINDS: dict[str, Kind] = {kind.plural: kind for kind in (PERSON, ORGANIZATION, DEAL)}


def company_page(control: ControlCall) -> Response:
    return _list(control, PERSON)


def list_page(control: ControlCall) -> Response:
    return _list(control, KINDS[control.params["plural"]])


def _list(control: ControlCall, kind: Kind) -> Response:
    company, term = company_of(control), control.incoming.query.get("q", "").lower()
    rows = [row for row in company.tables[kind.name].living() if not term or term in _text(row)]
    custom = [item for item in company.fields[kind.name].values() if item.custom]
    return render(
        "pipedrive_list.html",
        company=company,
        kinds=KINDS,
        kind=kind,
        rows=rows[::-1][:SHOWN_ROWS],
        total=len(rows),
        term=term,
        custom=custom,
        shown=_shown,
        organizations=company.tables["organization"].rows,
        stages=company.tables["stage"].rows,
        inputs=inputs(company, kind, None),
        grants=[grant for grant in control.sandbox.pipedrive.grants if grant.company == company.domain],
        now=control.sandbox.clock.seconds(),
    )


def _text(row: Record) -> str:
    emails = " ".join(item["value"] for item in row.get("emails") or ())
    return f"{row.get('name') or row.get('title')} {emails}".lower()


def _shown(item: Field, row: Record) -> str:
    value = row["custom_fields"].get(item.code)
    if value is None:
        return ""
    if item.type == "enum":
        return item.label_of(value) or str(value)
    if item.type == "set":
        return ", ".join(item.label_of(part) or str(part) for part in value)
    return str(value["value"] if isinstance(value, dict) else value)


def record_page(control: ControlCall) -> Response:
    company, kind = company_of(control), KINDS[control.params["plural"]]
    row = _row(company, kind, control)
    return render("pipedrive_record.html", company=company, kind=kind, row=row, inputs=inputs(company, kind, row))


def create(control: ControlCall) -> Response:
    kind = KINDS[control.params["plural"]]
    call = _call(control, kind, drop_empty=True)
    records.create_record(kind, call)
    return redirect(f"/ui/pipedrive/{call.company.domain}/{kind.plural}")


def update(control: ControlCall) -> Response:
    kind = KINDS[control.params["plural"]]
    call = _call(control, kind)
    records.update_record(kind, call)
    return redirect(f"/ui/pipedrive/{call.company.domain}/{kind.plural}/{control.params['id']}")


def delete(control: ControlCall) -> Response:
    company, kind = company_of(control), KINDS[control.params["plural"]]
    changes.delete(person_at_the_screen(control, company), kind, _row(company, kind, control))
    return redirect(f"/ui/pipedrive/{company.domain}/{kind.plural}")


def merge_into(control: ControlCall) -> Response:
    company, kind = company_of(control), KINDS[control.params["plural"]]
    into = dict(parse_qsl(control.incoming.body.decode())).get("into", "")
    survivor = company.tables[kind.name].get(int(into)) if into.isdigit() else None
    loser = _row(company, kind, control)
    if survivor is None or survivor["is_deleted"] or survivor is loser:
        return render("message.html", 400, title="Cannot merge", text="Give the id of another living record.")
    merge.merge(person_at_the_screen(control, company), kind, loser, survivor)
    return redirect(f"/ui/pipedrive/{company.domain}/{kind.plural}/{survivor['id']}")


def delete_field(control: ControlCall) -> Response:
    company, kind = company_of(control), KINDS[control.params["plural"]]
    item = company.fields[kind.name][control.params["code"]]
    fieldapi.remove_field(person_at_the_screen(control, company), kind.name, item)
    return redirect(f"/ui/pipedrive/{company.domain}/{kind.plural}")


def uninstall(control: ControlCall) -> Response:
    company = company_of(control)
    installs.uninstall(control.sandbox, company)
    return redirect(f"/ui/pipedrive/{company.domain}")


def _row(company: Company, kind: Kind, control: ControlCall) -> Record:
    raw = control.params["id"]
    row = company.tables[kind.name].get(int(raw)) if raw.isdigit() else None
    if row is None or row["is_deleted"]:
        raise KeyError(f"{kind.name} {raw}")
    return row


def _call(control: ControlCall, kind: Kind, *, drop_empty: bool = False) -> Call:
    """Return the call with the form as a JSON body; on create, empty inputs are left out."""
    company = company_of(control)
    try:
        body = read_body(company, kind, control.incoming.body)
    except ValueError as wrong:
        raise Refused(render("message.html", 400, title="Not accepted", text=str(wrong))) from wrong
    if drop_empty:
        body = {key: value for key, value in body.items() if value is not None}
    incoming = replace(control.incoming, body=json.dumps(body).encode())
    return person_at_the_screen(replace(control, incoming=incoming), company)


PAGES: list[ControlRoute] = [
    ("GET", "{domain}", company_page),
    ("POST", "{domain}/uninstall", uninstall),
    ("GET", "{domain}/{plural}", list_page),
    ("POST", "{domain}/{plural}", create),
    ("GET", "{domain}/{plural}/{id}", record_page),
    ("POST", "{domain}/{plural}/{id}", update),
    ("POST", "{domain}/{plural}/{id}/delete", delete),
    ("POST", "{domain}/{plural}/{id}/merge", merge_into),
    ("POST", "{domain}/{plural}/fields/{code}/delete", delete_field),
]
