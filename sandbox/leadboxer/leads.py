"""Leads: the filtered list with its short-lived page tokens, one lead, and its tags."""

from __future__ import annotations

from zoneinfo import ZoneInfoNotFoundError

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.leadboxer.api import Call, Endpoint
from sandbox.leadboxer.filters import BadFilter, keeps
from sandbox.leadboxer.model import TOKEN_S, Account, Dataset, Lead

ZONE = "Europe/Amsterdam"
SORTS = ("lastEvent|desc", "_score|desc")
MOST_ROWS = 50


def list_leads(call: Call) -> Response:
    dataset = call.dataset("site")
    call.need("criteriaTimeFilter")
    sort, limit = call.get("sortBy", SORTS[0]), call.number("limit", 50)
    if "leadboxer.page_cap" not in call.sandbox.thrown:
        limit = min(limit, MOST_ROWS)
    if sort not in SORTS:
        call.error(400, "Bad Request", "Unknown sort order")
    try:
        tests = keeps(
            dict(call.incoming.query), call.sandbox.clock.now(), call.get("timeZone", ZONE),
            score_included="leadboxer.score_included" in call.sandbox.thrown,
        )  # fmt: skip
    except BadFilter as wrong:
        call.error(400, "Bad Request", str(wrong))
    except ZoneInfoNotFoundError:
        call.error(400, "Bad Request", "Unknown time zone")
    term = call.get("search", "*").lower()
    rows = [lead for lead in dataset.leads.values() if _found(lead, term) and all(test(lead) for test in tests)]
    rows.sort(key=lambda lead: lead.last if sort == SORTS[0] else lead.score, reverse=True)
    start = _start(call)
    shown = rows[start : start + limit]
    body: Record = {"data": [present(call.account, dataset, lead) for lead in shown]}
    if start + limit < len(rows) or (shown and "leadboxer.token_at_end" not in call.sandbox.thrown):
        key = "nextToken" if "leadboxer.token_key" in call.sandbox.thrown else "pageToken"
        body[key] = _token(call, start + limit)
    return reply(body)


def get_lead(call: Call) -> Response:
    call.user()
    dataset = call.dataset("site")
    lead = dataset.leads.get(call.params["id"]) or call.error(404, "Not Found", "Lead not found")
    return reply(present(call.account, dataset, lead))


def put_tags(call: Call) -> Response:
    """Replaces all tags of a lead."""
    try:
        wish = call.incoming.json()
    except ValueError:
        call.error(400, "Bad Request", "The body is no JSON")
    dataset = call.account.datasets.get(str(wish.get("datasetId"))) or call.error(403, "Forbidden", "No access")
    lead = dataset.leads.get(str(wish.get("leadId"))) or call.error(404, "Not Found", "Lead not found")
    lead.values["leadTag"] = str(wish.get("leadTags", ""))
    return reply({"success": True})


def present(account: Account, dataset: Dataset, lead: Lead) -> Record:
    """A lead as the API shows it: flat, mostly text, unknown keys absent (sheet §4)."""
    events = [event for session in lead.sessions for event in session.events]
    last = lead.sessions[-1] if lead.sessions else None
    row: Record = {
        "use_id": lead.id, "site": dataset.id, "lastEvent": lead.last, "eventEsTimestamp": str(lead.last),
        "eventUnixTimestamp": str(lead.last), "first_session_unix_timestamp": str(lead.first),
        "type": {"name": "user"}, "esScore": "1",
        "leadcard_url": f"https://app.leadboxer.com/leadcard/{lead.id}",
        "total_number_visits": str(len(lead.sessions)), "total_pages_viewed": str(len(events)),
        "customEventInfo": {}, "machine_id": "",
    }  # fmt: skip
    if last is not None:
        row |= {"session_id": last.id, "last_session_id": last.id, "event_id": last.events[-1].id,
                "last_original_url": last.events[-1].url}  # fmt: skip
    if account.tells_score:
        row["leadscore" if "leadboxer.score_key" in account.thrown else "lead_score"] = str(lead.score)
    return row | {key: str(value) for key, value in lead.values.items()}


def _found(lead: Lead, term: str) -> bool:
    return term in ("", "*") or any(term in str(value).lower() for value in lead.values.values())


def _token(call: Call, offset: int) -> str:
    token = f"{call.sandbox.leadboxer.rng.getrandbits(96):024x}"
    call.account.tokens[token] = (call.sandbox.clock.seconds(), offset)
    return token


def _start(call: Call) -> int:
    token = call.get("nextToken")
    if not token:
        return 0
    made, offset = call.account.tokens.get(token, (float("-inf"), 0))
    if call.sandbox.clock.seconds() - made <= TOKEN_S:
        return offset
    if "leadboxer.stale_token" in call.sandbox.thrown:
        call.error(400, "Bad Request", "The token has expired")
    return 0


ENDPOINTS = [
    Endpoint("GET", "leads", list_leads),
    Endpoint("GET", "leads/{id}", get_lead),
    Endpoint("PUT", "management/lead-tags", put_tags),
]
