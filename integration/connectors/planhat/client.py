"""Planhat's nouns and verbs: companies, end users, licenses, sales, notes, users, custom fields.

Called by the recipe's flows. Whoever writes must be the only one: two upserts of one person at a time end in an error
(planhat sheet §4), see `one_writer` in connector.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from config.json_value import JSONValue
from integration.connectors.base import Account
from integration.connectors.planhat import bulk
from integration.connectors.planhat.api import Api, Row, checked_object, segment
from integration.connectors.planhat.records import Page, Stored, Upserted, User, parse_record, parse_user
from integration.connectors.rows import read_each
from integration.errors import NotFound
from integration.http import Effect

COLLECTIONS = {
    "company": "/companies", "enduser": "/endusers", "license": "/licenses", "sale": "/sales",
    "conversation": "/conversations",
}  # fmt: skip
RECORDS_PAGE, USERS_PAGE, FIELDS_PAGE = 2000, 2000, 500
NOTE = "conversation"
OWN_ID = {NOTE: "externalId"}  # where a record keeps our id: sourceId, but for notes (planhat sheet §5)


def own_id(model: str) -> str:
    """The key of a model that holds the id a record has at its source."""
    return OWN_ID.get(model, "sourceId")


class PlanhatClient(Api):
    """One Planhat account."""

    def get_account(self) -> Account:
        """Prove the token and tell accounts apart.

        No call names the account (planhat sheet §1). Its oldest team member stands for it: ids grow with time. An
        account without a team is a good one whose id nobody tells.
        """
        users = self.get_users()
        if not users:
            return Account("", "Planhat")
        first = min(users, key=lambda user: user.id)
        domain = first.email.rpartition("@")[2]
        host = urlsplit(self._transport.base_url).hostname or ""
        return Account(first.id, f"Planhat of {domain}" if domain else "Planhat", {"host": host})

    def get_users(self) -> list[User]:
        """Return the team, also those who may not log in any more."""
        return [parse_user(row) for row in self.all_rows("/users", USERS_PAGE)]

    # Records of any model

    def get_record(self, model: str, record_id: str) -> Stored:
        """Return the record with this id: its own, `srcid-…` or `extid-…`. Raises NotFound."""
        return parse_record(self.get(f"{COLLECTIONS[model]}/{segment(record_id)}"))

    def records_page(
        self, model: str, offset: int = 0, *, limit: int = RECORDS_PAGE, newest_first: bool = False
    ) -> Page:
        """Return one page; archived records are left out."""
        order = {"sort": "-updatedAt"} if newest_first else {}
        rows = self.rows(COLLECTIONS[model], limit=limit, offset=offset, **order)
        read = read_each(rows, parse_record, key="_id")
        return Page(read.records, offset + limit if len(rows) == limit else None, read.unreadable)

    def create_record(self, model: str, values: Mapping[str, JSONValue]) -> Stored:
        """Create one record; nothing looks whether there is one already."""
        return parse_record(self._written("POST", COLLECTIONS[model], values, stored={**values, "_id": "none"}))

    def update_record(self, model: str, record_id: str, values: Mapping[str, JSONValue]) -> Stored:
        """Change what is given; null clears, what is absent stays. Raises NotFound."""
        return parse_record(
            self._written(
                "PUT", f"{COLLECTIONS[model]}/{segment(record_id)}", values, stored={**values, "_id": record_id}
            )
        )

    def delete_record(self, model: str, record_id: str) -> None:
        """Erase a record. Raises NotFound."""
        place = f"{COLLECTIONS[model]}/{segment(record_id)}"
        self.call("DELETE", place, effect=Effect.WRITE, accepted=b"", looks=place)

    # Companies

    def get_company(self, company_id: str) -> Stored | None:
        """Return the company with this id: its own, `srcid-…` or `extid-…`. None when there is none."""
        try:
            return self.get_record("company", company_id)
        except NotFound:
            return None

    def companies_page(self, offset: int = 0, *, since: datetime | None = None) -> Page:
        """Return one page; with `since` those changed after it, newest first.

        No filter by time is documented (planhat sheet §3), so reading stops where the list is older, if it is in order.
        """
        page = self.records_page("company", offset, newest_first=since is not None)
        return page if since is None else changed_since(page, since)

    def update_company(self, company_id: str, values: Mapping[str, JSONValue]) -> Stored:
        """Change what is given; null clears, what is absent stays. Raises NotFound."""
        return self.update_record("company", company_id, values)

    # End users

    def find_enduser(self, email: str) -> Row | None:
        """Return the end user with this address as Planhat has it, or None; archived ones are not found."""
        rows = self.rows("/endusers", email=email, limit=1)
        return rows[0] if rows else None

    # Bulk

    def upsert(self, model: str, rows: Sequence[Mapping[str, JSONValue]]) -> Upserted:
        """Create or change records of one model, up to 5,000 per call; each carries its `own_id`.

        A note that exists is changed only where its row has the `_id` as well; without it another one is made.
        """
        path = COLLECTIONS[model]
        return bulk.upsert(
            rows,
            own_id(model),
            lambda portion: self.call(
                "PUT", path, effect=Effect.WRITE, accepted=b"{}", json=portion, answers=bulk.is_answer
            ).json(),
            self.find_note if model == NOTE else None,
        )

    def find_note(self, external_id: str) -> str | None:
        """Return the `_id` of the note with this id of ours, or None."""
        try:
            return str(self.get(f"{COLLECTIONS[NOTE]}/extid-{segment(external_id)}")["_id"])
        except NotFound:
            return None

    # Custom fields

    def list_custom_fields(self) -> list[Row]:
        """Return the custom fields of all models."""
        return self.all_rows("/customfields", FIELDS_PAGE)

    def create_custom_field(self, model: str, name: str, kind: str) -> Row:
        body = {"parent": model, "name": name, "type": kind, "isHidden": False}
        return self._written("POST", "/customfields", body)

    def _written(self, method: str, path: str, body: Any, *, stored: Row | None = None) -> Row:
        """What was stored; `stored` is what a dry run takes for it."""
        accepted = None if stored is None else json.dumps(stored).encode()
        looks = path if method == "PUT" else ""
        reply = self.call(method, path, effect=Effect.WRITE, accepted=accepted, looks=looks, json=body)
        return checked_object(reply.json(), path)


def changed_since(page: Page, since: datetime) -> Page:
    """What of a page changed since then; the last page, where the list is in order and older from here on."""
    times = [record.updated for record in page.records if record.updated is not None]
    is_past = bool(times) and times == sorted(times, reverse=True) and times[-1] < since
    fresh = tuple(row for row in page.records if row.updated is None or row.updated >= since)
    return Page(fresh, None if is_past else page.next_offset, page.unreadable)
