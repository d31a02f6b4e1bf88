"""The sidebar: what an operator looks for, by group. Each entry shows only to those who may open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse


class Item(TypedDict):
    """One entry in Unfold's form."""

    title: str
    icon: str
    link: str
    permission: Callable[[HttpRequest], bool]


class Group(TypedDict):
    """One group in Unfold's form."""

    title: str
    items: list[Item]


Entry = tuple[str, str, str]  # title, icon, "app.model" or the name of a page

GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Today",
        (
            ("Front page", "home", "admin:index"),
            ("Find", "manage_search", "console-find"),
            ("Alerts", "notifications", "integration.alert"),
        ),
    ),
    (
        "Tenants",
        (
            ("Tenants", "apartment", "tenants.tenant"),
            ("Members", "badge", "tenants.member"),
            ("Connections", "cable", "integration.connection"),
            ("Claims", "gavel", "integration.accountclaim"),
            ("Integrations", "sync_alt", "integration.integration"),
            ("Field mappings", "rule", "integration.fieldmapping"),
        ),
    ),
    (
        "Traffic",
        (
            ("Events", "inbox", "integration.webhookevent"),
            ("Jobs", "checklist", "integration.syncjob"),
            ("Runs", "directions_run", "integration.syncrun"),
            ("Log", "history", "integration.synclog"),
            ("Links", "link", "integration.recordlink"),
            ("Vendor calls", "call_made", "integration.vendorcall"),
        ),
    ),
    (
        "Access",
        (
            ("Users", "person", "auth.user"),
            ("Groups", "group", "auth.group"),
            ("Audit", "fact_check", "admin.logentry"),
            ("Second factors", "phonelink_setup", "integration.authenticatorapp"),
            ("My second factor", "phonelink_lock", "console-two-factor"),
        ),
    ),
    (
        "System",
        (
            ("Quality", "verified", "console-quality"),
            ("API sunsets", "event_busy", "integration.vendorsunset"),
            ("Schedules", "schedule", "django_q.schedule"),
            ("Failed tasks", "bug_report", "django_q.failure"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[Group]:
    """The groups in Unfold's form."""
    return [{"title": title, "items": [_item(request, entry) for entry in entries]} for title, entries in GROUPS]


def _item(request: HttpRequest, entry: Entry) -> Item:
    title, icon, target = entry
    app, dot, model = target.partition(".")
    if not dot:
        find = target == "console-find"
        allowed = request.user.has_perm("integration.view_synclog") if find else True
        return {"title": title, "icon": icon, "link": reverse(target), "permission": lambda request: allowed}
    seen = admin.site.get_model_admin(apps.get_model(target)).has_view_or_change_permission(request)
    link = reverse(f"admin:{app}_{model}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": lambda request: seen}
