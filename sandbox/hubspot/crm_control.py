"""What a person does to companies and deals in HubSpot's pages, and what the portal holds of them."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.control import ControlCall, ControlRoute
from sandbox.http import Record, reply
from sandbox.hubspot import crm
from sandbox.hubspot.api import Actor, Call
from sandbox.hubspot.crm_schema import KINDS
from sandbox.hubspot.model import CrmRecord, Portal


def at_the_screen(control: ControlCall) -> Call:
    portal = control.sandbox.hubspot.portals[int(control.params["portal"])]
    return Call(control.sandbox, portal, Actor(None, min(portal.users)), control.incoming, control.params)


def whole(row: CrmRecord) -> Record:
    return {"id": str(row.id), "properties": crm.everything(row), "archived": row.archived}


def create(control: ControlCall) -> Response:
    call = at_the_screen(control)
    return reply(whole(crm.make(call, crm.accepted(call, control.body()))), 201)


def change(control: ControlCall) -> Response:
    call = at_the_screen(control)
    row = crm.find(call)
    crm.store(call, row, crm.accepted(call, control.body()))
    return reply(whole(row))


def delete(control: ControlCall) -> Response:
    row = crm.find(at_the_screen(control))
    row.archived = True
    return reply(whole(row))


def restore(control: ControlCall) -> Response:
    call = at_the_screen(control)
    row = crm.find(call, archived=True)
    row.archived, row.updated = False, call.now()
    return reply(whole(row))


def held(portal: Portal) -> Record:
    """All companies, deals and associations of a portal."""
    pairs = [sorted(f"{kind}/{number}" for kind, number in pair) for pair in portal.associations]
    rows: Record = {kind: [whole(row) for row in portal.crm[kind].values()] for kind in KINDS}
    return {**rows, "associations": sorted(pairs)}


ROUTES: list[ControlRoute] = [
    ("POST", "{portal}/crm/{kind}", create),
    ("PATCH", "{portal}/crm/{kind}/{id}", change),
    ("DELETE", "{portal}/crm/{kind}/{id}", delete),
    ("POST", "{portal}/crm/{kind}/{id}/restore", restore),
]
