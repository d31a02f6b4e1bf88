"""The calls that all kinds of records share: pages, batches, search, associations. Knows paths and no nouns.

Vendor docs (read 2026-11-30): developers.hubspot.com/docs/api-reference/latest/crm/objects/companies/guide,
…/deals/guide and …/crm/associations/associate-records/guide. Kinds are named in the plural, as paths are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from config.json_value import JSONValue, json_objects
from integration.connectors.hubspot.api import (
    ASSOCIATIONS,
    BATCH,
    OBJECTS,
    PIPELINES,
    Api,
    Row,
    problems,
    results,
    segment,
)
from integration.connectors.hubspot.records import CrmObject, Page, Pipeline, Values, Written
from integration.connectors.rows import Read, read_each
from integration.errors import NotFound, RecordError
from integration.http import Effect

T = TypeVar("T", bound=CrmObject)
Parse = Callable[[Mapping[str, JSONValue]], T]
SEARCH_PAGE = 200
SEARCH_VALUES = 50  # of one filter: a body may have 3,000 characters (hubspot sheet §2)
ASSOCIATED = 1000  # inputs of a batch read of associations (changelog “batch read limit”, 2025-02-10)


def page(api: Api, kind: str, parse: Parse[T], cursor: str | None, properties: Sequence[str]) -> Page[T]:
    """Return one page of all records, a hundred at the most."""
    params = {"limit": BATCH, **({"after": cursor} if cursor else {}), **asked(properties)}
    rows, following = api.page("GET", f"{OBJECTS}/{kind}", params=params)
    read = read_each(rows, parse)
    return Page(read.records, following, read.unreadable)


def read(
    api: Api,
    kind: str,
    parse: Parse[T],
    keys: Iterable[str],
    properties: Sequence[str],
    *,
    archived: bool = False,
    id_property: str = "",
) -> Read[T]:
    """Read records by id, or by a unique property; a hundred per call. Unknown ones are missing."""
    params = {"archived": "true"} if archived else {}
    more = {"idProperty": id_property} if id_property else {}
    rows: list[Row] = []
    for chunk in chunks([{"id": key} for key in dict.fromkeys(keys)]):
        body = {"properties": list(properties), "inputs": chunk, **more}
        rows += results(api.get("POST", f"{OBJECTS}/{kind}/batch/read", effect=Effect.READ, params=params, json=body))
    return read_each(rows, parse)


def changed_ids(api: Api, kind: str, modified: str, since: datetime, cursor: str | None) -> Page[str]:
    """Return ids of records changed since then; the cursor is the highest id seen.

    Walking by id never meets the limit of 10,000 results, and changes on the way move nobody. Search lags some
    seconds behind, so read the records afresh.
    """
    filters = [{"propertyName": modified, "operator": "GTE", "value": milliseconds(since)}]
    if cursor:
        filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": cursor})
    body = {
        "filterGroups": [{"filters": filters}], "properties": ["hs_object_id"], "limit": SEARCH_PAGE,
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
    }  # fmt: skip
    rows, following = api.page("POST", f"{OBJECTS}/{kind}/search", json=body, search=True)
    ids = tuple(str(row.get("id")) for row in rows)
    return Page(ids, ids[-1] if ids and following else None)


def search(api: Api, kind: str, parse: Parse[T], name: str, values: Sequence[str]) -> list[T]:
    """Find records by exact values of a property, in lower case. One who just came may be missing for some seconds."""
    found: list[T] = []
    for start in range(0, len(values), SEARCH_VALUES):
        wanted = [value.lower() for value in values[start : start + SEARCH_VALUES]]
        filters = [{"propertyName": name, "operator": "IN", "values": wanted}]
        body: Row = {"filterGroups": [{"filters": filters}], "properties": [name], "limit": SEARCH_PAGE}
        cursor: str | None = None
        while True:
            asked_for = {**body, **({"after": cursor} if cursor else {})}
            rows, cursor = api.page("POST", f"{OBJECTS}/{kind}/search", json=asked_for, search=True)
            found += map(parse, rows)
            if cursor is None:
                break
    return found


def create(api: Api, kind: str, parse: Parse[T], values: Values) -> T:
    """Create a record. Raises Conflict where a unique value is taken."""
    accepted: Row = {"id": "none", "properties": plain(values)}
    body = {"properties": plain(values)}
    return parse(api.get("POST", f"{OBJECTS}/{kind}", effect=Effect.WRITE, accepted=accepted, json=body))


def update(api: Api, kind: str, parse: Parse[T], record_id: str, values: Values) -> T:
    """Change one record; the id of one that was merged leads to the survivor. Raises NotFound."""
    body = {"properties": plain(values)}
    path = f"{OBJECTS}/{kind}/{segment(record_id)}"
    return parse(api.get("PATCH", path, effect=Effect.WRITE, accepted={"id": record_id, **body}, looks=path, json=body))


def update_many(api: Api, kind: str, parse: Parse[T], values: Mapping[str, Values]) -> Written[T]:
    """Change many, by id. One that is not in a batch's answer is tried again alone: its id may have been merged.

    Raises RecordError where one wrong value refuses the whole batch.
    """
    inputs: list[Row] = [{"id": key, "properties": plain(wish)} for key, wish in values.items()]
    found: dict[str, T] = {}
    failed: dict[str, str] = {}
    for chunk in chunks(inputs):
        path, accepted = f"{OBJECTS}/{kind}/batch/update", {"results": chunk}
        body = api.get("POST", path, effect=Effect.WRITE, accepted=accepted, json={"inputs": chunk})
        found |= {record.id: record for record in map(parse, results(body))}
        words = "; ".join(str(row.get("message")) for row in problems(body)) or "HubSpot did not say why."
        for key in (str(row["id"]) for row in chunk if str(row["id"]) not in found):
            try:
                found[key] = update(api, kind, parse, key, values[key])
            except NotFound:
                failed[key] = words
            except RecordError as exc:
                failed[key] = exc.public
    return Written(found, failed)


def archive(api: Api, kind: str, record_id: str) -> None:
    """Move a record to the recycle bin; an unknown one is fine."""
    try:
        api.call("DELETE", f"{OBJECTS}/{kind}/{segment(record_id)}", effect=Effect.WRITE, accepted={})
    except NotFound:
        return


def associated(api: Api, kind: str, other: str, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Id → ids of the other kind that are associated with it. Records without any are missing."""
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[Row] = [{"id": key} for key in dict.fromkeys(ids)]
    while waiting:
        chunk, waiting = waiting[:ASSOCIATED], waiting[ASSOCIATED:]
        body = api.get("POST", f"{ASSOCIATIONS}/{kind}/{other}/batch/read", effect=Effect.READ, json={"inputs": chunk})
        for row in results(body):
            key = _id(row.get("from"))
            others = tuple(str(item.get("toObjectId")) for item in json_objects(row.get("to")))
            if others:
                found[key] = (*found.get(key, ()), *others)
            if after := _after(row):
                waiting.append({"id": key, "after": after})
    return found


def associate(api: Api, kind: str, other: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Associate pairs of ids, unlabelled; what is associated stays so.

    Returns why some were refused, by the first id. A call that is refused as a whole is made pair by pair.
    """
    failed: dict[str, str] = {}
    for chunk in _pair_chunks(pairs):
        try:
            failed |= _associate(api, kind, other, chunk)
        except RecordError as exc:
            if len(chunk) == 1:
                failed[chunk[0][0]] = exc.public
                continue
            for pair in chunk:
                failed |= associate(api, kind, other, [pair])
    return failed


def _associate(api: Api, kind: str, other: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    inputs = [{"from": {"id": one}, "to": {"id": another}} for one, another in pairs]
    path = f"{ASSOCIATIONS}/{kind}/{other}/batch/associate/default"
    body = api.get("POST", path, effect=Effect.WRITE, accepted={"results": inputs}, json={"inputs": inputs})
    made = {(_id(row.get("from")), _id(row.get("to"))) for row in results(body)}
    words = "; ".join(str(row.get("message")) for row in problems(body)) or "HubSpot did not say why."
    return {one: words for one, another in pairs if (one, another) not in made}


def dissociate(api: Api, kind: str, other: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Take every association of these pairs away, labelled ones too."""
    for chunk in _pair_chunks(pairs):
        body: Row = {"inputs": [{"from": {"id": one}, "to": [{"id": another}]} for one, another in chunk]}
        api.call("POST", f"{ASSOCIATIONS}/{kind}/{other}/batch/archive", effect=Effect.WRITE, accepted={}, json=body)


def _pair_chunks(pairs: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    for start in range(0, len(pairs), BATCH):
        yield pairs[start : start + BATCH]


def _id(value: JSONValue) -> str:
    return str(value.get("id")) if isinstance(value, Mapping) else ""


def _after(row: Mapping[str, JSONValue]) -> str:
    paging = row.get("paging")
    following = paging.get("next") if isinstance(paging, Mapping) else None
    return str(following.get("after") or "") if isinstance(following, Mapping) else ""


def pipelines(api: Api, kind: str) -> list[Pipeline]:
    """Return the pipelines of a kind with their stages."""
    rows = results(api.get("GET", f"{PIPELINES}/{kind}", effect=Effect.READ))
    return [
        Pipeline(
            str(row.get("id")),
            str(row.get("label")),
            {str(stage.get("id")): str(stage.get("label")) for stage in json_objects(row.get("stages"))},
        )
        for row in rows
    ]


def asked(properties: Sequence[str]) -> dict[str, str]:
    return {"properties": ",".join(properties)} if properties else {}


def chunks(inputs: Sequence[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(inputs), BATCH):
        yield list(inputs[start : start + BATCH])


def plain(values: Values) -> dict[str, str]:
    """Clearing is an empty text; null would be ignored."""
    return {name: "" if value is None else value for name, value in values.items()}


def milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
