"""One field mapping as data, and how the rows of a flow travel back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from config.json_value import JSONObject, json_texts
from integration.models import FieldMapping


@dataclass(frozen=True)
class MappingRow:
    """One field mapping as data: what the pure mapping engine works on, and what a recipe proposes by default."""

    source: str
    target: str
    transform: str = "text"
    options: JSONObject = field(default_factory=dict)
    direction: str = "forward"
    only_create: bool = False
    default: str = ""
    required: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Every path it reads: its own, and those whose texts are joined to it."""
        return (self.source, *json_texts(self.options.get("with")))


def as_data(row: FieldMapping) -> MappingRow:
    """A stored row as the mapping engine takes it."""
    return MappingRow(
        source=row.source, target=row.target, transform=row.transform, options=row.options, direction=row.direction,
        only_create=row.only_create, default=row.default, required=row.required_by_recipe,
    )  # fmt: skip


@dataclass(frozen=True)
class TwoWay:
    """How the rows of a flow travel back: the flow that carries them, and who wins a field both sides changed.

    Both flows share their link type and name their records by the source's id. `wins` is newest, source or target.
    """

    back: str
    wins: Callable[[JSONObject], str] = lambda settings: "newest"
