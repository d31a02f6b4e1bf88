"""Fields that the source's vendor cuts out of another one, as first and last name are cut out of the name.

They cut it in their own way, so parts are compared and written together: the whole is what really changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from config.json_value import JSONObject, JSONValue
from integration.connectors.base import FieldSpec
from integration.engine.flow.mapping_row import MappingRow

Group = Sequence[MappingRow]  # the rows of all parts of one whole, in their order
TRANSFORM = "text"  # of rows whose values are the parts themselves


def groups(rows: Sequence[MappingRow], sources: Mapping[str, FieldSpec]) -> list[Group]:
    """The wholes of which two rows or more carry the parts there and back."""
    both = [
        row
        for row in rows
        if row.direction == "both" and row.transform == TRANSFORM and row.source in sources and sources[row.source].part
    ]
    ordered = sorted(both, key=lambda row: (sources[row.source].part_of, sources[row.source].part))
    found = [list(group) for _, group in groupby(ordered, key=lambda row: sources[row.source].part_of)]
    return [group for group in found if len(group) > 1]


def as_written(found: Sequence[Group], values: JSONObject, written: JSONObject) -> dict[str, JSONValue]:
    """Target values in which a whole that did not change has the parts it had before."""
    kept = dict(values)
    for group in found:
        keys = [row.target for row in group]
        known = all(key in values and key in written for key in keys)
        if known and _whole(values, keys) == _whole(written, keys):
            kept |= {key: written[key] for key in keys}
    return kept


def whole_again(found: Sequence[Group], sent: JSONObject, present: JSONObject) -> dict[str, JSONValue]:
    """Source values in which a whole that changes has all its parts, and one that does not change has none.

    `sent` is by source path; `present` by target key: what the parts are now.
    """
    result = dict(sent)
    for group in found:
        if not any(row.source in sent for row in group):
            continue
        parts = {row.source: sent.get(row.source, present.get(row.target)) for row in group}
        before = _whole(present, [row.target for row in group])
        if _whole(parts, list(parts)) == before:
            result = {path: value for path, value in result.items() if path not in parts}
        else:
            result |= parts
    return result


def _whole(values: JSONObject, keys: Sequence[str]) -> str:
    return " ".join(" ".join(str(values.get(key) or "") for key in keys).split())
