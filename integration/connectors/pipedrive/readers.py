"""Parse Pipedrive's bodies into `records`: REST v2, REST and webhook v1, webhook v2. Wrong shapes raise ContractError.

The versions differ in names and nesting (pipedrive sheet §3, §12); each reader accepts all of them, so that one parser
per object serves the three. Only custom fields need to know where they came from: `Custom` is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.json_value import JSONValue, json_texts
from integration.connectors.pipedrive import custom_values, values
from integration.connectors.pipedrive.records import (
    Activity,
    ActivityType,
    AnyRecord,
    Deal,
    Found,
    Lead,
    Note,
    Organization,
    Person,
    Pipeline,
    Stage,
    User,
)
from integration.errors import ContractError

Raw = values.Raw
Custom = Callable[[Raw], Mapping[str, JSONValue]]


def rest_v2_custom(types: Mapping[str, str]) -> Custom:
    """Read `custom_fields` of v2 objects; the field types tell option ids from numbers."""

    def read(raw: Raw) -> Mapping[str, JSONValue]:
        found = values.custom_fields(raw).items()
        return {key: custom_values.from_rest_v2(value, types.get(key, "")) for key, value in found}

    return read


def v1_custom(types: Mapping[str, str]) -> Custom:
    """Read the flat hashes of v1 objects. Hashes of unknown type are left out: v1 does not say what they mean."""

    def read(raw: Raw) -> Mapping[str, JSONValue]:
        return {key: custom_values.from_v1(key, raw, kind) for key, kind in types.items() if key in raw}

    return read


def webhook_v2_custom(raw: Raw) -> Mapping[str, JSONValue]:
    """Read `custom_fields` of webhook 2.0 bodies, where null means empty."""
    return {key: custom_values.from_webhook_v2(value) for key, value in values.custom_fields(raw).items()}


def parse_person(raw: Raw, custom: Custom) -> Person:
    return Person(
        id=values.required_id(raw),
        name=values.text(raw, "name"),
        first_name=values.text(raw, "first_name"),
        last_name=values.text(raw, "last_name"),
        emails=values.points(raw, "emails", "email"),
        phones=values.points(raw, "phones", "phone"),
        owner_id=values.id_of(raw, "owner_id"),
        org_id=values.id_of(raw, "org_id"),
        label_ids=values.labels(raw),
        visible_to=values.id_of(raw, "visible_to"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        is_deleted=values.deleted(raw),
        custom_fields=custom(raw),
    )


def parse_organization(raw: Raw, custom: Custom) -> Organization:
    address, parts = values.address(raw)
    return Organization(
        id=values.required_id(raw),
        name=values.text(raw, "name"),
        address=address,
        address_parts=parts,
        website=values.text(raw, "website"),
        owner_id=values.id_of(raw, "owner_id"),
        label_ids=values.labels(raw),
        visible_to=values.id_of(raw, "visible_to"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        is_deleted=values.deleted(raw),
        custom_fields=custom(raw),
    )


def parse_deal(raw: Raw, custom: Custom) -> Deal:
    return Deal(
        id=values.required_id(raw),
        title=values.text(raw, "title"),
        value=values.number(raw, "value"),
        currency=values.text(raw, "currency"),
        status=values.text(raw, "status"),
        person_id=values.id_of(raw, "person_id"),
        org_id=values.id_of(raw, "org_id"),
        owner_id=values.id_of(raw, "owner_id") or values.id_of(raw, "user_id"),
        creator_user_id=values.id_of(raw, "creator_user_id"),
        pipeline_id=values.id_of(raw, "pipeline_id"),
        stage_id=values.id_of(raw, "stage_id"),
        probability=values.number(raw, "probability"),
        expected_close_date=values.text(raw, "expected_close_date"),
        won_time=values.moment(raw, "won_time"),
        lost_time=values.moment(raw, "lost_time"),
        close_time=values.moment(raw, "close_time"),
        local_won_date=values.text(raw, "local_won_date"),
        local_lost_date=values.text(raw, "local_lost_date"),
        local_close_date=values.text(raw, "local_close_date"),
        lost_reason=values.text(raw, "lost_reason"),
        label_ids=values.labels(raw),
        visible_to=values.id_of(raw, "visible_to"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        stage_change_time=values.moment(raw, "stage_change_time"),
        is_archived=bool(raw.get("is_archived")),
        is_deleted=values.deleted(raw) or raw.get("status") == "deleted",
        custom_fields=custom(raw),
    )


def parse_lead(raw: Raw, custom: Custom) -> Lead:
    value = raw.get("value") or {}
    if not isinstance(value, dict):
        raise values.wrong("value", value)
    return Lead(
        id=values.required_id(raw),
        title=values.text(raw, "title"),
        value=values.number(value, "amount"),
        currency=values.text(value, "currency"),
        person_id=values.id_of(raw, "person_id"),
        org_id=values.id_of(raw, "organization_id"),
        owner_id=values.id_of(raw, "owner_id"),
        label_ids=values.labels(raw),
        expected_close_date=values.text(raw, "expected_close_date"),
        is_archived=bool(raw.get("is_archived")),
        visible_to=values.id_of(raw, "visible_to"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        custom_fields=custom(raw),
    )


def parse_activity(raw: Raw, custom: Custom) -> Activity:
    return Activity(
        id=values.required_id(raw),
        subject=values.text(raw, "subject"),
        type=values.text(raw, "type"),
        done=bool(raw.get("done")),
        due_date=values.text(raw, "due_date"),
        due_time=values.clock(raw, "due_time"),
        duration=values.clock(raw, "duration"),
        note=values.text(raw, "note"),
        public_description=values.text(raw, "public_description"),
        owner_id=values.id_of(raw, "owner_id") or values.id_of(raw, "user_id"),
        person_id=values.id_of(raw, "person_id"),
        org_id=values.id_of(raw, "org_id"),
        deal_id=values.id_of(raw, "deal_id"),
        lead_id=values.id_of(raw, "lead_id"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        is_deleted=values.deleted(raw),
    )


def parse_note(raw: Raw, custom: Custom) -> Note:
    return Note(
        id=values.required_id(raw),
        content=values.text(raw, "content"),
        user_id=values.id_of(raw, "user_id"),
        person_id=values.id_of(raw, "person_id"),
        org_id=values.id_of(raw, "org_id"),
        deal_id=values.id_of(raw, "deal_id"),
        lead_id=values.id_of(raw, "lead_id"),
        add_time=values.moment(raw, "add_time"),
        update_time=values.moment(raw, "update_time"),
        is_deleted=values.deleted(raw),  # a deleted note is still readable (pipedrive sheet §17)
    )


def parse_activity_type(raw: Raw) -> ActivityType:
    if not (key := values.text(raw, "key_string")):
        raise ContractError("Pipedrive sent an activity type without a key.", detail=f"keys: {sorted(raw)[:20]}")
    return ActivityType(key, values.text(raw, "name"), bool(raw.get("active_flag", True)))


def parse_user(raw: Raw) -> User:
    return User(
        values.required_id(raw), values.text(raw, "name"), values.text(raw, "email"), bool(raw.get("active_flag", True))
    )


def parse_pipeline(raw: Raw) -> Pipeline:
    return Pipeline(
        values.required_id(raw), values.text(raw, "name"), int(values.number(raw, "order_nr") or 0), values.deleted(raw)
    )


def parse_stage(raw: Raw) -> Stage:
    order = int(values.number(raw, "order_nr") or 0)
    return Stage(
        values.required_id(raw), values.text(raw, "name"), values.id_of(raw, "pipeline_id"), order, values.deleted(raw)
    )


PARSERS: Mapping[str, Callable[[Raw, Custom], AnyRecord]] = {
    "person": parse_person,
    "organization": parse_organization,
    "deal": parse_deal,
    "lead": parse_lead,
    "activity": parse_activity,
    "note": parse_note,
}


def parse_search(data: JSONValue) -> list[Found]:
    """Read the hits of any search: `data.items[].item`."""
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(
        isinstance(row, dict) and isinstance(row.get("item"), dict) for row in items
    ):
        raise ContractError("Pipedrive sent search results in an unknown form.", detail=type(data).__name__)
    return [_found(row["item"]) for row in items]


def _found(item: Raw) -> Found:
    emails = tuple(json_texts(item.get("emails")))
    name = values.text(item, "name") or values.text(item, "title")
    return Found(values.text(item, "type"), values.required_id(item), name, emails)
