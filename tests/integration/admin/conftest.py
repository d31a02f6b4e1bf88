"""People at the console, and one row of every kind."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from integration.secrets import email_hash
from tests.support import factories

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def _no_static_files(settings: Any) -> None:
    """No page here asks for one, and looking them all up costs each browser a twentieth of a second."""
    settings.WHITENOISE_USE_FINDERS = False


@pytest.fixture
def operator(db: None) -> Any:
    return factories.UserFactory(is_staff=True, is_superuser=True, username="operator")


@pytest.fixture
def console(operator: Any) -> Client:
    """A browser with the operator signed in."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def signed_in(db: None) -> Any:
    """A browser of somebody with these permissions (codenames), staff or not."""

    def sign_in(*codenames: str, staff: bool = True) -> Client:
        user = factories.UserFactory(is_staff=staff)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def story(tenant_name: str = "ACME", number: int = 42) -> SimpleNamespace:
    """A person in step, a deal that failed, a run: one row of every kind that belong together."""
    tenant = factories.TenantFactory(name=tenant_name)
    integration = factories.IntegrationFactory(tenant=tenant, activated_at=timezone.now())
    left, right = integration.left, integration.right
    digest = email_hash(ADA)
    event = factories.EventFactory(connection=left, external_id=str(number), email_hash=digest, state="routed",
                                   payload={"name": "<script>alert(1)</script>"})  # fmt: skip
    job = factories.JobFactory(integration=integration, external_id=str(number), event=event, state="dead",
                               reason="record_refused", detail="The vendor says no.")  # fmt: skip
    call = factories.CallFactory(
        connection=right, method="POST", path="/contacts", status=400, ms=31, request="<b>sent</b>",
        response='{"message": "no"}', at=timezone.now(),
    )  # fmt: skip
    run = factories.RunFactory(
        integration=integration, state="done", dry_run=True, done=3, total=3, started_at=timezone.now(),
        finished_at=timezone.now() + timedelta(seconds=3), options={"allow_doi": False},
        counts={"subscribe": 2, "skipped:no_email": 1},
        samples={"subscribe": [{"id": "7", "name": "<script>alert(2)</script>", "values": {"FIRSTNAME": "<i>A"}}]},
    )  # fmt: skip
    link = factories.LinkFactory(
        integration=integration, source_id=str(number), target_id=f"9001-{number}", email_hash=digest,
        notes={"consent": "confirmed"}, written={"FULLNAME": "<u>Ada"},
    )  # fmt: skip
    log = factories.LogFactory(
        integration=integration, source_id=str(number), target_id=f"9001-{number}", email_hash=digest, event=event,
        job=job, run=run, call=call, outcome="failed", reason="record_refused", detail="The vendor says no.",
        changes={"FULLNAME": ["Ada", "<script>alert(3)</script>"]},
    )  # fmt: skip
    drift = factories.DriftFactory(
        integration=integration, source_id=str(number), target_id=f"9001-{number}", email_hash=digest, run=run,
        ours="<script>alert(4)</script>", state="left",
    )  # fmt: skip
    mapping = factories.MappingFactory(
        integration=integration, flow="person_to_contact", source="first_name", target="FIRSTNAME"
    )
    factories.BudgetFactory(connection=left, window="day", limit=30000, remaining=12345,
                              resets_at=timezone.now() + timedelta(hours=3))  # fmt: skip
    factories.SubscriptionFactory(connection=left, event="person.change", external_id="77")
    factories.EndpointFactory(connection=left)
    member = factories.MemberFactory(tenant=tenant)
    alert = factories.AlertFactory(kind="connection", subject=f"connection:{right.pk}", tenant=tenant, connection=right,
                                 integration=integration, what=f"Maileon refuses the key of {tenant_name}",
                                 reason="credentials_refused")  # fmt: skip
    return SimpleNamespace(
        tenant=tenant, integration=integration, left=left, right=right, event=event, job=job, call=call, run=run,
        link=link, log=log, mapping=mapping, member=member, alert=alert,
        drift=drift,
    )  # fmt: skip


@pytest.fixture
def rows(db: None) -> SimpleNamespace:
    """The story once."""
    return story()


def fresh(row: Any) -> Any:
    """The row as the database has it now."""
    return type(row).objects.get(pk=row.pk)
