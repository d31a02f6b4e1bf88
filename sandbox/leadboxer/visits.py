"""The sessions of a lead and the events of a session."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record
from sandbox.leadboxer.api import Call, Endpoint
from sandbox.leadboxer.model import Event, Session


def list_sessions(call: Call) -> Response:
    """Newest first; of an unknown lead none."""
    dataset, limit = call.dataset("site"), call.number("limit", 50)
    lead = dataset.leads.get(call.need("leadId"))
    rows = list(lead.sessions) if lead else []
    return call.rows([_session(call, row) for row in rows[::-1][:limit]])


def list_events(call: Call) -> Response:
    """In the order they happened."""
    dataset, limit = call.dataset("site"), call.number("limit", 50)
    session = dataset.session(call.need("sessionId")) or call.error(404, "Not Found", "Session not found")
    return call.rows([_event(call, session, row) for row in session.events[:limit]])


def _session(call: Call, row: Session) -> Record:
    known: Record = {"use_id": row.lead_id, "session_start": str(row.start), "number_of_events": str(len(row.events))}
    if "leadboxer.visit_keys" in call.sandbox.thrown:
        return {"session_id": row.id, "lastEvent": row.end, **known}
    return {"id": row.id, "timestamp": str(row.end), **known}


def _event(call: Call, session: Session, row: Event) -> Record:
    known: Record = {"use_id": session.lead_id, "type": {"name": "event"}, "page_title": row.page}
    if "leadboxer.visit_keys" in call.sandbox.thrown:
        return {"event_id": row.id, "session_id": session.id, "eventUnixTimestamp": str(row.at), "title": row.title,
                "original_url": row.url, **known}  # fmt: skip
    return {"id": row.id, "timestamp": str(row.at), "title": row.title, "url": row.url, **known}


ENDPOINTS = [
    Endpoint("GET", "leads/sessions", list_sessions),
    Endpoint("GET", "leads/events", list_events),
]
