"""A tenant leaves with everything in hand and nothing left behind; an operator looks and changes nothing."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration import tasks
from integration.engine.privacy import closing
from integration.engine.privacy.tenant_tables import tenant_tables
from integration.models import (
    Alert,
    AlertNotice,
    ComparedRecord,
    Connection,
    ConsentEntry,
    Integration,
    RecordLink,
    ReferenceCache,
    SyncLog,
)
from tenants import viewing
from tenants.audit import AuditEntry
from tenants.models import Invitation, Member, Tenant
from tests.support import factories, hub
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def filled_tenant(name: str) -> Tenant:
    """A tenant with a row in every table."""
    tenant: Tenant = factories.TenantFactory(name=name)
    row = factories.IntegrationFactory(tenant=tenant, state="uninstalled")
    Connection.objects.filter(tenant=tenant).update(health="disconnected")
    run, alert = (
        factories.RunFactory(integration=row),
        Alert.objects.create(kind="failures", subject=name, tenant=tenant),
    )
    factories.LinkFactory(integration=row), factories.LogFactory(integration=row)  # noqa: B018
    factories.JobFactory(integration=row), factories.DriftFactory(integration=row)  # noqa: B018
    factories.EventFactory(connection=row.left), factories.CallFactory(connection=row.right)  # noqa: B018
    factories.MappingFactory(integration=row), factories.BudgetFactory(connection=row.left)  # noqa: B018
    factories.SubscriptionFactory(connection=row.left), factories.ErasedAddressFactory(tenant=tenant)  # noqa: B018
    endpoint = factories.EndpointFactory(connection=row.left)
    ComparedRecord.objects.create(run=run, record_id="1")
    AlertNotice.objects.create(alert=alert, channel="owners", moment="opened")
    ReferenceCache.objects.create(connection=row.left, kind="users", fetched_at=timezone.now())
    ConsentEntry.objects.create(integration=row, source_id="1", became="confirmed", vendor="maileon", cause="x")
    Invitation.objects.create(tenant=tenant, email="x@example.com", token_hash=name, expires_at=timezone.now())
    factories.MemberFactory(tenant=tenant, user__email=f"owner@{name.lower()}.example")
    rest = {
        "AccountClaim": {"vendor": "pipedrive", "tenant": tenant, "user": factories.UserFactory(), "state": "open"},
        "Brake": {"integration": row, "kind": "removals"},
        "WebhookHabit": {"endpoint": endpoint, "hour": timezone.now()},
        "Cursor": {"integration": row, "name": "x", "position": timezone.now()},
        "IdentityIndex": {"connection": row.left, "object_type": "person", "email_hash": "h", "external_id": "1"},
        "SchemaChange": {"integration": row, "side": "left", "place": "x", "key": "x", "kind": "new", "label": "X"},
    }  # fmt: skip
    for table in tenant_tables():
        if values := rest.get(table.model.__name__):
            table.model._default_manager.create(**values)
    return tenant


# Closing


def test_every_table_that_leads_to_a_tenant_is_known_and_filled() -> None:
    tenant = filled_tenant("ACME")

    empty = [table.model.__name__ for table in tenant_tables() if not table.rows(tenant).exists()]
    assert empty == []
    assert len(tenant_tables()) > 25


def test_closing_leaves_nothing_but_the_name_the_report_and_the_audit() -> None:
    tenant, other = filled_tenant("ACME"), filled_tenant("Other")
    before = {table.model: table.rows(other).count() for table in tenant_tables()}

    assert closing.begin(tenant)
    assert not closing.begin(tenant)
    assert closing.work(recipes_with(FakeFlow())) == 1

    tenant.refresh_from_db()
    assert tenant.closed_at
    assert not tenant.is_active
    assert [table.model.__name__ for table in tenant_tables() if table.rows(tenant).exists()] == []
    assert {table.model: table.rows(other).count() for table in tenant_tables()} == before
    assert "Sync logs: 1 row deleted" in closing.told(tenant)
    assert "Users: 1 row deleted" in closing.told(tenant)
    assert AuditEntry.objects.filter(tenant_number=tenant.pk, what="Closed the tenant").exists()


def test_a_closing_that_was_interrupted_goes_on_and_counts_each_row_once(monkeypatch: Any) -> None:
    tenant = filled_tenant("ACME")
    row = Integration.objects.get(tenant=tenant)
    for _ in range(4):
        factories.LogFactory(integration=row)
    monkeypatch.setattr(closing, "PORTION", 2)
    closing.begin(tenant)

    pieces = 0
    while not closing.work(recipes_with(FakeFlow()), seconds=-1 if pieces < 3 else 60):
        pieces += 1
        assert pieces < 10
        assert not closing.pending().filter(closing_busy_until__isnull=False).exists()

    assert "Sync logs: 5 rows deleted" in closing.told(tenant)


def test_members_of_other_teams_and_operators_keep_their_sign_in() -> None:
    tenant = factories.TenantFactory()
    alone, both, operator = (factories.MemberFactory(tenant=tenant).user for _ in range(3))
    factories.MemberFactory(user=both)
    User.objects.filter(pk=operator.pk).update(is_staff=True)

    closing.begin(tenant)
    closing.work(recipes_with(FakeFlow()))

    assert set(User.objects.filter(pk__in=(alone.pk, both.pk, operator.pk))) == {both, operator}
    assert not Member.objects.filter(tenant=tenant).exists()


@pytest.mark.django_db(transaction=True)
def test_an_owner_closes_and_nothing_is_left_at_the_vendors(world: Any, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    tenant = world.integration.tenant
    world.person("Ada Lovelace")
    world.deliver()
    owner = factories.MemberFactory(tenant=tenant, user__email="olga@example.com")
    page = reverse("portal:leave", args=[tenant.pk])
    mine = browser(owner.user)
    assert mine.post(page, {"do": "close", "name": "Acme"}).status_code == 422
    assert browser(factories.MemberFactory(tenant=tenant, role="editor").user).get(page).status_code == 404

    answer = mine.post(page, {"do": "close", "name": tenant.name})
    assert "is being closed" in answer.content.decode()
    assert "is sent to olga@example.com" in answer.content.decode()
    hub.drain()  # it was rung for

    assert world.sandbox.state.maileon.accounts[501].webhooks == {}
    assert mail.outbox[-1].bcc == ["olga@example.com"]
    assert "Webhooks at Pipedrive: 3 removed" in mail.outbox[-1].body
    assert mine.get(page).status_code in (302, 404)
    assert not RecordLink.objects.exists()
    assert not SyncLog.objects.exists()
    assert world.contacts()  # the vendors' own stay


def test_a_grant_that_another_tenant_lives_on_is_not_revoked(monkeypatch: Any) -> None:
    revoked: list[Any] = []
    monkeypatch.setattr("integration.engine.clients.tokens.revoke", revoked.append)
    shared = {"external_account_id": "acc1", "auth_kind": "oauth", "vendor": "pipedrive"}
    mine, theirs = factories.ConnectionFactory(**shared), factories.ConnectionFactory(**shared)
    alone = factories.ConnectionFactory(tenant=mine.tenant, auth_kind="oauth", vendor="hubspot")

    closing.begin(mine.tenant)
    closing.work(recipes_with(FakeFlow()))

    assert [row.pk for row in revoked] == [alone.pk]
    assert any("another customer uses the account" in line for line in closing.told(mine.tenant))
    theirs.refresh_from_db()
    assert theirs.health == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_closing_killed_within_an_uninstallation_still_removes_our_webhooks(world: Any, settings: Any) -> None:
    tenant = world.integration.tenant
    closing.begin(tenant)
    Integration.objects.filter(tenant=tenant).update(state="uninstalled")  # as far as the killed worker came

    tasks.close_tenants()

    assert world.sandbox.state.maileon.accounts[501].webhooks == {}
    assert world.sandbox.control("GET", "/pipedrive/acme/state")["webhooks"] == []
    assert any("webhooks: 3 removed" in line for line in closing.told(tenant))


def test_a_tenant_that_cannot_be_closed_keeps_no_other_waiting() -> None:
    broken, fine = filled_tenant("Broken"), filled_tenant("Fine")
    Integration.objects.filter(tenant=broken).update(recipe="is_gone", state="active")
    for tenant in (broken, fine):
        closing.begin(tenant)

    def recipes(key: str) -> Any:
        if key == "is_gone":
            raise KeyError(key)
        return recipes_with(FakeFlow())(key)

    assert closing.work(recipes) == 1
    fine.refresh_from_db()
    assert fine.closed_at
    assert list(closing.pending()) == [broken]  # its turn comes again


# Export


@pytest.mark.django_db(transaction=True)
def test_an_owner_takes_everything_along_and_no_key(world: Any) -> None:
    tenant = world.integration.tenant
    world.person("Ada Lovelace")
    world.deliver()
    other = filled_tenant("Other")
    owner = factories.MemberFactory(tenant=tenant, user__email="olga@example.com")

    answer = browser(owner.user).post(reverse("portal:leave", args=[tenant.pk]), {"do": "export"})
    content = b"".join(answer.streaming_content)

    files = zipfile.ZipFile(io.BytesIO(content))
    read = {name: files.read(name).decode() for name in files.namelist()}
    assert files.testzip() is None
    assert yaml.safe_load(read["configuration.yaml"])
    assert json.loads(read["people.jsonl"].splitlines()[0])["written"]["FULLNAME"] == "Ada Lovelace"
    assert len(read["log.jsonl"].splitlines()) == SyncLog.objects.filter(integration=world.integration).count()
    assert {json.loads(line)["became"] for line in read["consent.jsonl"].splitlines()} == {"pending"}
    assert json.loads(read["team.json"])["members"][0]["email"] == "olga@example.com"
    everything = "".join(read.values())
    assert not any(secret in everything for secret in (hub.MAILEON_KEY, hub.PIPEDRIVE_TOKEN))
    assert str(Integration.objects.get(tenant=other).pk) not in everything
    assert AuditEntry.objects.latest("pk").what == "Exported everything"


# Looking


@pytest.fixture
def looker(people: dict[str, Any]) -> Client:
    return browser(people["Operator"])


def look(client: Client, tenant: Tenant, reason: str = "Ticket 7") -> Any:
    return client.post(reverse("admin:tenants_tenant_view_portal", args=[tenant.pk]), {"reason": reason})


def test_an_operator_sees_the_portal_and_the_owners_read_so(looker: Client, people: dict[str, Any]) -> None:
    row = factories.IntegrationFactory()
    page = reverse("portal:people", args=[row.tenant_id])
    assert looker.get(page).status_code == 404
    assert look(looker, row.tenant, reason="").status_code == 200  # asked for a reason

    assert look(looker, row.tenant).status_code == 302
    html = looker.get(page).content.decode()
    assert "You can only look" in html
    assert looker.get(reverse("portal:team", args=[row.tenant_id])).status_code == 200

    owner = factories.MemberFactory(tenant=row.tenant)
    shown = browser(owner.user).get(reverse("portal:audit", args=[row.tenant_id])).content.decode()
    assert "Ticket 7" in shown
    assert "Looked at the page people" in shown
    assert people["Operator"].username in shown


def test_a_look_changes_and_downloads_nothing(looker: Client) -> None:
    row = factories.IntegrationFactory()
    look(looker, row.tenant)
    wrong = {}
    for name in ("people", "team", "leave", "connect"):
        answer = looker.post(reverse(f"portal:{name}", args=[row.tenant_id]), {"do": "export", "email": "a@b.example"})
        wrong[name] = answer.status_code
    for name in ("settings", "fields", "account", "stop", "brakes", "record", "fetch_all", "drift", "opt_in_trial"):
        answer = looker.post(reverse(f"portal:{name}", args=[row.tenant_id, row.pk]), {"do": "pause"})
        wrong[name] = answer.status_code
    of_integration = [row.tenant_id, row.pk]
    wrong["csv"] = looker.get(reverse("portal:drift", args=of_integration), {"download": "1"}).status_code
    wrong["counts"] = looker.get(reverse("portal:integration", args=of_integration), {"format": "csv"}).status_code
    wrong["lines"] = looker.get(reverse("portal:audit", args=[row.tenant_id]), {"format": "lines"}).status_code

    assert set(wrong.values()) == {403}, wrong
    row.refresh_from_db()
    assert row.state == "active"


def test_a_look_is_for_one_tenant_for_a_while_and_for_those_who_may(
    looker: Client, browsers: Any, monkeypatch: Any
) -> None:
    mine, other = factories.TenantFactory(), factories.TenantFactory()
    assert look(browsers["Support"], mine).status_code == 403
    look(looker, mine)
    here = reverse("portal:team", args=[mine.pk])
    assert looker.get(here).status_code == 200
    assert looker.get(reverse("portal:team", args=[other.pk])).status_code == 404
    assert str(other.name) not in looker.get(here).content.decode()

    looker.post(reverse("console-view-end"))
    assert looker.get(here).status_code == 404
    look(looker, mine)
    later = viewing.time.time() + viewing.LASTS + 1
    monkeypatch.setattr(viewing.time, "time", lambda: later)
    assert looker.get(here).status_code == 404
    assert AuditEntry.objects.filter(what="Ended seeing the portal as the tenant does").count() == 1
