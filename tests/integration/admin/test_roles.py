"""Roles: Support looks and sees masked personal data, Operator works, Administrator lets people in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from integration.models import SyncRun
from tenants.audit import AuditEntry
from tests.support import factories

pytestmark = pytest.mark.django_db
PAGES = (
    "webhookevent",
    "syncjob",
    "syncrun",
    "synclog",
    "recordlink",
    "drift",
    "vendorcall",
    "connection",
    "integration",
)
ROWS = {"webhookevent": "event", "syncjob": "job", "syncrun": "run", "synclog": "log", "recordlink": "link",
        "drift": "drift", "vendorcall": "call", "connection": "left", "integration": "integration"}  # fmt: skip


@pytest.fixture
def role(db: None) -> Any:
    call_command("setup", verbosity=0)

    def sign_in(name: str) -> Client:
        user = factories.UserFactory(is_staff=True)
        user.groups.add(Group.objects.get(name=name))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def pages(rows: Any) -> list[str]:
    """Every page that shows something of a record, and the person page."""
    found = [reverse(f"admin:integration_{name}_change", args=[getattr(rows, ROWS[name]).pk]) for name in PAGES]
    return [
        *found,
        *(reverse(f"admin:integration_{name}_changelist") for name in PAGES),
        "/admin/",
        "/admin/find/?q=42",
    ]


def test_support_sees_everything_but_no_personal_data(role: Any, rows: Any) -> None:
    rows.event.payload = {"name": "Katherine Johnson", "phone": 491234567, "opted_in": True}
    rows.event.save()
    rows.link.written = {"FULLNAME": "Katherine Johnson"}
    rows.link.save()
    rows.log.changes = {"FULLNAME": ["Creola Katherine", "Katherine Johnson"]}
    rows.log.save()
    rows.drift.ours, rows.drift.theirs = "Katherine Johnson", "Creola Katherine"
    rows.drift.save()
    rows.call.request, rows.call.response = '{"name": "Katherine Johnson"}', "<name>Katherine Johnson</name>"
    rows.call.save()
    rows.run.samples = {"subscribe": [{"id": "7", "name": "Katherine Johnson", "values": {"A": "Katherine Johnson"}}]}
    rows.run.save()
    shown = {
        name: "".join(role(name).get(page).content.decode() for page in pages(rows)) for name in ("Support", "Operator")
    }

    assert "Katherine" in shown["Operator"]
    assert "491234567" in shown["Operator"]
    assert "Katherine" not in shown["Support"]
    assert "491234567" not in shown["Support"]
    assert "K•••" in shown["Support"]
    assert "Hidden: your role does not see personal data." in shown["Support"]


def test_support_changes_nothing(role: Any, rows: Any) -> None:
    client = role("Support")
    for name in PAGES:
        change = reverse(f"admin:integration_{name}_change", args=[getattr(rows, ROWS[name]).pk])
        assert client.get(change).status_code == 200
        assert client.post(change, {"tenant": rows.tenant.pk}).status_code == 403
    for button in ("fetch-all", "pause", "uninstall"):
        assert client.post(f"/admin/integration/integration/{rows.integration.pk}/{button}/").status_code == 403
    assert not SyncRun.objects.exclude(pk=rows.run.pk).exists()
    assert not AuditEntry.objects.exists()


def test_operators_work_but_let_nobody_in(role: Any, rows: Any) -> None:
    client = role("Operator")
    pause = reverse("admin:integration_integration_pause", args=[rows.integration.pk])

    assert client.post(pause).status_code == 302
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert client.get(reverse("admin:auth_group_changelist")).status_code == 403
    rows.integration.refresh_from_db()
    assert rows.integration.state == "paused"


def test_how_people_sign_in_is_for_administrators_to_know(role: Any) -> None:
    for name in ("Support", "Operator"):
        assert role(name).get(reverse("admin:integration_authenticatorapp_changelist")).status_code == 403


def test_administrators_let_people_in(role: Any) -> None:
    client = role("Administrator")
    assert client.get(reverse("admin:auth_user_add")).status_code == 200
    assert client.get(reverse("admin:integration_authenticatorapp_changelist")).status_code == 200


def test_setting_up_again_keeps_the_roles_as_they_are(role: Any) -> None:
    group = Group.objects.get(name="Support")
    before = set(group.permissions.all())
    group.permissions.clear()
    call_command("setup", verbosity=0)
    assert set(group.permissions.all()) == before
