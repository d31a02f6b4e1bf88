"""Bulk upserts: portions, and which record an error belongs to. Called by the client.

The vendor documents neither the form of an error nor an order (planhat sheet §4). Errors are matched by the keys we
sent. What cannot be matched is found by sending halves again. That is safe where an upsert may be repeated; where a
key that matches nothing makes one more record, as with notes, what exists by now is looked up first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from config.json_value import JSONValue
from integration.connectors.planhat.records import Upserted
from integration.errors import ContractError, TenantActionError, TransientError
from integration.http import Reply
from integration.reasons import Reason

MOST = 5000  # records per call (planhat sheet §2)
MOST_BYTES = 8_000_000  # notes can be long; the vendor names a limit for another host only, 32 MB
QUICK = 500  # so many are written in time; if not, the vendor is not there
ERRORS = ("createdErrors", "updatedErrors")
PERMISSIONS = "permissionErrors"
TOLD = ("insertsKeys", "updatesKeys")
WORDS = ("message", "error", "errmsg", "reason")
DEEP = 4  # how far into an error we look for a key of ours
Row = Mapping[str, JSONValue]
Put = Callable[[Sequence[Row]], JSONValue]
Find = Callable[[str], str | None]  # our key → the vendor's id of the record that has it


def upsert(rows: Sequence[Row], key: str, put: Put, find: Find | None = None) -> Upserted:
    """Send these records, each told apart by `key`. The same key twice never goes in one call: the last one counts.

    `put` sends one portion and returns the answer. `find` is given where the vendor does not find a record by `key`.
    Raises IntegrationErrors of the calls.
    """
    ids: dict[str, str] = {}
    errors: dict[str, str] = {}
    for portion in portions(list({str(row[key]): row for row in rows}.values())):
        done = _send(portion, key, put, find, whole=True)
        ids.update(done.ids)
        errors.update(done.errors)
    return Upserted(ids, errors)


def portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """At most so many records and so many bytes at a time."""
    portion: list[Row] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row, ensure_ascii=False).encode())
        if portion and (len(portion) == MOST or size + length > MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += length
    if portion:
        yield portion


def _send(rows: Sequence[Row], key: str, put: Put, find: Find | None, *, whole: bool = False) -> Upserted:
    """One call and what is needed to tell its errors apart. `whole`: it is no part of a call before."""
    try:
        answer = _checked(put(rows))
    except TransientError as exc:
        if exc.reason != Reason.VENDOR_UNREACHABLE or len(rows) <= QUICK:
            raise
        return _in_halves(rows, key, put, find)  # so many may take longer than we wait for an answer
    forbidden = _list(answer, PERMISSIONS)
    if whole and len(forbidden) >= len(rows):
        detail = str(forbidden)[:300]
        raise TenantActionError("Planhat does not permit this.", detail=detail, reason=Reason.PERMISSION_MISSING)
    return _sorted_out(answer, rows, key, put, find)


def _sorted_out(answer: Row, rows: Sequence[Row], key: str, put: Put, find: Find | None) -> Upserted:
    """Which record each error of an answer belongs to; those that nothing tells apart are sent in halves again."""
    ids = _told_ids(answer, key)
    failures = [item for name in (*ERRORS, PERMISSIONS) for item in _list(answer, name)]
    errors, unknown = _matched(failures, rows, key)
    rest = [row for row in rows if str(row[key]) not in errors]
    if not unknown or not rest:
        return Upserted(ids, errors)
    if len(unknown) >= len(rest):  # whatever is left failed
        return Upserted(ids, {**{str(row[key]): _words(unknown[0]) for row in rest}, **errors})
    halves = _in_halves(rest, key, put, find)
    return Upserted({**ids, **halves.ids}, {**errors, **halves.errors})


def _checked(answer: JSONValue) -> Row:
    if not isinstance(answer, dict):
        raise ContractError("Planhat answered an upsert in an unknown form.", detail=type(answer).__name__)
    return answer


def _told_ids(answer: Row, key: str) -> dict[str, str]:
    """Our key → the vendor's id, for the records of which it tells both."""
    told = [row for name in TOLD for row in _list(answer, name) if isinstance(row, dict)]
    return {str(row[key]): str(row["_id"]) for row in told if row.get(key) and row.get("_id")}


def _in_halves(rows: Sequence[Row], key: str, put: Put, find: Find | None) -> Upserted:
    known = rows if find is None else [_with_id(row, key, find) for row in rows]
    middle = len(known) // 2
    first, second = _send(known[:middle], key, put, find), _send(known[middle:], key, put, find)
    return Upserted({**first.ids, **second.ids}, {**first.errors, **second.errors})


def _with_id(row: Row, key: str, find: Find) -> Row:
    """The record with the vendor's id, if the call before has made it."""
    if "_id" in row or (found := find(str(row[key]))) is None:
        return row
    return {**row, "_id": found}


def is_answer(reply: Reply) -> bool:
    """Whether a refusal tells of each record: bulk answers come with 400 and 403 as well (sheet, corrections)."""
    if reply.status not in (400, 403):
        return False
    try:
        body = reply.json()
    except ContractError:
        return False
    return isinstance(body, dict) and any(name in body for name in (*ERRORS, *TOLD, PERMISSIONS))


def _list(answer: Mapping[str, JSONValue], name: str) -> list[Any]:
    found = answer.get(name) or []
    if not isinstance(found, list):
        raise ContractError("Planhat answered an upsert in an unknown form.", detail=name)
    return found


def _matched(failures: Sequence[JSONValue], rows: Sequence[Row], key: str) -> tuple[dict[str, str], list[JSONValue]]:
    """Our key → why, for the errors that name exactly one of the records sent; and the other errors."""
    sent = {str(row[key]) for row in rows}
    found: dict[str, str] = {}
    unknown: list[JSONValue] = []
    for item in failures:
        named = {value for value in _values(item, key, DEEP) if value in sent}
        if len(named) == 1:
            found[named.pop()] = _words(item)
        else:
            unknown.append(item)
    return found, unknown


def _values(item: JSONValue, key: str, deep: int) -> Iterator[str]:
    """All values an error gives under this key."""
    if isinstance(item, dict) and deep:
        if isinstance(item.get(key), (str, int)):
            yield str(item[key])
        for part in item.values():
            yield from _values(part, key, deep - 1)
    elif isinstance(item, list) and deep:
        for part in item:
            yield from _values(part, key, deep - 1)


def _words(item: JSONValue) -> str:
    if isinstance(item, dict):
        said = next((item[name] for name in WORDS if isinstance(item.get(name), str)), "")
        return str(said)[:300] or "without saying why"
    return str(item)[:300]
