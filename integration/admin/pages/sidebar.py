"""The sidebar: what an operator looks for, by group. Each entry shows only to those who may open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from config.texts import StrOrPromise


class Item(TypedDict):
    """One entry in Unfold's form."""

    title: StrOrPromise
    icon: str
    link: str
    permission: Callable[[HttpRequest], bool]


class Group(TypedDict):
    """One group in Unfold's form."""

    title: StrOrPromise
    items: list[Item]


Entry = tuple[StrOrPromise, str, str]  # title, icon, "app.model" or the name of a page

GROUPS: tuple[tuple[StrOrPromise, tuple[Entry, ...]], ...] = (
    (
        _("Today"),
        (
            (_("Front page"), "home", "admin:index"),
            (_("Find"), "manage_search", "console-find"),
            (_("Alerts"), "notifications", "integration.alert"),
        ),
    ),
    (
        _("Tenants"),
        (
            (_("Tenants"), "apartment", "tenants.tenant"),
            (_("Members"), "badge", "tenants.member"),
            (_("Connections"), "cable", "integration.connection"),
            (_("Claims"), "gavel", "integration.accountclaim"),
            (_("Integrations"), "sync_alt", "integration.integration"),
            (_("Field mappings"), "rule", "integration.fieldmapping"),
            (_("Erased addresses"), "person_off", "integration.erasedaddress"),
        ),
    ),
    (
        _("Traffic"),
        (
            (_("Events"), "inbox", "integration.webhookevent"),
            (_("Jobs"), "checklist", "integration.syncjob"),
            (_("Runs"), "directions_run", "integration.syncrun"),
            (_("Log"), "history", "integration.synclog"),
            (_("Links"), "link", "integration.recordlink"),
            (_("Differences"), "difference", "integration.drift"),
            (_("Vendor calls"), "call_made", "integration.vendorcall"),
        ),
    ),
    (
        _("Access"),
        (
            (_("Users"), "person", "auth.user"),
            (_("Groups"), "group", "auth.group"),
            (_("Audit"), "fact_check", "tenants.auditentry"),
            (_("Second factors"), "phonelink_setup", "integration.authenticatorapp"),
            (_("My second factor"), "phonelink_lock", "console-two-factor"),
            (_("My sessions"), "devices", "console-sessions"),
        ),
    ),
    (
        _("System"),
        (
            (_("Quality"), "verified", "console-quality"),
            (_("API sunsets"), "event_busy", "integration.vendorsunset"),
            (_("Schedules"), "schedule", "django_q.schedule"),
            (_("Failed tasks"), "bug_report", "django_q.failure"),
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
