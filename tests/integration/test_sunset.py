"""What vendors say about the end of what we call: read from answers, kept, told to operators months before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration.connectors.registry import get_connector
from integration.engine.alerts import watch
from integration.engine.clients import sunsets
from integration.engine.clients.session import OpenSession
from integration.http import Exchange
from integration.models import AlertKind, VendorSunset
from integration.recipes.registry import get_recipe
from integration.sunset import Sunset, place_of, sunset_in
from tests.support.client_cases import Stub
from tests.support.factories import ConnectionFactory, IntegrationFactory

LINK = '<https://vendor.example/docs/sunset>; rel="deprecation"; type="text/html"'


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Deprecation": "false"}, None),
        ({"Deprecation": "@1688169599"}, Sunset(None)),
        ({"Deprecation": "true", "Link": LINK}, Sunset(None, "https://vendor.example/docs/sunset")),
        ({"Sunset": "Sat, 31 Dec 2026 23:59:59 GMT"}, Sunset(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))),
        ({"Deprecation": "@1", "Sunset": "@1800000000"}, Sunset(datetime(2027, 1, 15, 8, tzinfo=UTC))),
        ({"Sunset": "Fri, 31 Dec 9999 23:59:59 -0100"}, None),
        ({"Sunset": "soon"}, None),
        ({"Sunset": "@99999999999999999999"}, None),
        ({"Deprecation": "soon", "Sunset": "whenever"}, Sunset(None)),
        ({"Deprecation": "@1", "Link": "<javascript:alert(1)>; rel=deprecation"}, Sunset(None)),
        ({"Deprecation": "@1", "Link": '<https://a.example/"onclick=x>; rel=deprecation'}, Sunset(None)),
    ],
)
def test_headers_are_read_as_their_standards_say(headers: dict[str, str], expected: Sunset | None) -> None:
    assert sunset_in(headers) == expected


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/api/v1/leads/3b2f0a4e-9f0d-4b7c-8e1a-1/notes?limit=5", "GET /api/v1/leads/…/notes"),
        ("/contacts/email/ada%40example.com", "GET /contacts/email/…"),
        ("/crm/objects/2026-09/contacts/512", "GET /crm/objects/2026-09/contacts/…"),
        ("/", "GET /"),
    ],
)
def test_a_place_holds_no_id_and_no_address(path: str, place: str) -> None:
    assert place_of("GET", path) == place


def exchange(sunset: Sunset | None, path: str = "/api/v1/leads/7") -> Exchange:
    return Exchange("GET", path, 200, 5, "", "", sunset=sunset)


@pytest.fixture
def stub(settings) -> Iterator[Stub]:
    """A loopback vendor, allowed as the one non-vendor origin."""
    server = Stub()
    settings.SANDBOX_URL = server.url
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    sunsets.noted.clear()


@pytest.mark.django_db
def test_an_answer_is_kept_once_and_its_news_replace_it() -> None:
    connection = ConnectionFactory(vendor="pipedrive")
    later = Sunset(datetime(2027, 6, 1, tzinfo=UTC))
    for n in (7, 8, 9):
        sunsets.note(connection, exchange(later, f"/api/v1/leads/{n}"))
    sunsets.note(connection, exchange(None))
    sunsets.note(connection, exchange(Sunset(datetime(2027, 1, 1, tzinfo=UTC))))

    [row] = VendorSunset.objects.all()
    assert (row.vendor, row.place, row.declared) == ("pipedrive", "GET /api/v1/leads/…", False)
    assert row.ends_at == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_what_cannot_be_stored_spoils_no_call_and_is_stored_with_the_next_answer(monkeypatch) -> None:
    connection, full = ConnectionFactory(vendor="pipedrive"), DatabaseError("disk full")
    with monkeypatch.context() as patch:
        patch.setattr(VendorSunset.objects, "update_or_create", Mock(side_effect=full))
        sunsets.note(connection, exchange(Sunset(None)))
    sunsets.note(connection, exchange(Sunset(None)))

    assert VendorSunset.objects.count() == 1


@pytest.mark.django_db
def test_the_headers_of_a_real_answer_reach_the_list(stub: Stub) -> None:
    connection = ConnectionFactory(
        vendor="brevo", base_url=f"{stub.url}/v3", auth_kind="api_key", credentials={"api_key": "k" * 40}
    )
    session = OpenSession(IntegrationFactory(left=connection), get_recipe("pipedrive_brevo"))
    stub.will(b'{"contacts":[],"count":0}', 200, Deprecation="@1688169599", Sunset="Sat, 31 Dec 2026 23:59:59 GMT")

    session.client("left").contacts_page()

    assert list(VendorSunset.objects.values_list("place", flat=True)) == ["GET /v3/contacts"]


@pytest.mark.django_db
def test_what_vendors_calendars_say_is_stored_at_set_up_and_forgotten_with_the_version() -> None:
    VendorSunset.objects.create(vendor="hubspot", place="API version 2020-01", declared=True)

    call_command("setup")

    rows = VendorSunset.objects.filter(vendor="hubspot")
    assert set(rows.values_list("place", flat=True)) == set(get_connector("hubspot").sunsets)
    assert all(row.ends_at and row.link.startswith("https://developers.hubspot.com/") for row in rows)


def told(now: datetime) -> list[str]:
    return [row.what for row in watch.sunset(get_recipe, now)]


@pytest.mark.django_db
def test_an_alert_opens_half_a_year_before_and_only_for_what_is_used(settings) -> None:
    now = timezone.now()
    ends = now + timedelta(days=settings.ALERT_SUNSET_DAYS)
    row = VendorSunset.objects.create(vendor="hubspot", place="API version 2026-09", declared=True, ends_at=ends)
    assert told(now + timedelta(days=1)) == [], "nobody uses HubSpot here"

    ConnectionFactory(vendor="hubspot", auth_kind="oauth")
    assert told(now - timedelta(days=1)) == []
    assert told(now + timedelta(days=1)) == [f"HubSpot switches off “API version 2026-09” on {ends:%-d %B %Y}"]

    VendorSunset.objects.create(vendor="hubspot", place="GET /a", seen_at=now)
    [what] = told(now + timedelta(days=1))
    assert what == f"HubSpot switches off “API version 2026-09” and 1 more on {ends:%-d %B %Y}", "the date comes first"
    row.delete()
    assert told(now) == ["HubSpot switches off “GET /a” at a date it has not named"]
    assert told(now + timedelta(days=31)) == [], "it is not called any more"


@pytest.mark.django_db
def test_the_watcher_is_asked_every_minute_and_its_alert_says_what_to_do() -> None:
    ConnectionFactory(vendor="hubspot", auth_kind="oauth")
    VendorSunset.objects.create(vendor="hubspot", place="GET /a", ends_at=timezone.now() + timedelta(days=3))

    conditions, judged = watch.look(get_recipe, timezone.now())

    assert AlertKind.SUNSET in judged
    assert [row.subject for row in conditions if row.kind == AlertKind.SUNSET] == ["sunset:hubspot"]


@pytest.mark.django_db
def test_operators_see_the_list_with_its_dates(admin_client: Client) -> None:
    ConnectionFactory(vendor="hubspot", auth_kind="oauth")
    day = timezone.now() + timedelta(days=3)
    row = VendorSunset.objects.create(vendor="hubspot", place="GET /crm/…", ends_at=day, link="https://h.example/a")

    page = admin_client.get(reverse("admin:integration_vendorsunset_changelist")).content.decode()
    detail = admin_client.get(reverse("admin:integration_vendorsunset_change", args=[row.pk])).content.decode()

    assert "GET /crm/…" in page
    assert "Update Lockstep before then" in page
    assert 'href="https://h.example/a"' in detail
