"""One kind of record at Pipedrive and the verbs all kinds share: get, get many, page, create, change, delete.

v2 and v1 differ in paging, in how a change is sent and in cost; a `Collection` knows which it is. Used by `client.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple

from config.json_value import JSONValue, json_object
from integration.connectors.pipedrive import bodies, readers
from integration.connectors.pipedrive.api import PAGE_LIMIT, Api, Row, segment
from integration.connectors.pipedrive.custom_values import is_ambiguous
from integration.connectors.pipedrive.records import Page, Record, time_text
from integration.connectors.rows import Read, read_each
from integration.http import Effect

# Field key → field type, read when first needed. Given keys, it may come from memory if that knows them.
Types = Callable[[Iterable[str] | None], Mapping[str, str]]


class Costs(NamedTuple):
    """Tokens per call, as `x-token-cost` in the official OpenAPI files of August 2026."""

    read: int
    list: int
    create: int
    update: int
    delete: int


V2_COSTS = Costs(1, 10, 5, 5, 3)
V1_COSTS = Costs(2, 20, 10, 10, 6)


SLACK = timedelta(minutes=5)  # between our clock and the vendor's


@dataclass(frozen=True)
class Collection(Generic[Record]):
    """The records below one path."""

    api: Api
    path: str
    parser: Callable[[Row, readers.Custom], Record]
    types: Types
    change_verb: str = "PATCH"

    @property
    def is_v2(self) -> bool:
        return self.path.startswith("/api/v2/")

    @property
    def costs(self) -> Costs:
        return V2_COSTS if self.is_v2 else V1_COSTS

    def get(self, record_id: str, **params: str) -> Record:
        """Return one record. Raises NotFound."""
        row = self.api.get(self._of(record_id), cost=self.costs.read, **params)
        return self.read_each([row], params).complete()[0]

    def many(self, ids: Iterable[str], **params: str) -> list[Record]:
        """Return the records with these ids, 100 per call; unknown, deleted and invisible ones are missing (v2)."""
        return self.read_many(ids, **params).complete()

    def read_many(self, ids: Iterable[str], **params: str) -> Read[Record]:
        """Read the same one by one."""
        return self.read_each(list(self.api.many_v2(self.path, ids, **params)), params)

    def page(
        self, cursor: str | None, since: datetime | None = None, limit: int = PAGE_LIMIT, **params: str
    ) -> Page[Record]:
        """Return one page: by id, or with `since` by update time. Other parameters must stay the same between pages."""
        query: dict[str, Any] = {**self._order(since), **params, "limit": limit}
        turn = self.api.page_v2 if self.is_v2 else self.api.page_v1
        rows, following = turn(self.path, cursor, cost=self.costs.list, **query)
        read = self.read_each(rows, params)
        return Page(read.records, following, read.unreadable)

    def walk(self, since: datetime | None = None, **params: str) -> Iterator[Record]:
        """Yield every record, page by page."""
        cursor: str | None = None
        while True:
            page = self.page(cursor, since, PAGE_LIMIT, **params)
            yield from page.complete()
            if (cursor := page.next_cursor) is None:
                return

    def created_earlier(self, announced: datetime, is_ours: Callable[[Record], bool], **params: str) -> str:
        """Return the id of what an earlier try created, its answer lost; empty where it did not get through.

        It is among what changed since it was announced: a list knows at once what a search may not know yet (pipedrive
        sheet §11).
        """
        return next((record.id for record in self.walk(announced - SLACK, **params) if is_ours(record)), "")

    def create(self, body: Mapping[str, JSONValue]) -> Record:
        """Create a record from a ready body and return it as stored."""
        return self.read_one(
            self.api.write("POST", self.path, body, cost=self.costs.create, stored=self._as_stored(body, "0"))
        )

    def change(self, record_id: str, body: Mapping[str, JSONValue]) -> Record:
        """Change what the ready body names and return the record as stored."""
        row = self.api.write(
            self.change_verb, self._of(record_id), body, cost=self.costs.update, stored=self._as_stored(body, record_id)
        )
        return self.read_one(row)

    def delete(self, record_id: str) -> None:
        """Delete a record; the vendor keeps it in the bin for 30 days. Raises NotFound."""
        accepted = b'{"success": true, "data": {}}'
        self.api.call("DELETE", self._of(record_id), effect=Effect.WRITE, accepted=accepted, cost=self.costs.delete)

    def body(self, values: bodies.Values) -> dict[str, JSONValue]:
        """Return internal values as a body of this API version."""
        custom = values.get("custom_fields")
        types = self.types(custom.keys() if isinstance(custom, Mapping) else None) if custom else {}
        return (bodies.v2_body if self.is_v2 else bodies.v1_body)(values, types)

    def read_each(self, rows: Sequence[Row], params: Mapping[str, str] | None = None) -> Read[Record]:
        """Parse rows. The field list is asked for only when a value cannot be understood without it."""
        custom = readers.rest_v2_custom(self._types_needed(rows)) if self.is_v2 else readers.v1_custom(self.types(None))
        extra = [key for key in (params or {}).get("include_fields", "").split(",") if key]

        def parse(row: Row) -> Record:
            record = self.parser(row, custom)
            return replace(record, extra={key: row.get(key) for key in extra}) if extra else record  # type: ignore[arg-type]

        return read_each(rows, parse)

    def read_one(self, row: Row) -> Record:
        """Parse what a write answered with. Raises ContractError: what was written is not known then."""
        custom = (
            readers.rest_v2_custom(self._types_needed([row])) if self.is_v2 else readers.v1_custom(self.types(None))
        )
        return self.parser(row, custom)

    @staticmethod
    def _as_stored(body: Mapping[str, JSONValue], record_id: str) -> Row:
        """What a dry run takes for the record: as it was sent, without the custom fields, whose form differs."""
        return {**{key: value for key, value in body.items() if key != "custom_fields"}, "id": record_id}

    def _types_needed(self, rows: Sequence[Row]) -> Mapping[str, str]:
        clear = (json_object(row.get("custom_fields")) for row in rows)
        unclear = {key for found in clear for key, value in found.items() if is_ambiguous(value)}
        return self.types(unclear) if unclear else {}

    def _order(self, since: datetime | None) -> dict[str, str]:
        changed = {} if since is None else {"updated_since": time_text(since)}
        if not self.is_v2:
            return changed
        return {"sort_by": "id" if since is None else "update_time", **changed}

    def _of(self, record_id: str) -> str:
        return f"{self.path}/{segment(record_id)}"
