"""Make fields at a vendor that mapping rows ask for: a refused one stops no other one and is told by its label."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from integration.connectors.base import Connector, FieldSpec
from integration.engine.flow.session import SyncSession
from integration.engine.mapping.fields import forget
from integration.errors import PartlyDone, RecordError


@dataclass
class Made:
    """What became of the fields that were asked for."""

    by_key: dict[str, FieldSpec] = field(default_factory=dict)  # the key asked for → the field as the vendor has it
    refused: list[str] = field(default_factory=list)  # label and reason of each that the vendor does not take

    def said(self) -> str:
        """How it went, for the step's line. Raises PartlyDone where something was refused."""
        labels = [spec.label for spec in self.by_key.values()]
        done = f"created {', '.join(labels)}" if labels else "in place"
        if self.refused:
            raise PartlyDone(f"Not created: {'; '.join(self.refused)}", detail=f"The rest: {done}.")
        return done


def make(ctx: SyncSession, side: str, object_type: str, wanted: Iterable[tuple[str, FieldSpec]]) -> Made:
    """Create these fields, each with the label people know it by. Raises IntegrationErrors that concern them all."""
    connector, made = ctx.connection(side).connector, Made()
    for label, spec in wanted:
        try:
            made.by_key[spec.key or spec.label] = connector.create_field(ctx.client(side), object_type, spec)
        except RecordError as exc:
            made.refused.append(f"“{label.strip()}”: {exc.public} {exc.detail}".strip())
    if made.by_key:
        ctx.fields(side, object_type, fresh=True)
        forget(ctx)
    return made


def free_name(connector: Connector, label: str, taken: Collection[str], there: Mapping[str, FieldSpec]) -> str:
    """The name a field with this label gets at a vendor: as the vendor writes names, and nobody else's yet.

    `taken` are names that rows write already. A field of `there` that may be written is taken for the one meant.
    """
    known = {name.casefold() for name in taken}
    for number in count(1):
        name = connector.field_name(label, number)
        fixed = name in there and not there[name].writable
        if name.casefold() not in known and not fixed and not connector.name_problem(name):
            return name
    raise AssertionError("unreachable")
