"""Custom events: one, a batch, and the list of what was sent. There is no idempotency key."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from starlette.responses import Response

from sandbox.brevo import identity, values
from sandbox.brevo.api import EVENTS, SMALL, Call, Endpoint, empty, error, number
from sandbox.brevo.model import Contact
from sandbox.http import Record, Refused, reply

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
IDENTIFIERS = {"contact_id": "", **identity.TYPES}
KEYS = {"event_name", "identifiers", "event_date", "event_properties", "contact_properties", "object"}
MOST_PROPERTIES, MOST_BATCH, MOST_BATCH_BYTES = 50_000, 200, 512_000


def send(call: Call) -> Response:
    _store(call, call.body())
    return empty()


def send_batch(call: Call) -> Response:
    """202 when all are queued, 207 when some are, 400 when none is."""
    rows = call.body().get("events")
    if not isinstance(rows, list) or not rows:
        error(400, "invalid_parameter", "events should be a non-empty array")
    if len(rows) > MOST_BATCH or len(call.incoming.body) > MOST_BATCH_BYTES:
        error(400, "out_of_range", f"at most {MOST_BATCH} events and 512 KB per batch")
    problems: list[Record] = []
    for index, row in enumerate(rows):
        try:
            _store(call, row)
        except Refused as refused:
            said = json.loads(bytes(refused.response.body))["message"]
            problems.append({"eventIndex": [index], "message": said})
    if not problems:
        return reply({"message": "Events are queued", "count": len(rows)}, 202)
    counts = {"total_events": len(rows), "successful_events": len(rows) - len(problems),
              "failed_events": len(problems), "errors": problems}  # fmt: skip
    none = len(problems) == len(rows)
    return reply({"status": "failed" if none else "partial_success", **counts}, 400 if none else 207)


def list_events(call: Call) -> Response:
    rows, query = call.account.events, call.incoming.query
    for name, of in (("contact_id", "contact_id"), ("event_name", "event_name")):
        if wanted := query.getlist(name):
            rows = [row for row in rows if str(row[of]) in wanted]
    limit, offset = number(call, "limit", 100, 10_000), number(call, "offset", 0)
    return reply({"events": rows[::-1][offset : offset + limit], "count": len(rows)})


def _store(call: Call, row: Any) -> None:
    if not isinstance(row, dict) or row.keys() - KEYS:
        error(400, "invalid_parameter", "the event is not valid")
    if not NAME.fullmatch(str(row.get("event_name") or "")):
        error(400, "invalid_parameter", "event_name is not valid")
    properties = row.get("event_properties") or {}
    if len(json.dumps(properties)) > MOST_PROPERTIES or not all(NAME.fullmatch(str(key)) for key in properties):
        error(400, "invalid_parameter", "event_properties is not valid")
    contact = _contact(call, row.get("identifiers") or {})
    if contact is None:
        if "brevo.unknown_person" in call.sandbox.thrown:
            error(400, "invalid_parameter", "Contact does not exist")
        return  # an event of nobody known is taken and dropped
    contact.attributes |= values.fitting(call.account, row.get("contact_properties") or {})
    call.account.events.append(
        {"contact_id": contact.id, "email": contact.email, "event_name": row["event_name"],
         "event_date": _date(row.get("event_date")) or call.now(), "event_properties": properties}
    )  # fmt: skip


def _contact(call: Call, identifiers: Record) -> Contact | None:
    given = {name: value for name, value in identifiers.items() if value not in (None, "")}
    if not given or given.keys() - IDENTIFIERS.keys():
        error(400, "missing_parameter", "identifiers is missing or not valid")
    if "contact_id" in given:
        return call.account.contacts.get(given["contact_id"])
    name, value = next(iter(given.items()))
    return call.account.find(identity.TYPES[name], str(value))


def _date(value: Any) -> str | None:
    try:
        return datetime.fromisoformat(value).isoformat(timespec="milliseconds") if value else None
    except (TypeError, ValueError):
        error(400, "invalid_parameter", "event_date is not valid")


ENDPOINTS = [
    Endpoint("POST", "events", send, EVENTS),
    Endpoint("GET", "events", list_events, SMALL),
    Endpoint("POST", "events/batch", send_batch, SMALL),
]
