"""Is each mapping row still possible: do both fields exist, and can the transform's values fit the target field?"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext

from integration.engine.diagnose.findings import Finding, Look, fault, fine, passed_over
from integration.engine.flow.base import Flow
from integration.engine.flow.mapping_row import as_data
from integration.engine.mapping.fields import Catalogue, catalogue, trouble
from integration.engine.mapping.fitting import made_type
from integration.engine.mapping.transforms import SOURCELESS
from integration.models import Direction, FieldMapping

SHOWN = 20  # broken rows that are named one by one


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
        yield passed_over(gettext("With these settings no field is mapped."))
    elif not broken:
        yield fine(gettext("All {count} rows fit the fields of both sides.").format(count=count))


def _problem(look: Look, row: FieldMapping, flow: Flow) -> Finding | None:
    look.fields(flow.side, flow.source_object), look.fields(_other(flow), flow.target_object)  # asks the vendors now
    fields, data = catalogue(look.ctx, flow), as_data(row)
    found = trouble(data, fields)
    if not found:
        return None
    name = _name(row, fields)
    if found == "type":
        made = made_type(data, fields.sources.get(row.source))
        given = f"“{row.options.get('value')}”" if row.transform in SOURCELESS else made
        return fault("mapping_type", row=name, given=given, wanted=fields.targets[row.target].type)
    vendor = look.vendor(flow.side if found in ("source_missing", "source_fixed") else _other(flow))
    return fault(f"mapping_{found}", row=name, vendor=vendor)


def _name(row: FieldMapping, fields: Catalogue) -> str:
    spec = fields.sources.get(row.source)
    source = spec.label if spec else row.source or str(row.options.get("value", ""))
    return f"{source} → {row.target}"


def _other(flow: Flow) -> str:
    return "right" if flow.side == "left" else "left"
