"""Pipedrive's fields: what they are, making one, its options, where it is shown. Types are read once per client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from config.json_value import JSONValue
from integration.connectors.base import Credentials, FieldSpec
from integration.connectors.pipedrive.api import Api, segment
from integration.connectors.pipedrive.fields import FIELD_PATHS, SHOWN, field_spec
from integration.http import Effect, Instrumentation


class FieldCalls(Api):
    """The part of the client that concerns fields."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        super().__init__(credentials, wire)
        self._types: dict[str, dict[str, str]] = self._wire.memory.setdefault("pipedrive field types", {})
        self._types_read: set[str] = set()  # the kinds whose fields this client itself has read

    def list_fields(self, object_type: str) -> list[FieldSpec]:
        """Return the fields of person, organization, deal or lead (the deals'), and remember their types."""
        rows = list(self.all_v2(f"/api/v2/{FIELD_PATHS[object_type]}", cost=10))
        custom = [row for row in rows if row.get("is_custom_field")]
        self._types[object_type] = {str(row.get("field_code")): str(row.get("field_type")) for row in custom}
        self._types_read.add(object_type)
        return [field_spec(row, object_type) for row in rows]

    def create_field(self, object_type: str, body: Mapping[str, JSONValue]) -> FieldSpec:
        """Create a custom field. Names are not unique: list first, remember the key (pipedrive sheet §5)."""
        row = self.write("POST", f"/api/v2/{FIELD_PATHS[object_type]}", body, cost=5)
        self._types_read.discard(object_type)
        return field_spec(row, object_type)

    def show_when_adding(self, object_type: str, key: str) -> bool:
        """Show a custom field where people add a record. Returns whether it was hidden there."""
        path = f"/api/v2/{FIELD_PATHS[object_type]}/{segment(key)}"
        row = self.get(path, cost=1, include_fields="ui_visibility")
        visibility = row.get("ui_visibility")
        if not isinstance(visibility, dict) or visibility.get("add_visible_flag") is not False:
            return False
        self.write("PATCH", path, {"ui_visibility": SHOWN}, cost=5)
        return True

    def add_field_options(self, object_type: str, key: str, labels: Sequence[str]) -> None:
        """Add choices to an option field; existing ones stay."""
        path = f"/api/v2/{FIELD_PATHS[object_type]}/{segment(key)}/options"
        self.call("POST", path, effect=Effect.WRITE, cost=5, json=[{"label": label} for label in labels])

    def field_types(self, object_type: str, keys: Iterable[str] | None = None) -> Mapping[str, str]:
        """Return custom field key → field type, read once per client.

        With `keys`, what an earlier client has read is good enough if it knows them all: a field keeps its type.
        """
        known = self._types.get(object_type)
        remembered = known is not None and keys is not None and known.keys() >= set(keys)
        if not remembered and object_type not in self._types_read:
            self.list_fields(object_type)
        return self._types[object_type]
