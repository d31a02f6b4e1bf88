"""Below /admin/ there is nothing for a signed-in user who is not staff, whatever URL is added later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.support import factories

OPEN = {"/admin/login/", "/admin/logout/"}
STAND_INS = {"path": "1", "int": "1", "uuid": "9d1f0bc4-0000-4000-8000-000000000000", "slug": "x", "str": "x"}


def addresses(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Every address of the URL configuration, with something in place of each parameter."""
    for pattern in patterns:
        route = prefix + _filled(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def _filled(route: str) -> str:
    route = re.sub(r"<(?:(\w+):)?\w+>", lambda match: STAND_INS[match.group(1) or "str"], route)
    return re.sub(r"\(\?P<\w+>[^)]*\)", "x", route).replace("^", "").replace("$", "").replace("\\Z", "")


CONSOLE = sorted({address for address in addresses(get_resolver().url_patterns) if address.startswith("/admin/")})


@pytest.fixture
def member(db: None) -> Client:
    client = Client()
    client.force_login(factories.MemberFactory().user)
    return client


def test_all_addresses_are_found() -> None:
    assert len(CONSOLE) > 60
    assert {"/admin/", "/admin/find/", "/admin/integration/synclog/", "/admin/password_change/"} <= set(CONSOLE)
    assert "/admin/integration/integration/1/uninstall/" in CONSOLE


@pytest.mark.chaos("H7")
def test_a_member_finds_nothing_at_any_address(member: Client) -> None:
    found = {address: member.get(address).status_code for address in set(CONSOLE) - OPEN}
    found |= {
        f"POST {address}": member.post(address, {"confirmed": "yes"}).status_code for address in set(CONSOLE) - OPEN
    }
    assert {address: status for address, status in found.items() if status != 404} == {}


def test_superuser_rights_without_staff_do_not_help(db: None) -> None:
    client = Client()
    client.force_login(factories.UserFactory(is_superuser=True))
    assert client.get("/admin/").status_code == 404


@pytest.mark.parametrize("address", ["/admin//", "/admin/./", "/admin/%2e/", "/admin/nothing-here/", "/admin"])
def test_odd_addresses_do_not_help(member: Client, address: str) -> None:
    assert member.get(address, follow=True).status_code == 404


def test_sign_in_and_sign_out_stay_open(member: Client) -> None:
    assert member.get("/admin/login/").status_code == 200
    assert member.post("/admin/logout/").status_code == 302


def test_strangers_are_asked_to_sign_in(db: None) -> None:
    answer = Client().get("/admin/integration/synclog/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_staff_come_in(db: None) -> None:
    client = Client()
    client.force_login(factories.UserFactory(is_staff=True))
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/integration/synclog/").status_code == 403


def test_other_pages_are_left_alone(member: Client) -> None:
    assert member.get("/healthz").status_code in (200, 503)
    assert get_user_model().objects.filter(is_staff=True).count() == 0
