"""What happened to ada@example.com? One page, few queries, reasons with cause and fix."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.models import ConsentEntry, ReferenceCache
from integration.secrets import email_hash
from tests.integration.admin.conftest import ADA, story
from tests.support import factories

FIND = "/admin/find/"
QUERIES = 22  # whatever is found: session, user, links, log, events, jobs, labels; each by its own few look-ups


def text(console: Client, query: str) -> str:
    page = console.get(FIND, {"q": query})
    assert page.status_code == 200
    return page.content.decode()


def titles(console: Client, query: str) -> list[str]:
    return [entry.title for entry in console.get(FIND, {"q": query}).context["entries"]]


@pytest.mark.parametrize("typed", [ADA, " ADA@Example.com", "42", "9001-42"])
def test_a_person_is_found_by_address_and_by_either_id(console: Client, rows: Any, typed: str) -> None:
    page = text(console, typed)
    assert "Pipedrive person 42" in page
    assert "Maileon contact 9001-42" in page
    assert "Consent: <b>Confirmed</b>" in page
    assert f"Event #{rows.event.pk}" in page
    for row in (rows.log, rows.link, rows.job, rows.event, rows.call):
        assert reverse(f"admin:integration_{row._meta.model_name}_change", args=[row.pk]) in page, row


def test_it_says_what_went_wrong_and_what_to_do(console: Client, rows: Any) -> None:
    page = text(console, ADA)
    assert "The record was refused." in page
    assert "A value does not fit" in page
    assert "then sync the record again" in page
    assert "POST /contacts" in page
    assert "31 ms" in page
    assert "To be done: person 42" in page


def test_an_event_is_found_by_its_number(console: Client, rows: Any) -> None:
    assert titles(console, f"#{rows.event.pk}")[0].startswith(f"Event #{rows.event.pk}")


def test_the_newest_comes_first(console: Client, rows: Any) -> None:
    later = timezone.now() + timedelta(minutes=5)
    factories.LogFactory(integration=rows.integration, source_id="42", email_hash=email_hash(ADA), outcome="synced",
                         action="update", created_at=later)  # fmt: skip
    assert titles(console, ADA)[0] == "Update: person 42"


@pytest.mark.chaos("W9")
def test_text_of_people_is_shown_and_not_run(console: Client, rows: Any) -> None:
    page = text(console, ADA)
    assert "&lt;script&gt;alert(3)" in page
    assert "<script>alert" not in page
    assert "<script>alert" not in text(console, "<script>alert(9)</script>")


def test_fields_and_options_have_their_labels(console: Client, rows: Any) -> None:
    key = "c" * 40
    entry = {
        "key": key,
        "label": "Newsletter status",
        "type": "option",
        "options": [{"key": "4", "label": "Confirmed!"}],
    }
    ReferenceCache.objects.create(
        connection=rows.left, kind="fields:person", entries={key: entry}, fetched_at=timezone.now()
    )
    type(rows.log).objects.filter(pk=rows.log.pk).update(changes={key: [None, 4]})
    page = text(console, ADA)
    assert "Newsletter status" in page
    assert "Confirmed!" in page
    assert key not in page


def test_strangers_and_ids_of_other_kinds_stay_out(console: Client, rows: Any) -> None:
    deal = factories.JobFactory(integration=rows.integration, flow="deal_to_event", external_id="42", state="held")
    assert "Nothing known about" in text(console, "nobody@example.com")
    assert reverse("admin:integration_syncjob_change", args=[deal.pk]) not in text(console, ADA)
    assert reverse("admin:integration_syncjob_change", args=[deal.pk]) in text(console, "42")


def test_an_unrouted_event_of_a_known_person_shows_up(console: Client, rows: Any) -> None:
    event = factories.EventFactory(connection=rows.left, external_id="42", state="new")
    assert any(title.startswith(f"Event #{event.pk}") for title in titles(console, ADA))


def test_few_queries_however_much_there_is(console: Client, rows: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        story(f"Tenant {number}", 100 + number)
    factories.LogFactory.create_batch(30, integration=rows.integration, email_hash=email_hash(ADA))
    with django_assert_max_num_queries(QUERIES):
        page = console.get(FIND, {"q": ADA})
    assert len(page.context["entries"]) > 40


def test_it_needs_the_right_to_see_the_log(signed_in: Any, rows: Any) -> None:
    assert signed_in("view_synclog").get(FIND, {"q": ADA}).status_code == 200
    assert signed_in("view_tenant").get(FIND, {"q": ADA}).status_code == 403
    assert Client().get(FIND).status_code == 302


def test_the_empty_page_and_the_box_on_every_page(console: Client, rows: Any) -> None:
    assert "One page with both ids" in console.get(FIND).content.decode()
    assert 'action="/admin/find/"' in console.get(reverse("admin:tenants_tenant_changelist")).content.decode()


def test_consent_that_a_merge_brought_says_so(console: Client) -> None:
    integration = factories.IntegrationFactory()
    factories.LinkFactory(integration=integration, source_id="10")
    about = {"integration": integration, "source_id": "10", "became": "confirmed", "vendor": "pipedrive"}
    ConsentEntry.objects.create(**about, cause="merge of 5")
    ConsentEntry.objects.create(**about, cause="doi")

    page = text(console, "10")

    assert "Taken over from 5, which was merged into this record in Pipedrive." in page
    assert "Changed in Pipedrive, reported by doi." in page
