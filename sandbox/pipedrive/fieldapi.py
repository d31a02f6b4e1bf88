"""Field definitions over HTTP: v2 by field code with options, v1 by numeric id."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive.api import ADMIN, Call, Endpoint, checked_body, invalid, loose_body, ok, refuse
from sandbox.pipedrive.fields import CUSTOM_TYPES, MAX_OPTIONS, Field, v1_definition, v2_definition
from sandbox.pipedrive.listing import read_limit
from sandbox.pipedrive.schema import Invalid, anything, array, integer, one_of, shape, text

INCLUDE = ("ui_visibility", "important_fields", "required_fields")
_EXTRAS = {"ui_visibility": anything, "important_fields": anything, "required_fields": anything}
NAME = text(255, filled=True)
_CREATE = {
    "field_name": NAME,
    "field_type": one_of(*CUSTOM_TYPES),
    "options": array(shape({"label": NAME}, ("label",)), MAX_OPTIONS),
    "description": text(),
    **_EXTRAS,
}
_UPDATE = {"field_name": NAME, "description": text(), **_EXTRAS}
WITH_OPTIONS = ("enum", "set")


def list_fields(kind: str, call: Call) -> Response:
    limit, start = read_limit(call.query), call.query.get("cursor", "0")
    if not start.isdigit():
        invalid("cursor", "Invalid cursor")
    items = list(call.company.fields[kind].values())
    page = items[int(start) : int(start) + limit]
    more = int(start) + limit < len(items)
    include = _include(call)
    cursor = str(int(start) + limit) if more else None
    return ok([v2_definition(item, include) for item in page], {"next_cursor": cursor})


def get_field(kind: str, call: Call) -> Response:
    return ok(v2_definition(_field(kind, call), _include(call)))


def create_field(kind: str, call: Call) -> Response:
    wish = checked_body(call, _CREATE, ("field_name", "field_type"))
    if wish["field_type"] in WITH_OPTIONS and not wish.get("options"):
        invalid("options", "Required for field type enum or set")
    if wish["field_type"] not in WITH_OPTIONS and "options" in wish:
        invalid("options", "Allowed only for field type enum or set")
    extra = {key: wish[key] for key in INCLUDE if isinstance(wish.get(key), dict)}
    made = add_field(call, kind, wish["field_name"], wish["field_type"], wish.get("options"), extra)
    return ok(v2_definition(made, set(INCLUDE)))


def add_field(
    call: Call,
    kind: str,
    name: str,
    field_type: str,
    options: list[Record] | None,
    extra: Record | None = None,
    *,
    add_visible: bool = False,
) -> Field:
    now = call.sandbox.clock.rfc3339()
    made = Field(call.company.next("field", 12_001), call.world.new_hash(), name, field_type, extra=extra or {})
    made.add_visible = bool((extra or {}).get("ui_visibility", {}).get("add_visible_flag", add_visible))
    made.add_time = made.update_time = now
    if field_type in WITH_OPTIONS:
        made.options = [_new_option(call, option["label"]) for option in options or ()]
    call.company.fields[kind][made.code] = made
    return made


def _new_option(call: Call, label: str) -> Record:
    return {"id": call.company.next("option", 31), "label": label}


def update_field(kind: str, call: Call) -> Response:
    item = _custom(kind, call)
    wish = checked_body(call, _UPDATE)
    item.name = wish.get("field_name", item.name)
    for key in INCLUDE:
        if isinstance(wish.get(key), dict):
            item.extra[key] = item.extra.get(key, {}) | wish[key]
    item.add_visible = item.extra.get("ui_visibility", {}).get("add_visible_flag", item.add_visible)
    item.update_time = call.sandbox.clock.rfc3339()
    return ok(v2_definition(item, set(INCLUDE)))


def delete_field(kind: str, call: Call) -> Response:
    item = _custom(kind, call)
    remove_field(call, kind, item)
    return ok(v2_definition(item, set(INCLUDE)))


def remove_field(call: Call, kind: str, item: Field) -> None:
    """Drop the definition and its values."""
    call.company.fields[kind].pop(item.code, None)
    _replace_values(call, kind, item.code, lambda value: None)


def _forget_options(call: Call, kind: str, item: Field) -> None:
    """Options that are gone take their values with them."""
    known = item.option_ids()
    if item.type == "set":
        _replace_values(call, kind, item.code, lambda value: [part for part in value if part in known] or None)
    else:
        _replace_values(call, kind, item.code, lambda value: value if value in known else None)


def _replace_values(call: Call, kind: str, code: str, replace: Callable[[Any], Any]) -> None:
    """Rewrite one field of every record, silently: the vendor sends no event for it."""
    for table in (call.company.tables[kind], *([call.company.tables["lead"]] if kind == "deal" else [])):
        for row in list(table.rows.values()):
            if code not in row["custom_fields"]:
                continue
            value = replace(row["custom_fields"][code])
            values = {key: kept for key, kept in row["custom_fields"].items() if key != code}
            table.put(row | {"custom_fields": values | ({} if value is None else {code: value})})


def add_options(kind: str, call: Call) -> Response:
    item = _custom(kind, call)
    wishes = _options_body(call, {"label": NAME}, ("label",))
    made = [_new_option(call, wish["label"]) for wish in wishes]
    item.options = [*(item.options or []), *made]
    return ok(made, {})


def rename_options(kind: str, call: Call) -> Response:
    item = _custom(kind, call)
    wishes = _options_body(call, {"id": integer, "label": NAME}, ("id", "label"))
    _check_ids(item, wishes)
    labels = {wish["id"]: wish["label"] for wish in wishes}
    item.options = [option | {"label": labels.get(option["id"], option["label"])} for option in item.options or ()]
    return ok([option for option in item.options if option["id"] in labels], {})


def delete_options(kind: str, call: Call) -> Response:
    item = _custom(kind, call)
    wishes = _options_body(call, {"id": integer}, ("id",))
    _check_ids(item, wishes)
    gone = {wish["id"] for wish in wishes}
    removed = [option for option in item.options or () if option["id"] in gone]
    item.options = [option for option in item.options or () if option["id"] not in gone]
    _forget_options(call, kind, item)
    return ok(removed, {})


def _options_body(call: Call, checks: dict[str, Any], required: tuple[str, ...]) -> list[Record]:
    try:
        wishes: list[Record] = array(shape(checks, required), MAX_OPTIONS)("body", call.body())
    except Invalid as error:
        invalid(error.name, error.problem)
    return wishes


def _check_ids(item: Field, wishes: list[Record]) -> None:
    for wish in wishes:
        if wish["id"] not in item.option_ids():
            invalid("id", f"Option with ID {wish['id']} does not exist")


def _include(call: Call) -> set[str]:
    names = {name for name in call.query.get("include_fields", "").split(",") if name}
    if not names <= set(INCLUDE):
        invalid("include_fields", f"Invalid value. Expected {' | '.join(INCLUDE)}")
    return names


def _field(kind: str, call: Call) -> Field:
    item = call.company.fields[kind].get(call.params["code"])
    return item or refuse(404, "Field not found", code="ERR_NOT_FOUND")


def _custom(kind: str, call: Call) -> Field:
    item = _field(kind, call)
    return item if item.custom else refuse(403, "Forbidden: not a custom field", code="ERR_FORBIDDEN")


def list_fields_v1(kind: str, call: Call) -> Response:
    items = list(call.company.fields[kind].values())
    start, limit = int(call.query.get("start", "0")), int(call.query.get("limit", "500"))
    page = items[start : start + limit]
    rows = [v1_definition(item, order) for order, item in enumerate(page, start + 1)]
    more = start + limit < len(items)
    return ok(rows, {"start": start, "limit": limit, "more_items_in_collection": more})


def get_field_v1(kind: str, call: Call) -> Response:
    item = _by_number(kind, call)
    return ok(v1_definition(item, 1))


def create_field_v1(kind: str, call: Call) -> Response:
    wish = loose_body(call)
    if not wish.get("name") or wish.get("field_type") not in (*CUSTOM_TYPES, "visible_to"):
        refuse(400, "Bad request", info="name and a valid field_type are required")
    options = wish.get("options")
    if wish["field_type"] in WITH_OPTIONS and not isinstance(options, list):
        refuse(400, "Bad request", info="options are required")
    return ok(v1_definition(add_field(call, kind, wish["name"], wish["field_type"], options, add_visible=True), 1))


def update_field_v1(kind: str, call: Call) -> Response:
    """Rename; `options` replaces the list, left-out options vanish with their values."""
    item, wish = _by_number(kind, call), loose_body(call)
    item.name = wish.get("name", item.name)
    if isinstance(wish.get("options"), list):
        item.options = [
            {"id": option["id"], "label": option["label"]} if "id" in option else _new_option(call, option["label"])
            for option in wish["options"]
        ]
        _forget_options(call, kind, item)
    return ok(v1_definition(item, 1))


def delete_field_v1(kind: str, call: Call) -> Response:
    item = _by_number(kind, call)
    if not item.custom:
        refuse(403, "Forbidden")
    remove_field(call, kind, item)
    return ok({"id": item.id})


def _by_number(kind: str, call: Call) -> Field:
    wanted = call.number()
    found = next((item for item in call.company.fields[kind].values() if item.id == wanted), None)
    return found or refuse(404, "Field not found")


def _endpoints(
    kind: str, path: str, read: tuple[str, ...], write: tuple[str, ...], change: tuple[str, ...]
) -> list[Endpoint]:
    """`write` creates and deletes a field; the spec lets `change` edit one and its options."""
    v2, one = f"v2/{path}", f"v2/{path}/{{code}}"
    v1 = f"v1/{path}"
    return [
        Endpoint("GET", v2, partial(list_fields, kind), 10, read),
        Endpoint("POST", v2, partial(create_field, kind), 5, write, admin=True),
        Endpoint("GET", one, partial(get_field, kind), 1, read),
        Endpoint("PATCH", one, partial(update_field, kind), 5, change, admin=True),
        Endpoint("DELETE", one, partial(delete_field, kind), 3, write, admin=True),
        Endpoint("POST", f"{one}/options", partial(add_options, kind), 5, change, admin=True),
        Endpoint("PATCH", f"{one}/options", partial(rename_options, kind), 5, change, admin=True),
        Endpoint("DELETE", f"{one}/options", partial(delete_options, kind), 3, change, admin=True),
        Endpoint("GET", v1, partial(list_fields_v1, kind), 20, read),
        Endpoint("POST", v1, partial(create_field_v1, kind), 10, write, admin=True),
        Endpoint("GET", f"{v1}/{{id}}", partial(get_field_v1, kind), 2, read),
        Endpoint("PUT", f"{v1}/{{id}}", partial(update_field_v1, kind), 10, write, admin=True),
        Endpoint("DELETE", f"{v1}/{{id}}", partial(delete_field_v1, kind), 6, write, admin=True),
    ]


_CONTACT_READ = ("contacts:read", "contacts:full", "contact-fields:full", *ADMIN)
_CONTACT_WRITE = ("contact-fields:full", *ADMIN)
_DEAL_READ = ("deals:read", "deals:full", "deal-fields:full", *ADMIN)
_DEAL_WRITE = ("deal-fields:full", *ADMIN)
_CONTACT_CHANGE, _DEAL_CHANGE = ("contacts:full", *_CONTACT_WRITE), ("deals:full", *_DEAL_WRITE)
ENDPOINTS = [
    *_endpoints("person", "personFields", _CONTACT_READ, _CONTACT_WRITE, _CONTACT_CHANGE),
    *_endpoints("organization", "organizationFields", _CONTACT_READ, _CONTACT_WRITE, _CONTACT_CHANGE),
    *_endpoints("deal", "dealFields", _DEAL_READ, _DEAL_WRITE, _DEAL_CHANGE),
]
