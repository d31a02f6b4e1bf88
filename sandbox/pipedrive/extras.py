"""The small v1 lists: activity types, currencies, filters, recents."""

from __future__ import annotations

import re

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive.api import CONTACTS_READ, DEALS_READ, Call, Endpoint, loose_body, ok, refuse
from sandbox.pipedrive.company import activity_type
from sandbox.pipedrive.records import ACTIVITIES_READ
from sandbox.pipedrive.shapes import v1_object, v1_time
from sandbox.pipedrive.v1 import page

CURRENCIES = (("EUR", "Euro", "€"), ("USD", "US Dollar", "$"), ("GBP", "British Pound", "£"), ("CHF", "Franc", "CHF"))
RECENT_KINDS = ("person", "organization", "deal", "activity", "note", "pipeline", "stage")
MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$")


def list_activity_types(call: Call) -> Response:
    return ok(call.company.activity_types)


def create_activity_type(call: Call) -> Response:
    wish = loose_body(call)
    if not wish.get("name") or not wish.get("icon_key"):
        refuse(400, "Bad request", info="name and icon_key are required")
    number, key = len(call.company.activity_types) + 1, re.sub(r"[^a-z0-9]+", "_", str(wish["name"]).lower())
    made = activity_type(number, wish["name"], key, custom=True, icon=wish["icon_key"])
    call.company.activity_types.append(made)
    return ok(made)


def list_currencies(call: Call) -> Response:
    return ok([
        {"id": number, "code": code, "name": name, "decimal_points": 2, "symbol": symbol, "active_flag": True,
         "is_custom_flag": False}
        for number, (code, name, symbol) in enumerate(CURRENCIES, 1)
    ])  # fmt: skip


def list_filters(call: Call) -> Response:
    return ok([])


def recents(call: Call) -> Response:
    since = call.query.get("since_timestamp", "")
    if not MOMENT.match(since):
        refuse(400, "Bad request", info="since_timestamp must be YYYY-MM-DD HH:MM:SS")
    wanted = call.query.get("items", "").split(",") if call.query.get("items") else RECENT_KINDS
    rows: list[Record] = []
    for kind in RECENT_KINDS:
        if kind in wanted:
            rows += [_recent(call, kind, row) for row in call.company.tables[kind].living() if _newer(row, since)]
    rows.sort(key=lambda item: str(item["data"]["update_time"]))
    shown, pagination = page(call, rows)
    last = shown[-1]["data"]["update_time"] if shown else since
    return ok(shown, {"since_timestamp": since, "last_timestamp_on_page": last, "pagination": pagination})


def _newer(row: Record, since: str) -> bool:
    return v1_time(row["update_time"]) >= since


def _recent(call: Call, kind: str, row: Record) -> Record:
    return {"item": kind, "id": row["id"], "data": v1_object(call.company, kind, row, nested=False)}


ENDPOINTS = [
    Endpoint("GET", "v1/activityTypes", list_activity_types, 20, (*ACTIVITIES_READ, "admin")),
    Endpoint("POST", "v1/activityTypes", create_activity_type, 10, ("admin",)),
    Endpoint("GET", "v1/currencies", list_currencies, 20),
    Endpoint("GET", "v1/filters", list_filters, 20, (*DEALS_READ, *CONTACTS_READ, *ACTIVITIES_READ)),
    Endpoint("GET", "v1/recents", recents, 20, ("recents:read", "search:read")),
]
