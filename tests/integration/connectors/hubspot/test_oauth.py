"""OAuth: the exact requests, and every failure as one of our errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from integration.connectors.hubspot import oauth
from integration.errors import AuthError, ContractError, IntegrationError, RateLimited, TransientError
from tests.support.client_cases import HTML, Stub

from .conftest import APP, api

ID, SECRET, RETURN = APP["client_id"], APP["client_secret"], "https://hub.example/oauth/hubspot/callback/"


def form(stub: Stub) -> dict[str, str]:
    return dict(parse_qsl(stub.last.body.decode()))


def test_the_consent_page_names_every_scope(settings: Any) -> None:
    settings.SANDBOX_URL = ""
    url = oauth.authorize_url(ID, RETURN, "st&te")
    assert url == (
        "https://app.hubspot.com/oauth/authorize?client_id=client-id"
        "&redirect_uri=https%3A%2F%2Fhub.example%2Foauth%2Fhubspot%2Fcallback%2F"
        "&scope=oauth%20crm.objects.contacts.read%20crm.objects.contacts.write%20crm.schemas.contacts.read"
        "%20crm.schemas.contacts.write&optional_scope=timeline%20settings.users.read&state=st%26te"
    )


def test_a_code_becomes_tokens(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__200"))
    tokens = oauth.exchange_code(ID, SECRET, "the-code", RETURN)
    assert (stub.last.method, stub.last.path, stub.last.query) == ("POST", "/hubspot/oauth/2026-09/token", [])
    assert stub.last.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form(stub) == {
        "grant_type": "authorization_code", "code": "the-code", "redirect_uri": RETURN, "client_id": ID,
        "client_secret": SECRET,
    }  # fmt: skip
    assert tokens.api_domain == f"{stub.url}/hubspot"
    assert timedelta(minutes=29) < tokens.expires_at - datetime.now(UTC) <= timedelta(minutes=30)


def test_a_refresh_keeps_or_replaces_the_refresh_token(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__200"))
    assert oauth.refresh(ID, SECRET, "old").refresh_token == "na1-example-refresh-token"
    assert form(stub)["grant_type"] == "refresh_token"
    stub.will(api("POST_oauth_token__200").replace(b"refresh_token", b"other"))
    assert oauth.refresh(ID, SECRET, "old").refresh_token == "old"


def test_giving_up_uninstalls_and_revokes(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__200")).will(b"", 204).will(b"{}")
    oauth.revoke(ID, SECRET, "old")
    assert [(seen.method, seen.path) for seen in stub.seen] == [
        ("POST", "/hubspot/oauth/2026-09/token"), ("DELETE", "/hubspot/appinstalls/2026-09/external-install"),
        ("POST", "/hubspot/oauth/2026-09/token/revoke"),
    ]  # fmt: skip
    assert stub.seen[1].headers["Authorization"] == "Bearer CNSH-example-access-token"
    assert form(stub)["token"] == "old"


def test_giving_up_what_is_gone_already_is_fine(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__400"), 400)
    oauth.revoke(ID, SECRET, "old")
    assert len(stub.seen) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, api("POST_oauth_token__400"), AuthError),
        (400, b'{"status":"BAD_HUB","message":"missing or unknown hub id","error":"access_denied"}', AuthError),
        (400, b"no json at all", AuthError),
        (401, b"", AuthError),
        (429, b'{"errorType":"RATE_LIMIT","policyName":"SECONDLY"}', RateLimited),
        (500, HTML, TransientError),
        (503, b"{}", TransientError),
        (200, HTML, ContractError),
        (200, b"[]", ContractError),
        (200, b"{}", ContractError),
        (200, b'{"access_token":"x"}', ContractError),
    ],
)
def test_failures_become_our_errors(status: int, body: bytes, error: type[IntegrationError], stub: Stub) -> None:
    for call in (
        lambda: oauth.refresh(ID, SECRET, "old-token"),
        lambda: oauth.exchange_code(ID, SECRET, "code", RETURN),
    ):
        stub.will(body, status)
        with pytest.raises(IntegrationError) as caught:
            call()
        assert type(caught.value) is error
        assert SECRET not in caught.value.detail
        assert "old-token" not in caught.value.detail


def test_a_refused_refresh_says_what_to_do(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__400"), 400)
    with pytest.raises(AuthError) as caught:
        oauth.refresh(ID, SECRET, "old-token")
    assert caught.value.reason == "credentials_refused"
    assert "connect again" in caught.value.public


def test_a_dead_host_is_tried_later(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    with pytest.raises(TransientError) as caught:
        oauth.refresh(ID, SECRET, "old")
    assert caught.value.reason == "vendor_unreachable"
