"""The tenant's pages answer first: one sentence, then numbers that are doors, then why."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.engine.dispatch import sweeper
from integration.engine.insight.status import status_of
from integration.engine.setup import lifecycle
from integration.portal.state import chart, shown
from integration.recipes.registry import get_recipe
from integration.secrets import email_hash
from tests.support.factories import (
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LogFactory,
    MappingFactory,
    MemberFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db

TEXTS = get_recipe("pipedrive_maileon").reason_texts


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
    sweeper.sweep()
    html = client.get(reverse("portal:overview", kwargs={"tenant_id": integration.tenant_id})).content.decode()

    assert "Pipedrive ↔ Maileon" in html
    assert "Connected. No record has travelled yet." in html


@pytest.mark.parametrize(
    ("state", "health", "word"),
    [
        ("active", "ok", "In sync"), ("paused", "ok", "Paused"), ("draft", "ok", "Being set up"),
        ("uninstalled", "disconnected", "Uninstalled"), ("active", "needs_you", "Needs attention"),
    ],
)  # fmt: skip
def test_the_state_is_a_word(integration, state, health, word):
    integration.state = state
    integration.right.health, integration.right.health_reason = health, "credentials_refused"
    LogFactory(integration=integration)
    sweeper.sweep()

    assert shown(integration, status_of(integration, get_recipe)).word == word


def test_a_refused_key_says_what_to_do_and_that_nothing_is_lost(client, integration):
    integration.right.health, integration.right.health_reason = "needs_you", "credentials_refused"
    integration.right.save()
    JobFactory(integration=integration, state="held")

    html = page(client, integration, "integration")

    assert "Maileon: The credentials were rejected. 1 change waits; nothing is lost." in html
    assert "Enter a new key" in html


def test_activity_shows_why_and_what_changed(client, integration):
    LogFactory(integration=integration, source_id="7", outcome="skipped", reason="no_email")
    LogFactory(integration=integration, source_id="8", changes={"FIRSTNAME": ["Ada", "<script>alert(1)</script>"]})

    html = page(client, integration, "activity")

    assert "No email address." in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


def test_activity_speaks_the_language_of_its_recipe(client, integration):
    brevo = IntegrationFactory(tenant=integration.tenant, recipe="pipedrive_brevo")
    for row in (integration, brevo):
        LogFactory(integration=row, outcome="skipped", reason="removed_at_target")

    theirs, ours = page(client, brevo, "activity"), page(client, integration, "activity")

    assert "deleted in Brevo" in theirs
    assert "Newsletter" not in theirs
    assert 'value="left_list"' in theirs
    assert "set Newsletter to No and then to Yes in Pipedrive" in ours
    assert 'value="left_list"' not in ours


def test_a_reason_of_an_older_version_is_shown_in_its_own_words(client, integration):
    LogFactory(integration=integration, outcome="skipped", reason="contact_locked_out")

    assert "Contact locked out." in page(client, integration, "activity")


def test_activity_is_searched_by_address_without_storing_it(client, integration):
    LogFactory(integration=integration, source_id="7", email_hash=email_hash("ada@example.com"))
    LogFactory(integration=integration, source_id="8", email_hash=email_hash("bob@example.com"))

    html = page(client, integration, "activity", q="Ada@example.com")

    assert html.count("<tr>") == 2
    assert "Nothing found" in page(client, integration, "activity", q="nobody@example.com")


def test_activity_is_paged_without_counting(client, integration, django_assert_max_num_queries):
    for _ in range(60):
        LogFactory(integration=integration)

    with django_assert_max_num_queries(14) as queries:  # two of them: which second factor is needed
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
    assert "No email address." in html
    assert "Fetch All" in page(client, integration, "runs")


def test_empty_pages_teach(client, integration):
    assert "Create a person in Pipedrive" in page(client, integration, "activity")
    assert "Fetch All syncs the people" in page(client, integration, "runs")
    EventFactory(connection=integration.left)


# Overview: what needs somebody, the chart, and doors that open what they count


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_who_has_one_integration_lands_at_it(client, integration):
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    assert client.get("/").url == reverse("portal:integration", kwargs=ids)


def test_the_column_leads_to_the_only_integration_from_every_page(client, integration):
    html = client.get(reverse("portal:team", kwargs={"tenant_id": integration.tenant_id})).content.decode()
    assert (
        reverse("portal:fields", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk}) in html
    )

    IntegrationFactory(tenant=integration.tenant)

    html = client.get(reverse("portal:team", kwargs={"tenant_id": integration.tenant_id})).content.decode()
    assert reverse("portal:overview", kwargs={"tenant_id": integration.tenant_id}) in html
    assert "/fields/" not in html


def test_what_needs_somebody_says_why_and_where(client, integration):
    JobFactory(integration=integration, state="held", reason="doi_mailing_missing")
    JobFactory(integration=integration, state="dead", reason="record_refused", external_id="7")
    JobFactory(integration=integration, state="held", reason="flow_off")
    MappingFactory(integration=integration, problem="Gone.")

    said = text(page(client, integration, "integration"))

    assert f"1 record waits: {TEXTS['doi_mailing_missing'].what} {TEXTS['doi_mailing_missing'].fix}" in said
    assert f"1 record failed: {TEXTS['record_refused'].what}" in said
    assert "X → Y: Gone." in said
    assert "Everything is in sync" not in said
    assert str(TEXTS["flow_off"].what) not in said


def test_a_paused_one_says_by_whom_and_can_be_resumed_there(client, member, integration):
    lifecycle.pause(integration, member.user)
    html = page(client, integration, "integration")
    assert f"Paused by {member.user}," in text(html)

    stop = reverse("portal:stop", kwargs={"tenant_id": integration.tenant_id, "integration_id": integration.pk})
    answer = client.post(stop, {"do": "resume", "back": "integration"})

    integration.refresh_from_db()
    assert integration.state == "active"
    assert answer.url.endswith(f"/i/{integration.pk}/")


def test_the_chart_counts_each_hour_in_the_tenants_zone(integration):
    integration.tenant.timezone = "Asia/Kolkata"
    now = timezone.now()
    for hours, outcome, count in ((0, "synced", 3), (0, "failed", 1), (5, "skipped", 2), (30, "synced", 9)):
        for _ in range(count):
            LogFactory(integration=integration, outcome=outcome, created_at=now - timedelta(hours=hours))

    bars = chart(integration)

    assert len(bars) == 24
    assert bars[-1].counts == {"synced": 3, "skipped": 0, "failed": 1}
    assert bars[-6].counts["skipped"] == 2
    assert sum(sum(bar.counts.values()) for bar in bars) == 6
    assert bars[-1].hour.utcoffset() == timedelta(hours=5, minutes=30)
    assert [(name, height) for name, _, _, height in bars[-1].rectangles] == [("synced", 45.0), ("failed", 15.0)]


def test_every_number_opens_what_it_counts(client, integration):
    LogFactory(integration=integration, outcome="failed", source_id="11", reason="record_refused")
    LogFactory(integration=integration, outcome="failed", source_id="12", created_at=timezone.now() - timedelta(days=2))
    JobFactory(integration=integration, external_id="13")
    html = page(client, integration, "integration")
    assert "<b>1</b>" in html

    failed = page(client, integration, "activity", outcome="failed", since="24h")
    waiting = page(client, integration, "waiting")

    assert "?outcome=failed&amp;since=24h" in html
    assert ("<td>11" in failed, "<td>12" in failed) == (True, False)
    assert "<td>13</td>" in waiting


def test_what_failed_for_good_has_its_list(client, integration):
    JobFactory(integration=integration, state="dead", reason="record_refused", external_id="21")
    JobFactory(integration=integration, state="held", reason="doi_mailing_missing", external_id="22")

    dead = page(client, integration, "waiting", state="dead", reason="record_refused")
    held = page(client, integration, "waiting", state="held", reason="doi_mailing_missing")
    odd = page(client, integration, "waiting", state="<script>", reason="x" * 999)

    assert ("<td>21</td>" in dead, "<td>22</td>" in dead) == (True, False)
    assert str(TEXTS["doi_mailing_missing"].fix) in held
    assert "<script>" not in odd


def test_activity_is_filtered_by_reason(client, integration):
    LogFactory(integration=integration, outcome="skipped", reason="no_email", source_id="31")
    LogFactory(integration=integration, outcome="skipped", reason="unsubscribed", source_id="32")

    html = page(client, integration, "activity", reason="no_email")

    assert ("<td>31" in html, "<td>32" in html) == (True, False)
