"""The audit: who, when, from where, old → new; nobody changes it; exports are signed, line after line."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.connectors.base import Tokens
from integration.engine.clients import tokens
from integration.engine.privacy import retention
from integration.engine.setup import lifecycle
from tenants import audit, audit_export, invitations
from tenants.audit import Actor, AppendOnly, AuditEntry, acting
from tenants.models import Member, Role
from tests.support.factories import ConnectionFactory, MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser_client(browsers: dict[str, Client]) -> Client:
    return browsers["superuser"]


@pytest.fixture
def owner() -> Any:
    return MemberFactory(user__username="olga")


def browser(user: Any) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(user)
    return client


def newest() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def told() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("what", flat=True))


# What is recorded


def test_a_team_leaves_a_line_for_each_step_with_who_and_from_where(owner: Any) -> None:
    page, mine = reverse("portal:team", args=[owner.tenant_id]), browser(owner.user)
    mine.post(page, {"do": "invite", "email": "new@example.com", "role": "viewer"})
    offer, token = invitations.invite(owner.tenant, "other@example.com", Role.EDITOR, owner.user)
    browser(UserFactory(username="eva")).post(reverse("portal:invitation", kwargs={"token": token}))
    eva = Member.objects.get(user__username="eva")
    mine.post(page, {"do": "role", "member": eva.pk, "role": "owner"})
    mine.post(page, {"do": "remove", "member": eva.pk})
    first = invitations.open_ones(owner.tenant).get()
    mine.post(page, {"do": "revoke", "invitation": first.pk})

    rows = list(AuditEntry.objects.order_by("pk").values_list("what", "who", "address", "changes"))
    assert rows == [
        (f"Invited viewer number {first.pk}", "olga", "192.0.2.7", {}),
        (f"Invited editor number {offer.pk}", "Lockstep", "", {}),
        (
            f"Invitation number {offer.pk} accepted by user {eva.user_id}",
            "eva",
            "192.0.2.7",
            {"role": [None, "editor"]},
        ),
        (f"Changed the role of user {eva.user_id}", "olga", "192.0.2.7", {"role": ["editor", "owner"]}),
        (f"Removed user {eva.user_id}", "olga", "192.0.2.7", {"role": ["owner", None]}),
        (f"Withdrew invitation number {first.pk}", "olga", "192.0.2.7", {}),
    ]
    assert set(AuditEntry.objects.values_list("tenant_number", flat=True)) == {owner.tenant_id}
    assert "example.com" not in json.dumps(list(AuditEntry.objects.values("what", "changes")))


def test_the_consoles_forms_say_what_was_before_and_after(superuser_client: Client, owner: Any) -> None:
    eva = MemberFactory(tenant=owner.tenant, role=Role.VIEWER)
    form = {
        "name": "Renamed", "timezone": "UTC", "members-TOTAL_FORMS": 2, "members-INITIAL_FORMS": 2,
        "members-0-id": owner.pk, "members-0-tenant": owner.tenant_id, "members-0-user": owner.user_id,
        "members-0-role": "owner", "members-1-id": eva.pk, "members-1-tenant": owner.tenant_id,
        "members-1-user": eva.user_id, "members-1-role": "editor",
    }  # fmt: skip
    answer = superuser_client.post(reverse("admin:tenants_tenant_change", args=[owner.tenant_id]), form)
    assert answer.status_code == 302, answer.context["errors"]

    assert newest().changes == {
        "name": [owner.tenant.name, "Renamed"], "timezone": ["Europe/Berlin", "UTC"], "is_active": [True, False],
        f"member {eva.pk}: role": ["viewer", "editor"],
    }  # fmt: skip
    history = superuser_client.get(reverse("admin:tenants_tenant_history", args=[owner.tenant_id])).content.decode()
    assert "name: " in history
    assert "Renamed" in history


def test_no_password_and_no_key_stands_in_it(superuser_client: Client) -> None:
    user = UserFactory()
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    typed = {"password1": "correct-Horse-9", "password2": "correct-Horse-9", "usable_password": "true"}
    superuser_client.post(address, typed)
    user.refresh_from_db()
    assert user.check_password("correct-Horse-9")

    connection_row = ConnectionFactory()
    given = Tokens("new-access-token-1", "new-refresh-token-1", timezone.now(), "https://x.pipedrive.com", "")
    tokens.store(connection_row, given)
    lifecycle.erase_credentials(connection_row)

    assert told()[-2:] == ["Stored the tokens of a consent", "Erased the credentials"]
    everything = json.dumps(list(AuditEntry.objects.values("what", "changes", "row_name")))
    assert not re.search("correct-Horse|new-access|new-refresh", everything)
    assert AuditEntry.objects.filter(model="auth.user", row=str(user.pk)).exists()


def test_a_command_is_told_with_the_name_of_whoever_ran_it(tmp_path: Any, owner: Any) -> None:
    call_command("export_config", owner.tenant.name, stdout=(tmp_path / "x").open("w"))

    assert newest().what == "Exported the configuration"
    assert newest().who.startswith("command line: ")


def test_groups_and_rights_are_told_old_and_new(superuser_client: Client) -> None:
    user, group = UserFactory(), Group.objects.create(name="Night shift")
    address = reverse("admin:auth_user_change", args=[user.pk])
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "groups": [group.pk],
            "date_joined_0": "2026-01-01", "date_joined_1": "10:00"}  # fmt: skip
    assert superuser_client.post(address, form).status_code == 302

    changes = newest().changes
    assert changes["groups"] == ["", "Night shift"]
    assert changes["is_staff"] == [False, True]


# Nobody changes it


@pytest.mark.parametrize("statement", ["UPDATE tenants_auditentry SET what = 'else'", "DELETE FROM tenants_auditentry"])
def test_the_database_refuses_to_change_a_line(statement: str) -> None:
    audit.record("Something")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()
    with pytest.raises(AppendOnly):
        newest().save()
    with pytest.raises(AppendOnly):
        newest().delete()
    assert told() == ["Something"]


def test_what_is_old_enough_is_purged() -> None:
    AuditEntry(what="long ago", at=timezone.now() - timedelta(days=1200)).save()
    audit.record("today")

    assert retention.purge()["audit"] == 1
    assert told() == ["today"]


@pytest.mark.parametrize("role", ["superuser", "Administrator", "Operator"])
def test_no_role_changes_adds_or_deletes_one_in_the_console(role: str, browsers: dict[str, Client]) -> None:
    audit.record("Something", TenantFactory())
    client, key = browsers[role], newest().pk
    base = reverse("admin:tenants_auditentry_changelist")

    assert client.get(base).status_code == 200
    assert client.get(f"{base}{key}/change/").status_code == 200
    for address in (f"{base}{key}/change/", f"{base}{key}/delete/", f"{base}add/"):
        assert client.post(address, {"what": "else", "post": "yes"}).status_code == 403
    client.post(base, {"action": "delete_selected", "_selected_action": key, "post": "yes"})
    assert "Something" in told()


# The export


@pytest.fixture
def exported() -> list[str]:
    with acting(Actor("olga")):
        for what in ("one", "two", "three"):
            audit.record(what)
    return list(audit_export.lines(AuditEntry.objects.order_by("pk")))


def test_a_downloaded_audit_is_checked_by_the_public_key_alone(superuser_client: Client, tmp_path: Any) -> None:
    audit.record("Something")
    answer = superuser_client.get(reverse("admin:tenants_auditentry_export_lines"))
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(answer.streaming_content))

    assert audit_export.check(path.open(), audit_export.public_key()) == 2
    assert told()[-1] == "Exported the audit"
    call_command("check_audit", str(path), key=audit_export.public_key())
    path.write_text(path.read_text().replace("Something", "Nothing"))
    with pytest.raises(CommandError, match="Line 1 is not as it was signed"):
        call_command("check_audit", str(path))


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda rows: [rows[0].replace("one", "1ne"), *rows[1:]], "not as it was signed"),
        (lambda rows: [rows[0], *rows[2:]], "does not follow"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "does not follow"),
        (lambda rows: rows[:-1], "The end is missing"),
        (lambda rows: [*rows, rows[0]], "does not follow"),
        (lambda rows: [rows[0], rows[0], *rows[1:]], "does not follow"),
        (lambda rows: ["[]\n"], "no JSON object"),
    ],
)
def test_a_forged_export_is_noticed(exported: list[str], forge: Any, why: str) -> None:
    assert audit_export.check(exported, audit_export.public_key()) == 3
    with pytest.raises(audit_export.Forged, match=why):
        audit_export.check(forge(exported), audit_export.public_key())


def test_the_key_of_another_installation_fits_not(exported: list[str], settings: Any) -> None:
    settings.LOCKSTEP_HASH_KEY = "another"
    with pytest.raises(audit_export.Forged):
        audit_export.check(exported, audit_export.public_key())


def test_nobody_writes_djangos_own_list_any_more(superuser_client: Client) -> None:
    superuser_client.post(reverse("admin:tenants_tenant_add"), {
        "name": "ACME", "timezone": "UTC", "members-TOTAL_FORMS": 0, "members-INITIAL_FORMS": 0,
    })  # fmt: skip
    assert not LogEntry.objects.exists()
    assert told() == ["Added"]
