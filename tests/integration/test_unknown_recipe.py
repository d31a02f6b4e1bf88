"""Pages of an integration whose recipe this version does not have: they say so, and none of them breaks."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.models import Integration, SyncRun
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory, LogFactory, MemberFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def strange() -> Integration:
    row = IntegrationFactory(recipe="pipedrive_mailchimp", state="active")
    EventFactory(connection=row.left)
    JobFactory(integration=row)
    LogFactory(integration=row)
    SyncRun.objects.create(integration=row, kind="fetch_all", flow="person_to_contact")
    return row


def signed_in(user) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


@pytest.mark.chaos("E1")
@pytest.mark.parametrize(
    "name", ["integration", "settings", "fields", "activity", "waiting", "runs", "drift", "brakes"]
)
def test_the_portal(strange, name):
    member = MemberFactory(tenant=strange.tenant)
    address = reverse(f"portal:{name}", kwargs={"tenant_id": strange.tenant_id, "integration_id": strange.pk})

    answer = signed_in(member.user).get(address)

    assert answer.status_code == 200
    if name == "integration":
        assert "does not have the recipe" in answer.content.decode()


@pytest.mark.chaos("E1")
@pytest.mark.parametrize(
    "address",
    ["/admin/", "/admin/integration/integration/", "/admin/integration/integration/{0.pk}/change/",
     "/admin/integration/syncjob/", "/admin/integration/synclog/", "/admin/integration/syncrun/",
     "/admin/integration/webhookevent/"],
)  # fmt: skip
def test_the_console(strange, address):
    answer = signed_in(UserFactory(is_staff=True, is_superuser=True)).get(address.format(strange))

    assert answer.status_code == 200
