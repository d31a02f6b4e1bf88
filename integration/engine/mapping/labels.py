"""Labels for people, keys for machines: what an account calls its fields and options, from what we keep of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from config.json_value import JSONObject, JSONValue
from integration.models import Integration, ReferenceCache

Labels = Mapping[str, tuple[str, Mapping[str, str]]]  # field key → its label, and the labels of its options


def labels_of(integrations: Iterable[Integration]) -> Labels:
    """The fields of all accounts of these integrations, in one query and without asking a vendor."""
    accounts = {pk for row in integrations for pk in (row.left_id, row.right_id)}
    found: dict[str, tuple[str, Mapping[str, str]]] = {}
    for entries in ReferenceCache.objects.filter(connection__in=accounts, kind__startswith="fields:").values_list(
        "entries", flat=True
    ):
        for key, spec in entries.items():
            options = {str(option["key"]): str(option["label"]) for option in spec.get("options") or ()}
            found[key] = (str(spec.get("label") or key), options)
    return found


def named(changes: JSONObject, labels: Labels) -> dict[str, JSONValue]:
    """Changes with labels in place of keys, for fields and for options."""
    return {_label(key, labels): _values(key, pair, labels) for key, pair in changes.items()}


def read_as(path: str, value: JSONValue, labels: Labels) -> tuple[str, JSONValue]:
    """One value of a record by its path: the field's label, and the option's label in place of its key."""
    key = path.rpartition(".")[2] if path.startswith("custom_fields.") else path
    label, options = labels.get(key, (key.replace("_", " ").replace(".", ": ").capitalize(), {}))
    if isinstance(value, list):
        return label, [options.get(str(part), part) for part in value]
    return label, options.get(str(value), value)


def _label(key: str, labels: Labels) -> str:
    label = labels[key][0] if key in labels else key
    return label if label == key or len(key) == 40 else f"{label} ({key})"


def _values(key: str, pair: JSONValue, labels: Labels) -> JSONValue:
    options = labels[key][1] if key in labels else {}
    if not options or not isinstance(pair, list):
        return pair
    return [options.get(str(value), value) for value in pair]
