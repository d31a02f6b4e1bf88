"""Search over an index of its own: filter groups, one sort, pages of up to 200, ten thousand results at most."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.hubspot import filters
from sandbox.hubspot.api import CONTACTS_READ, Call, Endpoint, refuse
from sandbox.hubspot.contacts import PATH, everything, shown
from sandbox.hubspot.model import Contact, Portal, Values

MOST_RESULTS, LARGEST_PAGE, DEFAULT_PAGE = 10_000, 200, 10


def settle(portal: Portal, seconds: float) -> None:
    """Bring into the index what has waited long enough."""
    due = [entry for entry in portal.waiting_index if entry[0] <= seconds]
    portal.waiting_index = [entry for entry in portal.waiting_index if entry[0] > seconds]
    for _, contact_id, values in due:
        portal.index[contact_id] = values


def search_window(wish: Record) -> tuple[int, int]:
    """How many results are wanted, and after how many; refused beyond what any search gives."""
    limit, after = int(wish.get("limit") or DEFAULT_PAGE), int(wish.get("after") or 0)
    if not 0 < limit <= LARGEST_PAGE:
        refuse(400, f"limit must be between 1 and {LARGEST_PAGE}")
    if after + limit > MOST_RESULTS:
        refuse(400, f"Paging past {MOST_RESULTS} results is not possible")
    return limit, after


def search(call: Call) -> Response:
    wish = call.body()
    limit, after = search_window(wish)
    groups = filters.groups(call, wish, call.portal.properties)
    settle(call.portal, call.seconds)
    rows = [row for row in _indexed(call.portal) if filters.fits(row[1], groups) and _speaks_of(row, wish.get("query"))]
    filters.sort(rows, lambda row: row[1], wish.get("sorts") or [])
    names = [str(name) for name in wish.get("properties") or ()]
    page = [shown(call, contact, names) for contact, _ in rows[after : after + limit]]
    body: Record = {"total": len(rows), "results": page}
    if after + limit < len(rows):
        body["paging"] = {"next": {"after": str(after + limit)}}
    return reply(body)


Row = tuple[Contact, Values]


def _indexed(portal: Portal) -> list[Row]:
    """Contacts with their values as indexed; their times and ids are always of the contact."""
    found = []
    for contact_id, values in sorted(portal.index.items()):
        contact = portal.contacts.get(contact_id)
        if contact is not None and not contact.archived:
            found.append((contact, {**everything(contact), **values}))
    return found


def _speaks_of(row: Row, query: Any) -> bool:
    text = " ".join(str(row[1].get(name) or "") for name in ("firstname", "lastname", "email", "phone", "company"))
    return all(word in text.lower() for word in str(query or "").lower().split())


ENDPOINTS = [Endpoint("POST", PATH + "/search", search, CONTACTS_READ, search=True)]
