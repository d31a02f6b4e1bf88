"""Whoever is nobody leaves nothing behind: no row, no session, no cookie but the one against forged forms."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, UUIDConverter

from integration.portal import signin
from tenants.models import Session
from tests.support.whole_database import raw_texts

pytestmark = pytest.mark.django_db
ODD_QUERY = {"q": "x", "next": "/t/", "code": "c", "state": "s", "page": "2", "format": "csv", "lang": "de"}


def addresses(patterns: list[URLPattern | URLResolver] | None = None, before: str = "/") -> Iterator[str]:
    """Every address of the URL configuration, with something in each place."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        text = str(entry.pattern)
        for name, converter in entry.pattern.converters.items():
            value = str(UUID(int=1)) if isinstance(converter, UUIDConverter) else "pipedrive"
            value = "1" if isinstance(converter, IntConverter) else value
            for kind in ("uuid", "int", "slug", "path", "str"):
                text = text.replace(f"<{kind}:{name}>", value)
            text = text.replace(f"<{name}>", value)
        if isinstance(entry, URLResolver):
            yield from addresses(entry.url_patterns, before + text)
        elif "(?P<" in text or text.startswith("^"):  # what the console's frame keeps for lists of its apps
            yield before + "tenants/"
        else:
            yield before + text


ALL = sorted(set(addresses()))
# Against forged forms; and what a sign-in that begins at a vendor must bring back from there.
COOKIES = {django_settings.CSRF_COOKIE_NAME, signin.COOKIE}
# What somebody leaves who is not signed in yet, by table, and what for.
LEAVE = {
    "/invite/pipedrive/": {"tenants_misses"},  # a guessed invitation is counted, by network
}


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.OAUTH_APPS = {
        "pipedrive": {"client_id": "1", "client_secret": "s"},
        "hubspot": {"client_id": "2", "client_secret": "s"},
    }
    settings.METRICS_TOKEN = "m" * 30


def entries() -> int:
    """How many entries the cache has, whatever they are."""
    folder = django_settings.CACHES["default"]["LOCATION"]
    return len(list(folder.glob("*"))) if folder.exists() else 0


def test_every_address_is_asked():
    assert len(ALL) > 100
    assert {"/", "/login/", "/healthz", "/metrics", "/invite/pipedrive/", "/oauth/pipedrive/callback/", "/admin/"} <= {
        *ALL
    }
    assert not [address for address in ALL if "<" in address]


@pytest.mark.parametrize("address", [address for address in ALL if address not in LEAVE])
def test_nobody_leaves_anything_behind_at_any_address(address):
    before = sorted(raw_texts())
    client = Client()
    for query in ({}, ODD_QUERY):
        answer = client.get(address, query)
        assert answer.status_code < 500 or address == "/healthz", address
        assert set(answer.cookies) <= COOKIES, address

    assert not Session.objects.exists()
    assert set(client.cookies) <= COOKIES
    assert sorted(raw_texts()) == before


@pytest.mark.parametrize("address", LEAVE)
def test_what_is_left_where_somebody_signs_in_or_guesses_is_this_and_nothing_else(address):
    before = set(raw_texts())
    Client().get(address, ODD_QUERY)

    assert {table for table, _, _ in set(raw_texts()) - before} == LEAVE[address]


def test_the_cache_does_not_grow_with_the_requests_of_nobody():
    def visit(round_number: int) -> None:
        for address in ALL:
            client = Client(REMOTE_ADDR=f"192.0.2.{round_number}", headers={"User-Agent": f"browser {round_number}"})
            client.get(address, {"q": str(round_number), "code": f"c{round_number}", "state": f"s{round_number}"})

    cache.clear()
    visit(1)
    after_one = entries()
    for number in (2, 3):
        visit(number)

    assert entries() <= after_one
