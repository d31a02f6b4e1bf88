"""A tenant's integrations as a document, and a document applied to them: first as a list of changes, then for real.

Called by `export_config` and `apply_config`. Secrets are never written out: `${NAME}` stands for a variable of the
environment. What a document does not know is refused, not passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from config.json_value import JSONObject, JSONValue, json_object
from integration.engine.clients import connection_health
from integration.engine.flow.mapping_row import MappingRow, as_data
from integration.engine.flow.recipe import Recipe, Recipes
from integration.engine.mapping.transforms import TRANSFORMS
from integration.engine.setup import provisioning
from integration.engine.setup import settings as stored_settings
from integration.models import Connection, Direction, FieldMapping, Integration, State
from tenants.models import Tenant

DOCUMENT = frozenset({"tenant", "integrations"})
ENTRY = frozenset({"recipe", "connectors", "settings", "mapping"})
ROW = frozenset({"source", "target", "transform", "options", "direction", "only_create", "default"})
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Refused(ValueError):
    """The document says something that cannot be applied; the message names the place."""


@dataclass(frozen=True)
class Change:
    """One difference between the document and what is there: where, old and new, for people. Never a secret."""

    place: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.place}: {self.old} → {self.new}"


@dataclass(frozen=True)
class Plan:
    """What applying one entry would do."""

    integration: Integration
    settings: JSONObject
    mapping: Mapping[str, Sequence[MappingRow]]
    secrets: Mapping[str, Mapping[str, str]]  # side → credential
    changes: tuple[Change, ...]


# Writing out


def export(tenant: Tenant, recipes: Recipes) -> dict[str, JSONValue]:
    """The tenant's live integrations as a document."""
    return {
        "tenant": tenant.name,
        "integrations": [_entry(row, recipes(row.recipe)) for row in _live(tenant)],
    }


def _live(tenant: Tenant) -> QuerySet[Integration]:
    rows = Integration.objects.select_related("left", "right", "tenant").filter(tenant=tenant)
    return rows.exclude(state=State.UNINSTALLED).order_by("created_at")


def _entry(integration: Integration, recipe: Recipe) -> dict[str, JSONValue]:
    settings = {**recipe.default_settings, **integration.settings}
    flows = {flow: _rows(integration, flow) for flow in recipe.mapped_flows}
    return {
        "recipe": recipe.key,
        "connectors": {getattr(integration, side).vendor: _connector(getattr(integration, side)) for side in _SIDES},
        "settings": {key: settings[key] for key in sorted(settings)},
        "mapping": {flow: [_as_document(row) for row in rows] for flow, rows in flows.items()},
    }


_SIDES = ("left", "right")


def _connector(connection: Connection) -> dict[str, str]:
    found = {"address": connection.base_url, "auth": connection.auth_kind}
    if connection.auth_kind != "oauth":
        found[connection.auth_kind] = f"${{{connection.vendor}_{connection.auth_kind}}}".upper()
    return found


def _rows(integration: Integration, flow: str) -> list[MappingRow]:
    rows = FieldMapping.objects.filter(integration=integration, flow=flow).order_by("position", "id")
    return [as_data(row) for row in rows]


def _as_document(row: MappingRow) -> dict[str, JSONValue]:
    values = {key: value for key, value in asdict(row).items() if key != "required"}
    usual = asdict(MappingRow("", ""))
    return {key: value for key, value in values.items() if key in ("source", "target") or value != usual[key]}


# Reading in


def plan(document: JSONValue, recipes: Recipes) -> list[Plan]:
    """What the document would change. Raises Refused, and asks no vendor."""
    found = _object(document, DOCUMENT, "document")
    tenant = Tenant.objects.filter(name=found.get("tenant")).first()
    if tenant is None:
        raise Refused(f"tenant: there is no tenant {found.get('tenant')!r}")
    return [_plan(tenant, entry, recipes) for entry in _list(found.get("integrations"), "integrations")]


def _plan(tenant: Tenant, part: JSONValue, recipes: Recipes) -> Plan:
    entry = _object(part, ENTRY, "integrations")
    key = str(entry.get("recipe"))
    integration, recipe = _only_one(tenant, key), recipes(key)
    settings = {**recipe.default_settings, **integration.settings}
    wanted = _read_settings(recipe, entry.get("settings"))
    mapping = {flow: _read_rows(recipe, flow, rows) for flow, rows in json_object(entry.get("mapping")).items()}
    secrets = dict(_secrets(integration, entry.get("connectors") or {}))
    vendors = [getattr(integration, side).vendor for side in secrets]
    changes = [Change(f"{key}.connectors.{vendor}", "stored key", "another key") for vendor in vendors]
    changes += [
        Change(f"{key}.settings.{name}", _word(settings.get(name)), _word(value))
        for name, value in wanted.items()
        if settings.get(name) != value
    ]
    for flow, after in mapping.items():
        changes += _row_changes(integration, f"{key}.mapping.{flow}", flow, after)
    return Plan(integration, {**settings, **wanted}, mapping, secrets, tuple(changes))


def _object(part: JSONValue, known: frozenset[str], place: str) -> JSONObject:
    """Return an object of the document that has no other keys than these."""
    if not isinstance(part, Mapping):
        raise Refused(f"{place}: expected keys and values")
    if unknown := sorted(set(map(str, part)) - known):
        raise Refused(f"{place}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return part


def _list(part: JSONValue, place: str) -> Sequence[JSONValue]:
    """Return a list of the document; one that is not there is empty."""
    if part and not isinstance(part, list):
        raise Refused(f"{place}: expected a list")
    return part if isinstance(part, list) else []


def _only_one(tenant: Tenant, recipe: str) -> Integration:
    rows = list(_live(tenant).filter(recipe=recipe))
    if len(rows) != 1:
        raise Refused(f"{recipe}: the tenant has {len(rows)} integrations of this recipe, not one")
    return rows[0]


def _read_settings(recipe: Recipe, part: JSONValue) -> JSONObject:
    """The settings that the document names, which the recipe's form must know."""
    accepts = getattr(recipe.settings_form, "accepts", recipe.settings_form.base_fields.__contains__)
    wanted = json_object(part)
    for name in wanted:
        if not accepts(name):
            raise Refused(f"{recipe.key}.settings: unknown key {name!r}")
    return wanted


def _read_rows(recipe: Recipe, flow: str, rows: JSONValue) -> list[MappingRow]:
    if flow not in recipe.mapped_flows:
        raise Refused(f"{recipe.key}.mapping: unknown key {flow!r}; known are {', '.join(recipe.mapped_flows)}")
    place = f"{recipe.key}.mapping.{flow}"
    defaults = recipe.flow(flow).mapping or ()
    needed = {row.target for row in defaults if row.required}
    found = [_read_row(row, needed, place) for row in _list(rows, place)]
    named = {row.target for row in found}
    if missing := sorted(needed - named):
        raise Refused(f"{place}: the recipe needs the row for {missing[0]}")
    # The recipe's own rows would come back: what is not named is switched off.
    return [*found, *(replace(row, direction="off") for row in defaults if row.target not in named)]


def _read_row(part: JSONValue, needed: Collection[str], place: str) -> MappingRow:
    data = _object(part, ROW, place)
    row = MappingRow(
        source=str(data.get("source") or ""), target=str(data.get("target") or ""),
        transform=str(data.get("transform", "text")), options=json_object(data.get("options")),
        direction=str(data.get("direction", "forward")), only_create=bool(data.get("only_create")),
        default=str(data.get("default") or ""), required=data.get("target") in needed,
    )  # fmt: skip
    if not row.target or row.transform not in TRANSFORMS:
        raise Refused(f"{place}: a row needs a target and a known transform: {dict(data)}")
    if row.direction not in Direction.values:
        raise Refused(f"{place}: unknown direction {row.direction!r}")
    return row


def _secrets(integration: Integration, part: JSONValue) -> Iterator[tuple[str, dict[str, str]]]:
    """The credentials that differ from the stored ones. A variable that is not set leaves what is stored."""
    sides = {getattr(integration, side).vendor: side for side in _SIDES}
    connectors = _object(part, frozenset(sides), f"{integration.recipe}.connectors")
    for vendor, account in connectors.items():
        connection: Connection = getattr(integration, sides[vendor])
        place = f"{integration.recipe}.connectors.{vendor}"
        values = _object(account, frozenset({"address", "auth", connection.auth_kind}), place)
        if values.get("address", connection.base_url) != connection.base_url:
            raise Refused(f"{place}.address: another account is another connection; connect it in the portal")
        raw = str(values.get(connection.auth_kind) or "")
        name = VARIABLE.fullmatch(raw)
        if raw and name is None:
            raise Refused(f"{place}.{connection.auth_kind}: a secret stands in the environment, written ${{NAME}}")
        secret = os.environ.get(name.group(1), "") if name else ""
        if secret and secret != connection.plain_credentials.values.get(connection.auth_kind):
            yield sides[vendor], {connection.auth_kind: secret}


def _row_changes(integration: Integration, place: str, flow: str, rows: Sequence[MappingRow]) -> Iterator[Change]:
    before = {row.target: row for row in _rows(integration, flow)}
    after = {row.target: row for row in rows}
    for target in dict.fromkeys([*before, *after]):
        old, new = before.get(target), after.get(target)
        if old != new:
            yield Change(f"{place}.{target}", _shown(old), _shown(new))


def _shown(row: MappingRow | None) -> str:
    if row is None:
        return "none"
    parts = [f"{key} {value}" for key, value in _as_document(row).items() if key != "target"]
    return ", ".join(parts)


def _word(value: JSONValue) -> str:
    return "empty" if value in (None, "", []) else str(value)


# Applying


def apply(wish: Plan, recipes: Recipes) -> list[provisioning.StepResult]:
    """Make it so: keys first, then settings as the form takes them, then rows, then provisioning. Raises Refused."""
    integration, recipe = wish.integration, recipes(wish.integration.recipe)
    for side, values in wish.secrets.items():
        connection: Connection = getattr(integration, side)
        connection.replace_secret(next(iter(values.values())))
        connection.save(update_fields=["credentials", "credentials_hint", "credentials_changed_at"])
        if not connection_health.check(connection):
            raise Refused(f"{connection.vendor}: {connection.health_detail}")
    form, _ = stored_settings.bound_form(integration, recipe, _posted(wish.settings))
    if not form.is_bound:
        raise Refused(f"{recipe.key}.settings: {stored_settings.NOTHING_CAME}")
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Refused(f"{recipe.key}.settings.{name}: {errors[0]}")
    with transaction.atomic():
        stored_settings.save(integration, form)
        for flow, rows in wish.mapping.items():
            _replace_rows(integration, flow, rows)
    fresh = Integration.objects.select_related("left", "right", "tenant").get(pk=integration.pk)
    return provisioning.provision(fresh, recipes)


def _posted(settings: JSONObject) -> QueryDict:
    """Settings as a browser would send them: what is off is not sent at all."""
    data = QueryDict(mutable=True)
    for name, value in settings.items():
        if isinstance(value, list):
            data.setlist(name, [str(part) for part in value])
        elif value is True:
            data[name] = "on"
        elif value not in (False, None):
            data[name] = str(value)
    return data


def _replace_rows(integration: Integration, flow: str, rows: Sequence[MappingRow]) -> None:
    FieldMapping.objects.filter(integration=integration, flow=flow).delete()
    FieldMapping.objects.bulk_create(
        FieldMapping(
            integration=integration, flow=flow, position=position, source=row.source, target=row.target,
            transform=row.transform, options=dict(row.options), direction=row.direction, only_create=row.only_create,
            default=row.default, required_by_recipe=row.required,
        )
        for position, row in enumerate(rows)
    )  # fmt: skip
