"""The Content-Security-Policy of every page and error page, and that no page carries what it would not let run."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from integration.management.schedules import ensure_schedules
from integration.webhooks import health
from tests.integration.test_access import HUB, console_addresses, names, someone
from tests.support.factories import IntegrationFactory, MemberFactory, RunFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.chaos("H15")]

STRICT = {
    "default-src": "'self'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "object-src": "'none'", "frame-ancestors": "'none'", "form-action": "'self'", "base-uri": "'self'",
}  # fmt: skip
THEME = STRICT | {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
NO_PAGES = {"webhook", "app_webhook"}  # vendors' calls pass all that is for pages
NO_THEME = {
    "admin:tenants_auditentry_export_lines",
    "admin:search",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:view_on_site",
    "console-why",
    "console-verify",
} | {"admin:integration_integration_counts"}


def policy(answer: Any) -> dict[str, str]:
    """Directive → sources."""
    parts = [part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, _, sources in parts if name}


class Inline(HTMLParser):
    """What a policy without unsafe-inline would stop."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script" and "src" not in found and found.get("type") != "application/json":
            self.scripts.append(f"<script {found}>")
        self.scripts += [f"{name}={value}" for name, value in attrs if name.startswith("on")]
        self.scripts += [f"{name}={value}" for name, value in attrs if (value or "").strip().startswith("javascript:")]
        if tag == "style" or "style" in found:
            self.styles.append(f"<{tag} {found}>")


def inline(answer: Any) -> Inline:
    return Inline("" if answer.streaming else answer.content.decode())


@pytest.fixture
def operator() -> Client:
    return someone(UserFactory(is_staff=True, is_superuser=True))


@pytest.mark.parametrize("name", sorted(HUB.keys() - NO_PAGES))
def test_the_hubs_own_pages_are_strict(name: str) -> None:
    member = MemberFactory()
    integration = IntegrationFactory(tenant=member.tenant)
    values = {
        "tenant_id": member.tenant_id, "integration_id": integration.pk, "token": "unknown", "vendor": "pipedrive",
        "run_id": RunFactory(integration=integration).pk,
    }  # fmt: skip
    pattern = next(entry for full, entry in names() if full == name)
    address = reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})

    for who in (someone(member.user), someone(MemberFactory().user), someone()):
        for answer in (who.get(address), who.post(address, {"email": "nobody"})):
            assert policy(answer) == STRICT
            assert (inline(answer).scripts, inline(answer).styles) == ([], [])


def test_the_consoles_pages_have_what_their_theme_needs_and_nothing_else_has(operator: Client) -> None:
    nobody, member = someone(), someone(MemberFactory().user)
    Group.objects.create(name="Support")
    ensure_schedules()
    wrong = {}
    for name, address, _ in console_addresses():
        answer = operator.get(address)
        expected = THEME if answer.status_code == 200 and name not in NO_THEME else STRICT
        if policy(answer) != expected or inline(answer).scripts:
            wrong[name] = (answer.status_code, policy(answer), inline(answer).scripts)
        for stranger in (nobody.get(address), member.get(address)):
            if policy(stranger) != STRICT:
                wrong[name] = (stranger.status_code, policy(stranger))
    assert wrong == {}


def test_the_consoles_login_is_a_page_of_the_theme() -> None:
    answer = Client().get(reverse("admin:login"))

    assert policy(answer) == THEME
    assert inline(answer).scripts == []


def fails() -> None:
    raise RuntimeError("as if by mistake")


@pytest.mark.parametrize("root", ["/", "/admin/"])
def test_error_pages_are_strict(root: str, operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.sweeper, "oldest_waiting_seconds", fails)
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.each_context", lambda self, request: fails())
    careless = someone(UserFactory(is_staff=True, is_superuser=True))
    careless.raise_request_exception = False
    forged = Client(enforce_csrf_checks=True)
    login = reverse("admin:login" if root == "/admin/" else "login")
    answers = {
        404: operator.get(f"{root}nothing/here/"),
        403: forged.post(login, {"username": "x"}),
        400: operator.get(login, headers={"Host": "elsewhere.example"}),
        500: careless.get(root if root == "/admin/" else "/healthz"),
    }

    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    for answer in answers.values():
        assert policy(answer) == STRICT
        assert inline(answer).scripts == []
