"""Map records with what both accounts have now: names in place of ids, and lists read again before a value is given up.

Called by `batch` and `two_way`; the rules of single values are in `transforms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from config.json_value import JSONObject, JSONValue, json_object
from integration.connectors.base import FieldSpec
from integration.engine.flow.base import Flow, Record
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.flow.session import SyncSession
from integration.engine.mapping import transforms
from integration.engine.mapping.fields import Catalogue, catalogue, read_again
from integration.engine.mapping.transforms import Mapped

NAMING = frozenset({"text", "join", "option_label", "first_word", "other_words", "lower"})  # send what people read
KINDS = {"organization": "organizations"}  # kind of record → the list its names are kept in, where not after it


def forward(rows: Sequence[MappingRow], values: JSONObject, fields: Catalogue, *, creating: bool = False) -> Mapped:
    """Target values of a source's record, as the fields are known."""
    return transforms.apply(
        rows, values, source_fields=fields.sources, target_fields=fields.targets, creating=creating,
        country=fields.country, zone=fields.zone,
    )  # fmt: skip


def backward(rows: Sequence[MappingRow], values: JSONObject, fields: Catalogue) -> Mapped:
    """Source values of a target's record: the rows turned around."""
    turned = [replace(row, source=fields.target_paths[row.source]) for row in transforms.backward(rows)]
    sources = {fields.target_paths[key]: spec for key, spec in fields.targets.items()}
    return transforms.apply(
        turned, values, source_fields=sources, target_fields=fields.sources, country=fields.country, zone=fields.zone
    )


def mapped(ctx: SyncSession, flow: Flow, rows: Sequence[MappingRow], values: JSONObject, *, creating: bool) -> Mapped:
    """The same as `forward`; a list of options that lacks what the record names is read again once per slice."""
    made = forward(rows, values, catalogue(ctx, flow), creating=creating)
    if read_again(ctx, flow, made.unknown):
        made = forward(rows, values, catalogue(ctx, flow), creating=creating)
    return made


def with_names(
    ctx: SyncSession, flow: Flow, rows: Sequence[MappingRow], records: Mapping[str, Record]
) -> Mapping[str, Record]:
    """Records in which fields that point to users, organizations and the like hold a name beside the id.

    An id without a name has None there: the mapping tells that, and the id does not travel.
    """
    pointing = _pointing(rows, catalogue(ctx, flow).sources) if records and rows else {}
    for kind in sorted(set(pointing.values())):
        paths = [path for path, of in pointing.items() if of == kind]
        records = _with_names_of(ctx, flow.side, kind, paths, records)
    return records


def _with_names_of(
    ctx: SyncSession, side: str, kind: str, paths: Sequence[str], records: Mapping[str, Record]
) -> Mapping[str, Record]:
    """Records in which these paths, which all point to one kind of record, hold names."""
    values = [transforms.pick(record.values, path) for record in records.values() for path in paths]
    ids = {key for value in values for key in _ids(value)}
    if not ids:
        return records
    names = names_of(ctx, side, kind, ids)
    return {key: replace(record, values=_named(record.values, paths, names)) for key, record in records.items()}


def names_of(ctx: SyncSession, side: str, kind: str, ids: set[str]) -> Mapping[str, str | None]:
    """Names of users, organizations, …, by id. What nobody knows is asked about once more per slice, then None."""
    references = ctx.connection(side).connector.references
    if references is None:
        return dict.fromkeys(ids)
    told = references
    stored = KINDS.get(kind, f"names:{kind}")

    def fetch(missing: list[str]) -> Mapping[str, str]:
        return told.names(ctx.client(side), kind, missing)

    return ctx.resolve_many(side, stored, ids, fetch, lambda since: told.renamed(ctx.client(side), kind, since))


def _pointing(rows: Iterable[MappingRow], sources: Mapping[str, FieldSpec]) -> dict[str, str]:
    """Source path → the kind of record it points to, of the rows that send what people read."""
    paths = [
        path for row in rows if row.direction in ("forward", "both") and row.transform in NAMING for path in row.sources
    ]
    return {path: sources[path].refers for path in paths if path in sources and sources[path].refers}


def _ids(value: JSONValue | transforms.Absent) -> list[str]:
    if isinstance(value, list):
        return [key for part in value for key in _ids(part)]
    if isinstance(value, Mapping):
        return [] if "name" in value else _ids(value.get("id"))
    return [] if value in (None, "") or isinstance(value, transforms.Absent) else [str(value)]


def _named(values: JSONObject, paths: Iterable[str], names: Mapping[str, str | None]) -> dict[str, JSONValue]:
    found = dict(values)
    for path in paths:
        value = transforms.pick(found, path)
        if _ids(value):
            parent, _, key = path.rpartition(".")
            named = _with_name(value, names)
            if parent:
                found[parent] = {**json_object(found[parent]), key: named}
            else:
                found[key] = named
    return found


def _with_name(value: JSONValue | transforms.Absent, names: Mapping[str, str | None]) -> JSONValue:
    if isinstance(value, list):
        return [_with_name(part, names) for part in value]
    key = _ids(value)[0]
    return {"id": key, "name": names.get(key)}
