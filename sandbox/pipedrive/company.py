"""Making a company: its admin, system fields, a pipeline with stages, activity types, lead labels."""

from __future__ import annotations

from uuid import UUID

from sandbox.http import Record
from sandbox.pipedrive.fields import Field
from sandbox.pipedrive.model import FIRST_COMPANY_ID, PLANS, UNLIMITED, Company, World
from sandbox.pipedrive.users import add_user

BIRTH = "2024-01-08T08:00:00Z"
STAGES = ("Qualified", "Contact made", "Demo scheduled", "Proposal made", "Negotiations started")
_SYSTEM_FIELDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "person": (
        ("id", "ID", "int"), ("name", "Name", "varchar"), ("first_name", "First name", "varchar"),
        ("last_name", "Last name", "varchar"), ("label_ids", "Labels", "set"), ("emails", "Email", "varchar"),
        ("phones", "Phone", "phone"), ("org_id", "Organization", "org"), ("owner_id", "Owner", "user"),
        ("add_time", "Person created", "date"), ("update_time", "Update time", "date"),
        ("visible_to", "Visible to", "visible_to"), ("picture_id", "Profile picture", "picture"),
        ("marketing_status", "Marketing status", "enum"),
    ),
    "organization": (
        ("id", "ID", "int"), ("name", "Name", "varchar"), ("label_ids", "Labels", "set"),
        ("address", "Address", "address"), ("owner_id", "Owner", "user"), ("website", "Website", "varchar"),
        ("linkedin", "LinkedIn profile", "varchar"), ("industry", "Industry", "enum"),
        ("annual_revenue", "Annual revenue", "int"), ("employee_count", "Number of employees", "int"),
        ("add_time", "Organization created", "date"), ("update_time", "Update time", "date"),
        ("visible_to", "Visible to", "visible_to"),
    ),
    "deal": (
        ("id", "ID", "int"), ("title", "Title", "varchar"), ("value", "Value", "monetary"),
        ("currency", "Currency of value", "varchar"), ("label_ids", "Label", "set"),
        ("person_id", "Contact person", "people"), ("org_id", "Organization", "org"),
        ("pipeline_id", "Pipeline", "int"), ("stage_id", "Stage", "stage"), ("status", "Status", "status"),
        ("owner_id", "Owner", "user"), ("expected_close_date", "Expected close date", "date"),
        ("probability", "Probability", "int"), ("lost_reason", "Lost reason", "varchar_options"),
        ("channel", "Source channel", "enum"), ("add_time", "Deal created", "date"),
        ("update_time", "Update time", "date"), ("won_time", "Won time", "date"),
        ("visible_to", "Visible to", "visible_to"),
    ),
}  # fmt: skip
_OPTIONS: dict[tuple[str, str], tuple[tuple[int | str, str], ...]] = {
    ("person", "label_ids"): ((1, "Customer"), (2, "Hot lead"), (3, "Warm lead"), (4, "Cold lead")),
    ("organization", "label_ids"): ((5, "Customer"), (6, "Hot lead"), (7, "Warm lead"), (8, "Cold lead")),
    ("organization", "industry"): ((9, "IT"), (10, "Media"), (11, "Retail")),
    ("deal", "label_ids"): ((24, "Hot"), (25, "Cold")),
    ("deal", "channel"): ((52, "Web forms"), (53, "Live chat"), (54, "Marketplace")),
    ("person", "marketing_status"): (
        ("no_consent", "No consent"), ("unsubscribed", "Unsubscribed"), ("subscribed", "Subscribed"),
        ("archived", "Archived"),
    ),
}  # fmt: skip
ACTIVITY_TYPES = ("call", "meeting", "task", "deadline", "email", "lunch")


def add_company(
    world: World, domain: str, *, name: str | None = None, api_token: str | None = None, plan: str = "premium",
    seats: int = 20, admin: str = "Grace Hopper",
) -> Company:  # fmt: skip
    """Create a company with its first user; raises ValueError for a taken domain or unknown plan."""
    if domain in world.companies:
        raise ValueError(f"company {domain} exists")
    if plan not in (*PLANS, UNLIMITED):
        raise ValueError(f"unknown plan {plan}")
    number = FIRST_COMPANY_ID + len(world.companies)
    company = Company(number, domain, name or domain.capitalize(), plan, world.thrown, seats)
    user_id = number * 1000 + 1
    address = f"{admin.split()[0].lower()}@{domain}.example"
    add_user(company, user_id, admin, address, api_token or world.new_token(), is_admin=True)
    world.companies[domain] = company
    _furnish(company)
    return company


def _furnish(company: Company) -> None:
    for kind, definitions in _SYSTEM_FIELDS.items():
        company.fields[kind] = {code: _system(company, kind, code, label, type_) for code, label, type_ in definitions}
    _add_pipeline(company, "Pipeline", STAGES)
    for order, key in enumerate(ACTIVITY_TYPES, 1):
        company.activity_types.append(activity_type(order, key.capitalize(), key, custom=False))
    for at, (name, color) in enumerate((("Hot", "red"), ("Warm", "yellow"), ("Cold", "blue")), 1):
        label_id = str(UUID(int=company.id * 1000 + at, version=4))
        company.lead_labels[label_id] = {
            "id": label_id, "name": name, "color": color,
            "add_time": "2024-01-08T08:00:00.000Z", "update_time": "2024-01-08T08:00:00.000Z",
        }  # fmt: skip


def _system(company: Company, kind: str, code: str, label: str, field_type: str) -> Field:
    item = Field(company.next("field", 12_001), code, label, field_type, custom=False)
    if (kind, code) in _OPTIONS:
        item.options = [{"id": key, "label": text} for key, text in _OPTIONS[kind, code]]
    item.optional_response = code == "marketing_status"
    return item


def _add_pipeline(company: Company, name: str, stages: tuple[str, ...]) -> None:
    pipelines, table = company.tables["pipeline"], company.tables["stage"]
    pipeline_id = pipelines.next_id()
    base: Record = {"is_deleted": False, "add_time": BIRTH, "update_time": BIRTH}
    pipelines.put(base | {"id": pipeline_id, "name": name, "order_nr": 1, "is_deal_probability_enabled": False})
    for order, stage in enumerate(stages, 1):
        rot = {"deal_probability": 100, "is_deal_rot_enabled": False, "days_to_rotten": None}
        row = base | rot | {"id": table.next_id(), "name": stage, "order_nr": order, "pipeline_id": pipeline_id}
        table.put(row)


def activity_type(number: int, name: str, key: str, *, custom: bool, icon: str | None = None) -> Record:
    return {
        "id": number, "name": name, "icon_key": icon or key, "color": "FFFFFF", "order_nr": number,
        "key_string": key, "active_flag": True, "is_custom_flag": custom,
        "add_time": "2024-01-08 08:00:00", "update_time": "2024-01-08 08:00:00",
    }  # fmt: skip
