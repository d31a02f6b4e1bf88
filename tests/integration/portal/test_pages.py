"""The tenant's pages answer first: one sentence, then numbers that are doors, then why."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.portal.state import standing
from integration.secrets import email_hash
from tests.support.factories import EventFactory, IntegrationFactory, JobFactory, LogFactory, MemberFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return MemberFactory()


@pytest.fixture
def integration(member):
    return IntegrationFactory(tenant=member.tenant)


@pytest.fixture
def client(member):
    client = Client()
    client.force_login(member.user)
    return client


def page(client, integration, name, **query):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    answer = client.get(reverse(f"portal:{name}", kwargs=ids), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_member_lands_at_the_tenant(client, member):
    assert client.get("/").url == reverse("portal:overview", kwargs={"tenant_id": member.tenant_id})


def test_the_overview_names_each_integration_with_its_sentence(client, integration):
    html = client.get(reverse("portal:overview", kwargs={"tenant_id": integration.tenant_id})).content.decode()

    assert "Pipedrive ↔ Maileon" in html
    assert "Everything is in step. No event yet." in html


@pytest.mark.parametrize(
    ("state", "health", "word"),
    [
        ("active", "ok", "In step"), ("paused", "ok", "Paused"), ("draft", "ok", "Being set up"),
        ("uninstalled", "disconnected", "Uninstalled"), ("active", "needs_you", "Needs you"),
    ],
)  # fmt: skip
def test_the_state_is_a_word(integration, state, health, word):
    integration.state = state
    integration.right.health, integration.right.health_reason = health, "credentials_refused"

    assert standing(integration).word == word


def test_a_refused_key_says_what_to_do_and_that_nothing_is_lost(client, integration):
    integration.right.health, integration.right.health_reason = "needs_you", "credentials_refused"
    integration.right.save()
    JobFactory(integration=integration, state="held")

    html = page(client, integration, "integration")

    assert "Maileon: The vendor does not accept our credentials. 1 change is waiting; nothing is lost." in html
    assert "Enter a new key" in html


def test_activity_shows_why_and_what_changed(client, integration):
    LogFactory(integration=integration, source_id="7", outcome="skipped", reason="no_email")
    LogFactory(integration=integration, source_id="8", changes={"FIRSTNAME": ["Ada", "<script>alert(1)</script>"]})

    html = page(client, integration, "activity")

    assert "No e-mail address." in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


def test_activity_is_searched_by_address_without_storing_it(client, integration):
    LogFactory(integration=integration, source_id="7", email_hash=email_hash("ada@example.com"))
    LogFactory(integration=integration, source_id="8", email_hash=email_hash("bob@example.com"))

    html = page(client, integration, "activity", q="Ada@example.com")

    assert html.count("<tr>") == 2
    assert "Nothing found" in page(client, integration, "activity", q="nobody@example.com")


def test_activity_is_paged_without_counting(client, integration, django_assert_max_num_queries):
    for _ in range(60):
        LogFactory(integration=integration)

    with django_assert_max_num_queries(12) as queries:
        first = page(client, integration, "activity")

    assert not any("COUNT(" in query["sql"] for query in queries.captured_queries)
    assert first.count("<tr>") == 51
    older = first.split("before=")[1].split('"')[0]
    assert page(client, integration, "activity", before=older).count("<tr>") == 11


def test_a_run_shows_progress_and_reasons(client, integration):
    run = RunFactory(integration=integration, total=10, done=5, counts={"update": 4, "skipped:no_email": 1})
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk, "run_id": run.pk}

    html = client.get(reverse("portal:run", kwargs=ids)).content.decode()

    assert "5 of 10 records" in html
    assert "No e-mail address." in html
    assert "Fetch All" in page(client, integration, "runs")


def test_empty_pages_teach(client, integration):
    assert "Create a person in Pipedrive" in page(client, integration, "activity")
    assert "Fetch All reads everybody" in page(client, integration, "runs")
    EventFactory(connection=integration.left)
