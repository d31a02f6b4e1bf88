"""Pages of errors: they look like the house, say what to do, load nothing from elsewhere, and tell nothing inside."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import connection
from django.http import Http404
from django.test import Client
from django.urls import path
from django.views.defaults import server_error

from config import urls

PAGES = {
    404: ("Page not found", "Check the address."),
    403: ("Not permitted", "Ask the owner of your team"),
    400: ("This request is not complete", "reload the page"),
    500: ("Something went wrong on our side", "Try again in a minute."),
}


def raising(exc):
    def view(request):
        raise exc

    return view


class Broken(Exception):
    """Somebody's secret 4711 stands in its text."""


urlpatterns = [
    *urls.urlpatterns,
    path("404/", raising(Http404("secret 4711"))),
    path("403/", raising(PermissionDenied("secret 4711"))),
    path("400/", raising(BadRequest("secret 4711"))),
    path("500/", raising(Broken("secret 4711"))),
]


def asked(status):
    return Client(raise_request_exception=False).get(f"/{status}/")


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("status", PAGES)
def test_each_says_what_happened_and_what_to_do(status):
    answer = asked(status)
    text = answer.content.decode()

    assert answer.status_code == status
    for words in PAGES[status]:
        assert words in text
    assert 'href="/"' in text
    assert "4711" not in text
    assert "Traceback" not in text
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("status", PAGES)
def test_none_loads_anything_from_another_host_or_runs_a_script(status):
    answer = asked(status)
    text = answer.content.decode()

    assert "<script" not in text
    assert " style=" not in text
    assert not re.search(r"\son\w+=", text)
    addresses = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert len(addresses) >= 3
    assert all(address == "/" or address.startswith(django_settings.STATIC_URL) for address in addresses)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.urls(__name__)
def test_a_form_of_yesterday_is_explained():
    answer = Client(enforce_csrf_checks=True).post("/404/", {"a": "b"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()
    assert "Nothing was changed" in answer.content.decode()


def test_the_page_of_a_failure_needs_no_database(rf, monkeypatch):
    monkeypatch.setattr(connection, "ensure_connection", lambda: pytest.fail("the database was asked"))
    answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
