"""Is each mapping row still possible: do both fields exist, and can the transform's values fit the target field?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integration.connectors.base import FieldSpec
from integration.engine.diagnose.findings import Finding, Look, fault, fine, passed_over
from integration.engine.flow import Flow
from integration.engine.mapping import SOURCELESS, NotConvertible, convert
from integration.models import Direction, FieldMapping

CUSTOM = "custom_fields."
SHOWN = 20  # broken rows that are named one by one
# What each transform makes; one that is missing here makes what its source field holds.
MAKES = {
    "number": "number", "date": "date", "datetime": "datetime", "yes_no": "boolean", "option_label": "words",
    "phone": "phone", "join": "words", "first_word": "words", "other_words": "words",
}  # fmt: skip
NUMBERS, TIMES = frozenset({"number", "integer", "money"}), frozenset({"date", "datetime"})
# What can never become the type of the target field. Plain text may: it is converted or reported record by record.
UNFIT = {
    **dict.fromkeys(NUMBERS, TIMES | {"phone", "email", "options"}),
    **dict.fromkeys(TIMES, NUMBERS | {"boolean", "phone", "email", "option", "options", "words"}),
    "boolean": NUMBERS | TIMES | {"phone", "email", "options"},
}


def mapping(look: Look, side: str) -> Iterator[Finding]:
    """Look at every row that travels."""
    rows = FieldMapping.objects.filter(integration=look.integration).exclude(direction=Direction.OFF)
    flows = {flow.key: flow for flow in look.recipe.flows if flow.enabled(look.ctx.settings)}
    count, broken = 0, 0
    needed = {(need.side, need.key) for need in look.recipe.fields(look.ctx)}
    for row in rows:
        if row.flow not in flows:
            continue
        flow, count = flows[row.flow], count + 1
        found = _problem(look, row, flow)
        if found and (found.code != "mapping_target_missing" or (_other(flow), row.target) not in needed):
            broken += 1
            if broken <= SHOWN:
                yield found
    if not count:
        yield passed_over("With these settings no field is mapped.")
    elif not broken:
        yield fine(f"All {count} rows fit the fields of both sides.")


def _problem(look: Look, row: FieldMapping, flow: Flow) -> Finding | None:
    sources = look.fields(flow.side, flow.source_object)
    target = look.fields(_other(flow), flow.target_object).get(row.target)
    name = _name(row, sources)
    source = sources.get(row.source.removeprefix(CUSTOM))
    if row.transform not in SOURCELESS and row.source.startswith(CUSTOM) and source is None:
        return fault("mapping_source_missing", row=name, vendor=look.vendor(flow.side))
    if target is None:
        return fault("mapping_target_missing", row=name, vendor=look.vendor(_other(flow)))
    if not target.writable:
        return fault("mapping_target_fixed", row=name, vendor=look.vendor(_other(flow)))
    given = _unfit(row, source, target)
    return fault("mapping_type", row=name, given=given, wanted=target.type) if given else None


def _unfit(row: FieldMapping, source: FieldSpec | None, target: FieldSpec) -> str:
    """What the row makes, if that can never fit its target; else empty."""
    if row.transform in SOURCELESS:
        value = row.options.get("value")
        try:
            convert(value, target.type)
        except NotConvertible:
            return f"“{value}”"
        return ""
    made = MAKES.get(row.transform) or (source.type if source else "text")
    return made if made in UNFIT.get(target.type, ()) else ""


def _name(row: FieldMapping, sources: Mapping[str, FieldSpec]) -> str:
    spec = sources.get(row.source.removeprefix(CUSTOM))
    source = spec.label if spec else row.source or str(row.options.get("value", ""))
    return f"{source} → {row.target}"


def _other(flow: Flow) -> str:
    return "right" if flow.side == "left" else "left"
