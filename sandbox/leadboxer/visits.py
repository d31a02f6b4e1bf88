"""The sessions of a lead and the events of a session."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import reply
from sandbox.leadboxer.api import Call, Endpoint, error


def list_sessions(call: Call) -> Response:
    """Newest first; of an unknown lead none."""
    dataset, limit = call.dataset("site"), call.number("limit", 50)
    lead = dataset.leads.get(call.need("leadId"))
    rows = list(lead.sessions) if lead else []
    return reply(
        {"data": [
            {"session_id": row.id, "use_id": row.lead_id, "session_start": str(row.start), "lastEvent": row.end,
             "number_of_events": str(len(row.events))}
            for row in rows[::-1][:limit]
        ]}
    )  # fmt: skip


def list_events(call: Call) -> Response:
    """In the order they happened."""
    dataset, limit = call.dataset("site"), call.number("limit", 50)
    session = dataset.session(call.need("sessionId")) or error(404, "Not Found", "Session not found")
    return reply(
        {"data": [
            {"event_id": row.id, "session_id": session.id, "use_id": session.lead_id, "type": {"name": "event"},
             "eventUnixTimestamp": str(row.at), "title": row.title, "original_url": row.url, "page_title": row.page}
            for row in session.events[:limit]
        ]}
    )  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "leads/sessions", list_sessions),
    Endpoint("GET", "leads/events", list_events),
]
