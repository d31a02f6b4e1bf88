"""The v2 record kinds as data: what a body may carry, what a list may filter, what an answer shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.pipedrive.schema import (
    Check,
    anything,
    array,
    boolean,
    integer,
    iso_date,
    moment,
    number,
    one_of,
    optional,
    shape,
    text,
)

VISIBLE_TO = one_of(1, 3, 5, 7)
LABELS = array(integer)
_PARTS = (
    "country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality", "route",
    "street_number", "subpremise", "postal_code",
)  # fmt: skip
ADDRESS = shape({"value": text(), **dict.fromkeys(_PARTS, optional(text()))})
CHANNEL = shape({"value": text(255), "primary": boolean, "label": text(255)}, ("value",))
CONTACT_SYNC_KEYS = ("notes", "im", "ims", "birthday", "job_title", "postal_address")
COUNTS = (
    "open_deals_count", "related_open_deals_count", "closed_deals_count", "related_closed_deals_count",
    "won_deals_count", "related_won_deals_count", "lost_deals_count", "related_lost_deals_count",
    "email_messages_count", "activities_count", "done_activities_count", "undone_activities_count",
    "files_count", "notes_count", "followers_count",
)  # fmt: skip
_ACTIVITY_IDS = ("next_activity_id", "last_activity_id")
_MAIL = ("last_incoming_mail_time", "last_outgoing_mail_time")
TIMES = ("id", "update_time", "add_time")


@dataclass(frozen=True)
class Kind:
    name: str
    plural: str
    fields_path: str | None
    shows: tuple[str, ...]
    writes: dict[str, Check]
    required: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    optional_fields: tuple[str, ...] = ()
    sorts: tuple[str, ...] = TIMES
    empties: dict[str, Any] = field(default_factory=dict)


PERSON = Kind(
    "person", "persons", "personFields",
    shows=("id", "name", "first_name", "last_name", "owner_id", "org_id", "add_time", "update_time", "emails",
           "phones", "is_deleted", "visible_to", "label_ids", "picture_id"),
    writes={
        "name": text(255, filled=True), "owner_id": integer, "org_id": optional(integer), "add_time": moment,
        "emails": array(CHANNEL), "phones": array(CHANNEL), "visible_to": VISIBLE_TO,
        "label_ids": LABELS, "custom_fields": anything,
        "marketing_status": one_of("no_consent", "unsubscribed", "subscribed", "archived"),
    },
    required=("name",),
    filters=("owner_id", "org_id"),
    optional_fields=(*_ACTIVITY_IDS, *COUNTS, "participant_open_deals_count", "participant_closed_deals_count",
                     *_MAIL, "marketing_status", "doi_status", "smart_bcc_email"),
    empties={"emails": [], "phones": [], "org_id": None, "label_ids": [], "picture_id": None,
             "marketing_status": "no_consent"},
)  # fmt: skip

ORGANIZATION = Kind(
    "organization", "organizations", "organizationFields",
    shows=("id", "name", "owner_id", "add_time", "update_time", "is_deleted", "visible_to", "address", "label_ids",
           "website", "linkedin", "industry", "annual_revenue", "employee_count"),
    writes={
        "name": text(255, filled=True), "owner_id": integer, "add_time": moment, "visible_to": VISIBLE_TO,
        "label_ids": LABELS, "address": optional(ADDRESS), "website": optional(text(255)),
        "linkedin": optional(text(255)), "industry": optional(integer), "annual_revenue": optional(integer),
        "employee_count": optional(integer), "custom_fields": anything,
    },
    required=("name",),
    filters=("owner_id",),
    optional_fields=(*_ACTIVITY_IDS, *COUNTS, "people_count", "smart_bcc_email"),
    empties={"label_ids": [], "address": None, "website": None, "linkedin": None, "industry": None,
             "annual_revenue": None, "employee_count": None},
)  # fmt: skip

DEAL = Kind(
    "deal", "deals", "dealFields",
    shows=("id", "title", "creator_user_id", "owner_id", "value", "currency", "person_id", "org_id", "stage_id",
           "pipeline_id", "add_time", "update_time", "stage_change_time", "status", "is_archived", "archive_time",
           "is_deleted", "probability", "lost_reason", "visible_to", "close_time", "won_time", "lost_time",
           "local_won_date", "local_lost_date", "local_close_date", "expected_close_date", "label_ids", "origin",
           "origin_id", "channel", "channel_id", "source_lead_id", "acv", "arr", "mrr"),
    writes={
        "title": text(255, filled=True), "owner_id": integer, "person_id": optional(integer),
        "org_id": optional(integer), "pipeline_id": integer, "stage_id": integer, "value": optional(number),
        "currency": optional(text(8)), "is_deleted": boolean, "is_archived": boolean, "archive_time": moment,
        "status": one_of("open", "won", "lost"), "probability": optional(number), "add_time": moment,
        "lost_reason": optional(text(255)), "visible_to": VISIBLE_TO, "close_time": optional(moment),
        "won_time": optional(moment), "lost_time": optional(moment), "expected_close_date": optional(iso_date),
        "label_ids": LABELS, "custom_fields": anything,
    },
    required=("title",),
    filters=("owner_id", "person_id", "org_id", "pipeline_id", "stage_id"),
    optional_fields=(*_ACTIVITY_IDS, "first_won_time", "products_count", "files_count", "notes_count",
                     "followers_count", "email_messages_count", "activities_count", "done_activities_count",
                     "undone_activities_count", "participants_count", *_MAIL, "smart_bcc_email", "source_lead_id"),
    empties={
        "value": 0, "currency": "EUR", "person_id": None, "org_id": None, "stage_change_time": None,
        "status": "open", "is_archived": False, "archive_time": None, "probability": None, "lost_reason": None,
        "close_time": None, "won_time": None, "lost_time": None, "local_won_date": None, "local_lost_date": None,
        "local_close_date": None, "expected_close_date": None, "label_ids": [], "origin": "API", "origin_id": None,
        "channel": None, "channel_id": None, "source_lead_id": None, "acv": None, "arr": None, "mrr": None,
        "first_won_time": None,
    },
)  # fmt: skip

_TIME_OF_DAY = text(8)
ACTIVITY = Kind(
    "activity", "activities", None,
    shows=("id", "subject", "type", "owner_id", "creator_user_id", "is_deleted", "add_time", "update_time",
           "deal_id", "lead_id", "person_id", "org_id", "project_id", "due_date", "due_time", "duration", "busy",
           "done", "marked_as_done_time", "location", "participants", "conference_meeting_client",
           "conference_meeting_url", "conference_meeting_id", "public_description", "priority", "note"),
    writes={
        "subject": text(255, filled=True), "type": text(255), "owner_id": integer, "deal_id": optional(integer),
        "lead_id": optional(text(36)), "org_id": optional(integer), "project_id": optional(integer),
        "due_date": optional(iso_date), "due_time": optional(_TIME_OF_DAY), "duration": optional(_TIME_OF_DAY),
        "busy": boolean, "done": boolean, "location": optional(ADDRESS),
        "participants": array(shape({"person_id": integer, "primary": boolean}, ("person_id",))),
        "attendees": optional(array(shape({"email": text(), "name": text(), "status": text(),
                                           "is_organizer": boolean, "person_id": optional(integer),
                                           "user_id": optional(integer)}))),
        "public_description": optional(text()), "priority": optional(integer), "note": optional(text()),
    },
    filters=("owner_id", "deal_id", "lead_id", "person_id", "org_id", "done"),
    optional_fields=("attendees",),
    sorts=(*TIMES, "due_date"),
    empties={
        "subject": "", "type": "call", "deal_id": None, "lead_id": None, "person_id": None, "org_id": None,
        "project_id": None, "due_date": None, "due_time": None, "duration": None, "busy": False, "done": False,
        "marked_as_done_time": None, "location": None, "participants": [], "attendees": None,
        "conference_meeting_client": None, "conference_meeting_url": None, "conference_meeting_id": None,
        "public_description": None, "priority": None, "note": None,
    },
)  # fmt: skip

PIPELINE = Kind(
    "pipeline", "pipelines", None,
    shows=("id", "name", "order_nr", "is_deleted", "is_deal_probability_enabled", "add_time", "update_time"),
    writes={"name": text(255, filled=True), "is_deal_probability_enabled": boolean},
    required=("name",),
    empties={"is_deal_probability_enabled": False},
)  # fmt: skip

STAGE = Kind(
    "stage", "stages", None,
    shows=("id", "order_nr", "name", "is_deleted", "deal_probability", "pipeline_id", "is_deal_rot_enabled",
           "days_to_rotten", "add_time", "update_time"),
    writes={"name": text(255, filled=True), "pipeline_id": integer, "deal_probability": integer,
            "is_deal_rot_enabled": boolean, "days_to_rotten": optional(integer)},
    required=("name", "pipeline_id"),
    filters=("pipeline_id",),
    sorts=(*TIMES, "order_nr"),
    empties={"deal_probability": 100, "is_deal_rot_enabled": False, "days_to_rotten": None},
)  # fmt: skip

KINDS = {kind.name: kind for kind in (PERSON, ORGANIZATION, DEAL, ACTIVITY, PIPELINE, STAGE)}
