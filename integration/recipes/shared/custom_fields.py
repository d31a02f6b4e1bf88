"""The person fields that a tenant ticks in the settings: a mapping row each, with a field of the same name."""

from __future__ import annotations

from integration.connectors.base import FieldSpec
from integration.engine.api import SyncSession, new_fields
from integration.models import FieldMapping
from integration.recipes.shared.pipedrive_fields import CUSTOM

TRANSFORMS = {"option": "option_label", "options": "option_label", "date": "date", "number": "number"}


def target_type(spec: FieldSpec) -> str:
    """The type a field gets that is made for this one. It can never be changed again."""
    return spec.type if spec.type in ("number", "integer", "boolean", "date") else "text"


def sync_rows(ctx: SyncSession, flow: str) -> None:
    """Make the flow's rows for custom fields those of the settings. A field that vanished keeps its row."""
    fields, there = ctx.fields("left", "person"), ctx.fields("right", "contact")
    connector = ctx.connection("right").connector
    chosen = [f"{CUSTOM}{key}" for key in ctx.settings["custom_fields"]]
    rows = FieldMapping.objects.filter(integration=ctx.integration, flow=flow)
    ours = rows.filter(options__by_settings=True)
    ours.exclude(source__in=chosen).delete()
    for row in ours:
        if row.target not in there and connector.name_problem(row.target):
            row.delete()  # it never had a field, and gets one under another name
    known, taken = set(rows.values_list("source", flat=True)), set(rows.values_list("target", flat=True))
    for source in chosen:
        spec = fields.get(source.removeprefix(CUSTOM))
        if source in known or spec is None:
            continue
        target = new_fields.free_name(connector, spec.label, taken, there)
        taken.add(target)
        FieldMapping.objects.create(
            integration=ctx.integration, flow=flow, position=100, source=source, target=target,
            transform=TRANSFORMS.get(spec.type, "text"),
            options={"by_settings": True, "target_type": target_type(spec)},
        )  # fmt: skip
