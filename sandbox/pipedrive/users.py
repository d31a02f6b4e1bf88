"""Users (v1): the token's own user, all users, one user, find, permissions."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record, Refused, reply
from sandbox.pipedrive.api import Call, Endpoint, ok, refuse
from sandbox.pipedrive.model import Company, User

READ = ("users:read",)
PERMISSIONS = (
    "can_add_custom_fields can_add_products can_add_prospects_as_leads can_bulk_edit_items "
    "can_change_visibility_of_items can_convert_deals_to_leads can_create_own_workflow can_delete_activities "
    "can_delete_custom_fields can_delete_deals can_edit_custom_fields can_edit_deals_closed_date can_edit_products "
    "can_edit_shared_filters can_export_data_from_lists can_follow_other_users can_merge_deals "
    "can_merge_organizations can_merge_people can_modify_labels can_see_company_wide_statistics "
    "can_see_deals_list_summary can_see_hidden_items_names can_see_other_users can_see_other_users_statistics "
    "can_see_security_dashboard can_share_filters can_share_insights can_use_api can_use_email_tracking can_use_import"
).split()
ADMIN_ONLY = {"can_add_custom_fields", "can_delete_custom_fields", "can_edit_custom_fields"}


def me(call: Call) -> Response:
    company = call.company
    return ok(
        shown(company, call.actor.user, call.actor.user)
        | {
            "company_id": company.id,
            "company_name": company.name,
            "company_domain": company.domain,
            "company_country": "DE",
            "company_industry": "IT",
            "language": {"language_code": "en", "country_code": "GB"},
        }
    )


def list_users(call: Call) -> Response:
    return ok([shown(call.company, user, call.actor.user) for user in call.company.users.values()])


def get_user(call: Call) -> Response:
    return ok(shown(call.company, _user(call), call.actor.user))


def find_users(call: Call) -> Response:
    term = call.query.get("term", "").lower()
    if not term:
        refuse(400, "Bad request", info="Search term is required")
    by_email = call.query.get("search_by_email") == "1"
    found = [user for user in call.company.users.values() if term in (user.email if by_email else user.name).lower()]
    return ok([shown(call.company, user, call.actor.user) for user in found])


def permissions(call: Call) -> Response:
    user = _user(call)
    return ok({name: user.is_admin or name not in ADMIN_ONLY for name in PERMISSIONS})


def _user(call: Call) -> User:
    raw = call.params["id"]
    user = call.company.users.get(int(raw)) if raw.isdigit() else None
    return user or _missing()


def _missing() -> User:
    raise Refused(reply({"success": False, "error": "User not found or not accessible."}, 404))


def add_user(company: Company, user_id: int, name: str, email: str, api_token: str, *, is_admin: bool) -> User:
    user = User(user_id, name, email, is_admin, api_token)
    company.users[user_id] = user
    return user


def shown(company: Company, user: User, viewer: User) -> Record:
    apps = ("sales", "global", "account_settings") if user.is_admin else ("sales", "global")
    access = [
        {
            "app": app, "admin": user.is_admin or app in user.admin_of,
            "permission_set_id": f"00000000-0000-4000-8000-{user.id:012d}",
        }
        for app in apps
    ]  # fmt: skip
    return {
        "id": user.id,
        "name": user.name,
        "default_currency": "EUR",
        "locale": "de_DE",
        "lang": 1,
        "email": user.email,
        "phone": None,
        "activated": True,
        "last_login": user.created,
        "created": user.created,
        "modified": user.created,
        "has_created_company": user.is_admin,
        "access": access,
        "active_flag": user.active,
        "timezone_name": company.time_zone,
        "timezone_offset": "+01:00",
        "role_id": 1,
        "icon_url": None,
        "is_you": user.id == viewer.id,
        "is_deleted": not user.active,
    }


ENDPOINTS = [
    Endpoint("GET", "v1/users/me", me, 2),
    Endpoint("GET", "v1/users/find", find_users, 40, READ),
    Endpoint("GET", "v1/users", list_users, 20, READ),
    Endpoint("GET", "v1/users/{id}", get_user, 2, READ),
    Endpoint("GET", "v1/users/{id}/permissions", permissions, 10, READ),
]
