"""Canary secrets and addresses are put into every input; afterwards everything the hub holds and shows is searched.

Secrets are found nowhere. An address is found only where work needs it: in the payload of events (kept for days), in
the hint of jobs, in what a link last wrote or remembers, and in the directory of a vendor.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.test import Client
from django.urls import reverse

from integration import tasks
from integration.engine.alerts import ledger
from integration.engine.clients import connection_health
from integration.models import Connection, Integration, RecordLink, WebhookEndpoint
from integration.notices import deliver
from integration.recipes.registry import RECIPES, get_recipe
from tests.support import hub
from tests.support.factories import MemberFactory, UserFactory
from tests.support.whole_database import found

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos("H11")]
WORLDS = {
    "pipedrive_maileon": "world", "hubspot_maileon": "hubspot_world", "pipedrive_brevo": "brevo_world",
    "planhat_pipedrive": "planhat_world", "leadboxer_pipedrive": "leadboxer_install",
}  # fmt: skip
SECRET, TYPED = "canary-s3cret-0001-qwertzuiop", "canary-s3cret-0002-typed-into-a-form"
ADDRESS = "canary.address@lovelace.example"
# Where an address may be held in the clear, and why: see above.
MAY_HOLD_ADDRESSES = {
    ("integration_webhookevent", "payload"), ("integration_syncjob", "hint"), ("integration_recordlink", "written"),
    ("integration_recordlink", "notes"), ("integration_directory", "entries"),
}  # fmt: skip


def secrets_of(integration: Integration) -> set[str]:
    """Every secret of the integration as it is used."""
    connections = Connection.objects.filter(tenant=integration.tenant)
    values = {
        str(value)
        for row in connections
        for key, value in row.credentials.items()
        if key not in ("scope", "expires_at", "email")
    }
    endpoints = WebhookEndpoint.objects.filter(connection__in=connections)
    values |= {secret.partition(":")[2] or secret for row in endpoints for secret in row.secret.values()}
    return {value for value in values if len(value) > 8}


def pages(integration: Integration) -> Iterator[tuple[Client, str]]:
    """Each page of the portal for a viewer, and each page of the console for an operator without personal data."""
    viewer, staff = Client(), Client()
    viewer.force_login(MemberFactory(tenant=integration.tenant, role="viewer").user)
    staff.force_login(UserFactory(is_staff=True, is_superuser=True))
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    for name in ("integration", "settings", "fields", "activity", "waiting", "brakes", "runs", "report", "record"):
        yield viewer, reverse(f"portal:{name}", kwargs=ids)
    for name in ("overview", "team", "connect", "people"):
        yield viewer, reverse(f"portal:{name}", kwargs={"tenant_id": integration.tenant_id})
    for model in apps.get_app_config("integration").get_models():
        try:
            yield staff, reverse(f"admin:integration_{model._meta.model_name}_changelist")
        except Exception:  # noqa: BLE001, S112 - not every table has a page
            continue
        for pk in list(model._default_manager.order_by("-pk").values_list("pk", flat=True)[:10]):
            yield staff, reverse(f"admin:integration_{model._meta.model_name}_change", args=[pk])
    for address in ("/admin/", "/admin/find/", "/admin/tenants/auditentry/", "/admin/django_q/failure/"):
        yield staff, address


def disturb(integration: Integration) -> None:
    """Put canaries where people and vendors put things: forms, search boxes, webhooks with wrong and right proof."""
    member = Client()
    member.force_login(MemberFactory(tenant=integration.tenant).user)
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    for side in ("left", "right"):
        member.post(reverse("portal:account", kwargs=ids), {"do": "test", "side": side, "secret": TYPED})
        member.post(reverse("portal:account", kwargs=ids), {"do": "save", "side": side, "secret": TYPED})
    for name in ("settings", "stop", "fetch_all", "record", "fields"):
        member.post(reverse(f"portal:{name}", kwargs=ids), {"secret": TYPED, "id": TYPED, "q": ADDRESS})
    member.post(reverse("portal:people", kwargs={"tenant_id": integration.tenant_id}), {"email": ADDRESS})
    for query in ({"q": ADDRESS}, {"q": TYPED}, {"code": TYPED, "state": SECRET}):
        member.get(reverse("portal:activity", kwargs=ids), query)
        member.get("/oauth/pipedrive/callback/", query)
    for row in WebhookEndpoint.objects.filter(connection__tenant=integration.tenant):
        vendor = row.connection.vendor
        wrong = base64.b64encode(f"lockstep:{SECRET}".encode()).decode()
        headers = {"Authorization": f"Basic {wrong}", "X-Lockstep-Secret": SECRET}
        body = f'{{"email": "{ADDRESS}", "meta": {{"entity": "{SECRET}"}}}}'
        Client(headers=headers).post(
            f"/hooks/{vendor}/{row.token}/?token={SECRET}", body, content_type="application/json"
        )
    Client(headers={"Authorization": f"Bearer {SECRET}"}).get("/metrics")
    Client().post("/login/", {"username": ADDRESS, "password": TYPED})


def a_person(recipe: str, world: Any) -> None:
    """Somebody with the canary address travels, and once the vendor refuses with all it was told."""
    if recipe == "leadboxer_pipedrive":
        world.ada(email=ADDRESS)
        tasks.start_runs(world.integration, "poll")
    elif recipe == "hubspot_maileon":
        world.contact("Ada Canary", email=ADDRESS, maileon_subscribe="true")
    elif recipe == "planhat_pipedrive":
        org = world.organization("Engines")
        world.person("Ada Canary", org, email=ADDRESS)
        world.won(org)
    else:
        world.person("Ada Canary", email=ADDRESS)
    world.sandbox.control(
        "POST", "/misbehave", {"vendor": "maileon", "fail_next": [{"status": 400, "path_contains": "/contacts"}]}
    )
    if hasattr(world, "deliver"):
        world.deliver()
    hub.drain()


@pytest.mark.parametrize("recipe", WORLDS)
def test_secrets_are_nowhere_and_addresses_only_where_work_needs_them(
    recipe: str, request: Any, caplog: Any, settings: Any, rings: list[str]
) -> None:
    settings.EMAIL_URL, settings.ALERT_EMAILS = "smtp://mail.example.com", ["ops@example.com"]
    settings.METRICS_TOKEN = "canary-s3cret-0003-of-the-metrics"
    caplog.set_level(logging.DEBUG)
    made = request.getfixturevalue(WORLDS[recipe])
    world = made(**_wishes(recipe)) if callable(made) else made
    integration = world.integration
    MemberFactory(tenant=integration.tenant, user__email="owner@example.com")

    secrets = secrets_of(integration) | {SECRET, TYPED, settings.METRICS_TOKEN}
    assert len(secrets) >= 5
    a_person(recipe, world)
    disturb(integration)
    for row in Connection.objects.filter(tenant=integration.tenant):
        connection_health.check(row)
    connection_health.mark(
        integration.right, "needs_you", "credentials_refused", "The vendor says no."
    )  # an alert, and its mail
    ledger.evaluate(get_recipe)
    deliver.deliver(get_recipe)
    secrets |= secrets_of(integration)

    html = {address: client.get(address).content.decode() for client, address in pages(integration)}
    shown = Client(headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}).get("/metrics").content.decode()
    mails = "".join(f"{message.subject}{message.body}" for message in mail.outbox)
    logged = "\n".join(record.getMessage() + str(record.exc_text or "") for record in ours(caplog.records))
    arguments = " ".join(rings)  # a doorbell's key is all that the queue ever carries
    assert rings
    assert mails
    assert logged
    for secret in secrets:
        assert found(secret) == set(), secret
        assert [address for address, text in html.items() if secret in text] == []
        for text in (shown, mails, logged, arguments):
            assert secret not in text
    assert RecordLink.objects.exists()
    assert found(ADDRESS) <= MAY_HOLD_ADDRESSES
    assert found(ADDRESS) or recipe == "leadboxer_pipedrive"  # whose links hold no address at all
    for text in (shown, mails, logged, arguments):
        assert ADDRESS not in text
    viewers = [address for address, text in html.items() if ADDRESS in text and not address.startswith("/admin/")]
    assert viewers == []


def ours(records: Any) -> Any:
    """What the hub logs; the sandbox, the test's own requests and the database's debug lines are not the hub."""
    return [
        row for row in records if row.name.startswith(("integration", "tenants", "django.request", "django.security"))
    ]


def _wishes(recipe: str) -> dict[str, Any]:
    from tests.support.leadboxer_world import LEADS

    return LEADS if recipe == "leadboxer_pipedrive" else {}


def test_every_recipe_is_searched() -> None:
    assert WORLDS.keys() == RECIPES.keys()
