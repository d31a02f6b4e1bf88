"""Connections: the secret goes in and never comes out; the address is the vendor's own; saving checks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Connection, VendorCall
from sandbox.leadboxer.seed import API_KEY as LEADBOXER_KEY
from sandbox.leadboxer.seed import LOGIN
from tenants.audit import AuditEntry
from tests.integration.admin.conftest import fresh
from tests.support import factories
from tests.support.hub import MAILEON_KEY, PIPEDRIVE_TOKEN

CANARY = "canary-secret-0123456789-x7F2"
LISTS = ("integration_connection", "integration_integration", "integration_vendorcall", "tenants_auditentry")
ADD = reverse("admin:integration_connection_add")


def change(row: Connection) -> str:
    return reverse("admin:integration_connection_change", args=[row.pk])


@pytest.fixture
def saved(transactional_db: None, console: Client) -> Any:
    """Post a form and return the page that follows. Saving checks after the commit, so commits are real here."""

    def post(address: str, **data: str) -> Any:
        return console.post(address, data, follow=True)

    return post


def test_first_the_vendor_then_its_form(console: Client) -> None:
    text = console.get(ADD, {"tenant": "1"}).content.decode()
    assert "?vendor=maileon&amp;tenant=1" in text
    assert "with its API token" in text
    assert "API key" in console.get(ADD, {"vendor": "maileon"}).content.decode()
    assert "API token" in console.get(ADD, {"vendor": "pipedrive"}).content.decode()
    assert "API" not in console.get(ADD, {"vendor": "nonsense"}).context.get("adminform", "")


def test_a_good_key_connects_at_once(saved: Any, sandbox: Any) -> None:
    tenant = factories.TenantFactory()
    page = saved(f"{ADD}?vendor=maileon", tenant=str(tenant.pk), base_url=f"{sandbox.url}/maileon/1.0",
                 secret=MAILEON_KEY)  # fmt: skip
    row = Connection.objects.get()
    assert (row.tenant, row.vendor, row.auth_kind, row.health) == (tenant, "maileon", "api_key", "ok")
    assert row.credentials == {"api_key": MAILEON_KEY}
    assert "Maileon accepts the credentials" in page.content.decode()


def test_a_token_connects_pipedrive(saved: Any, sandbox: Any) -> None:
    tenant = factories.TenantFactory()
    saved(f"{ADD}?vendor=pipedrive", tenant=str(tenant.pk), base_url=f"{sandbox.url}/pipedrive/acme",
          secret=PIPEDRIVE_TOKEN)  # fmt: skip
    row = Connection.objects.get()
    assert (row.auth_kind, row.health, row.credentials) == ("api_token", "ok", {"api_token": PIPEDRIVE_TOKEN})


def test_what_a_vendor_asks_for_beside_the_key_goes_in_and_stays(saved: Any, sandbox: Any) -> None:
    tenant = factories.TenantFactory()
    form = {"tenant": str(tenant.pk), "base_url": f"{sandbox.url}/leadboxer/v1", "secret": LEADBOXER_KEY}
    saved(f"{ADD}?vendor=leadboxer", **form)
    assert not Connection.objects.exists()  # the e-mail address is missing
    saved(f"{ADD}?vendor=leadboxer", **form, email=LOGIN)
    row = Connection.objects.get()
    assert (row.health, row.account_name, row.credentials) == (
        "ok", "ACME Leads", {"api_key": LEADBOXER_KEY, "email": LOGIN},
    )  # fmt: skip
    other = "another-key-0123456789"
    sandbox.state.leadboxer.accounts["401"].api_key = other
    saved(change(row), base_url=row.base_url, secret=other, email="")
    row.refresh_from_db()
    assert row.credentials == {"api_key": other, "email": LOGIN}
    page = saved(change(row), base_url=row.base_url, secret=other, email="nobody@acme.example")
    row.refresh_from_db()
    assert (row.health, row.credentials["email"]) == ("ok", LOGIN)
    assert page.context["adminform"].form.errors["secret"]


def test_a_refused_key_is_explained_and_not_kept(saved: Any, sandbox: Any) -> None:
    tenant = factories.TenantFactory()
    form = {"tenant": str(tenant.pk), "base_url": f"{sandbox.url}/maileon/1.0"}
    page = saved(f"{ADD}?vendor=maileon", **form, secret=CANARY)
    assert not Connection.objects.exists()
    text = page.content.decode()
    assert "The credentials were rejected." in text
    assert "Enter a new key or connect again." in text
    assert CANARY not in text
    saved(f"{ADD}?vendor=maileon", **form, secret=MAILEON_KEY)
    row = Connection.objects.get()
    text = saved(change(row), base_url=row.base_url, secret=CANARY).content.decode()
    assert fresh(row).credentials == {"api_key": MAILEON_KEY}
    assert fresh(row).health == "ok"
    assert "The credentials were rejected." in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("vendor", "base", "asked"),
    [("pipedrive", "pipedrive/acme", {}), ("maileon", "maileon/1.0", {}), ("brevo", "brevo/v3", {}),
     ("leadboxer", "leadboxer/v1", {"email": LOGIN}), ("planhat", "planhat", {})],
)  # fmt: skip
def test_what_a_vendor_refuses_is_not_kept(saved: Any, sandbox: Any, vendor: str, base: str, asked: Any) -> None:
    tenant = factories.TenantFactory()
    form = {"tenant": str(tenant.pk), "base_url": f"{sandbox.url}/{base}", "secret": CANARY, **asked}
    page = saved(f"{ADD}?vendor={vendor}", **form)
    assert page.context["adminform"].form.errors["secret"]
    assert CANARY not in page.content.decode()
    assert not Connection.objects.exists()
    calls = sandbox.control("GET", f"/calls?vendor={vendor}")
    assert len(calls) == 1


def test_who_may_not_change_it_has_nothing_tried(signed_in: Any, rows: Any, sandbox: Any) -> None:
    before = VendorCall.objects.count()
    viewer = signed_in("view_connection")
    here = {"base_url": f"{sandbox.url}/maileon/1.0", "secret": MAILEON_KEY}
    assert viewer.post(change(rows.right), here).status_code == 403
    assert viewer.post(f"{ADD}?vendor=maileon", here).status_code == 403
    assert VendorCall.objects.count() == before


@pytest.mark.chaos("H8")
@pytest.mark.parametrize(
    ("vendor", "typed"),
    [("maileon", "https://evil.example.com/1.0"), ("maileon", "http://127.0.0.1/1.0"), ("pipedrive", "169.254.169.254"),
     ("pipedrive", "https://pipedrive.com.evil.example"), ("pipedrive", "")],
)  # fmt: skip
def test_only_the_vendors_own_hosts(saved: Any, vendor: str, typed: str) -> None:
    tenant = factories.TenantFactory()
    page = saved(f"{ADD}?vendor={vendor}", tenant=str(tenant.pk), base_url=typed, secret=CANARY)
    assert page.context["adminform"].form.errors["base_url"]
    assert CANARY not in page.content.decode()
    assert not Connection.objects.exists()
    assert not VendorCall.objects.exists()


def test_addresses_are_brought_into_shape(console: Client, saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.admin.lists.connection.prove", lambda row: None)
    monkeypatch.setattr("integration.admin.lists.connection.connection_health.check", lambda row: True)
    tenant = factories.TenantFactory()
    saved(f"{ADD}?vendor=pipedrive", tenant=str(tenant.pk), base_url="acme.pipedrive.com/v1", secret=CANARY)
    saved(f"{ADD}?vendor=maileon", tenant=str(tenant.pk), base_url="", secret=CANARY)
    assert set(Connection.objects.values_list("base_url", flat=True)) == {
        "https://acme.pipedrive.com", "https://api.maileon.com/1.0",
    }  # fmt: skip


def test_a_secret_with_a_line_break_is_refused(saved: Any) -> None:
    tenant = factories.TenantFactory()
    page = saved(f"{ADD}?vendor=maileon", tenant=str(tenant.pk), base_url="", secret="half a\nkey")
    assert "Copy it again in one piece." in page.content.decode()


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep whatever is typed."""
    monkeypatch.setattr("integration.admin.lists.connection.prove", lambda row: None)


@pytest.mark.chaos("H11")
def test_the_secret_never_comes_back(console: Client, saved: Any, sandbox: Any, rows: Any, unproven: None) -> None:
    rows.right.base_url = f"{sandbox.url}/maileon/1.0"
    rows.right.save(update_fields=["base_url"])
    page = saved(change(rows.right), base_url=rows.right.base_url, secret=CANARY)
    assert fresh(rows.right).credentials == {"api_key": CANARY}
    pages = [page, console.get(change(rows.right)), console.get("/admin/")]
    pages += [console.get(reverse(f"admin:{name}_changelist")) for name in LISTS]
    pages += [
        console.get(reverse("admin:integration_vendorcall_change", args=[c.pk])) for c in VendorCall.objects.all()
    ]
    pages += [console.get(reverse("admin:integration_connection_history", args=[rows.right.pk]))]
    for shown in pages[:3] + pages[4:]:
        assert CANARY not in shown.content.decode()
    assert "f" * 20 not in page.content.decode()
    assert "ends in …x7F2" in console.get(change(rows.right)).content.decode()
    assert not AuditEntry.objects.filter(what__contains=CANARY).exists()
    assert CANARY not in str(fresh(rows.right))


def test_an_empty_secret_keeps_the_old_one(saved: Any, sandbox: Any, rows: Any) -> None:
    before = fresh(rows.left)
    saved(change(rows.left), base_url=f"{sandbox.url}/pipedrive/acme", secret="")
    row = fresh(rows.left)
    assert row.base_url.endswith("/pipedrive/acme")
    assert (row.credentials, row.tenant_id) == (before.credentials, before.tenant_id)


def test_a_disconnected_one_comes_back_with_new_credentials(saved: Any, sandbox: Any, rows: Any) -> None:
    Connection.objects.filter(pk=rows.right.pk).update(health="disconnected", external_account_id="")
    saved(change(rows.right), base_url=f"{sandbox.url}/maileon/1.0", secret=MAILEON_KEY)
    assert fresh(rows.right).health == "ok"


def test_oauth_connections_are_shown_and_not_typed_in(console: Client, rows: Any) -> None:
    Connection.objects.filter(pk=rows.left.pk).update(auth_kind="oauth", credentials_hint="…abcd")
    page = console.get(change(rows.left))
    assert "Connected by OAuth" in page.content.decode()
    assert "secret" not in page.context["adminform"].form.fields
    assert "base_url" not in page.context["adminform"].form.fields


def test_connecting_one_account_twice_is_explained(saved: Any, sandbox: Any) -> None:
    tenant = factories.TenantFactory()
    data = {"tenant": str(tenant.pk), "base_url": f"{sandbox.url}/maileon/1.0", "secret": MAILEON_KEY}
    saved(f"{ADD}?vendor=maileon", **data)
    page = saved(f"{ADD}?vendor=maileon", **data)
    assert "This account is connected already, by another connection of yours." in page.content.decode()
    assert list(Connection.objects.values_list("health", flat=True)) == ["ok"]


def test_check_now_asks_first_and_writes_it_down(console: Client, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "integration.admin.lists.connection.connection_health.check", lambda row: asked.append(row.pk) or True
    )
    here = f"/admin/integration/connection/{rows.left.pk}/check-now/"
    assert "Nothing is changed there." in console.get(here).content.decode()
    assert asked == []
    console.post(here)
    assert asked == [rows.left.pk]
    assert AuditEntry.objects.get().what == "Checked: fine"


def test_several_are_checked_from_the_list(console: Client, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "integration.admin.lists.connection.connection_health.check", lambda row: asked.append(row.pk) or True
    )
    data = {"action": "check_selected", "_selected_action": [rows.left.pk, rows.right.pk]}
    here = reverse("admin:integration_connection_changelist")
    assert "2 connections are checked" in console.post(here, data).content.decode()
    assert asked == []
    console.post(here, {**data, "confirmed": "yes"})
    assert sorted(asked) == sorted([rows.left.pk, rows.right.pk])


def test_check_now_needs_the_change_permission(signed_in: Any, rows: Any) -> None:
    viewer = signed_in("view_connection")
    assert viewer.get(change(rows.left)).status_code == 200
    assert viewer.post(f"/admin/integration/connection/{rows.left.pk}/check-now/").status_code == 403


def test_only_an_unused_connection_can_be_deleted(console: Client, rows: Any) -> None:
    delete = reverse("admin:integration_connection_delete", args=[rows.left.pk])
    assert console.post(delete, {"post": "yes"}).status_code == 403
    unused = factories.ConnectionFactory()
    console.post(reverse("admin:integration_connection_delete", args=[unused.pk]), {"post": "yes"})
    assert not Connection.objects.filter(pk=unused.pk).exists()
