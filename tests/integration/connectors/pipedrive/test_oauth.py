"""OAuth: the exact requests, and every failure as one of our errors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from integration.connectors.pipedrive import oauth
from integration.errors import (
    AuthError,
    ContractError,
    IntegrationError,
    RateLimited,
    TenantActionError,
    TransientError,
)
from tests.support.client_cases import HTML, Stub

from .conftest import api

ID, SECRET, RETURN = "client-id", "client-secret-0001", "https://hub.example/oauth/pipedrive/callback/"
BASIC = "Basic " + base64.b64encode(f"{ID}:{SECRET}".encode()).decode()


def reply(stub: Stub) -> bytes:
    return api("POST_oauth_token__200").replace(b"https://acme.pipedrive.com", f"{stub.url}/pipedrive/acme".encode())


def test_the_consent_page_is_the_vendors(settings: Any) -> None:
    settings.SANDBOX_URL = ""
    url = oauth.authorize_url(ID, RETURN, "st&te")
    assert url.startswith("https://oauth.pipedrive.com/oauth/authorize?client_id=client-id&redirect_uri=https%3A%2F%2F")
    assert url.endswith("&state=st%26te")


def test_a_code_becomes_tokens(stub: Stub) -> None:
    stub.will(reply(stub))
    tokens = oauth.exchange_code(ID, SECRET, "the-code", RETURN)
    assert (stub.last.method, stub.last.path) == ("POST", "/pipedrive-oauth/oauth/token")
    assert stub.last.headers["Authorization"] == BASIC
    assert stub.last.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    form = {key: values[0] for key, values in parse_qs(stub.last.body.decode()).items()}
    assert form == {"grant_type": "authorization_code", "code": "the-code", "redirect_uri": RETURN}
    assert tokens.api_domain == f"{stub.url}/pipedrive/acme"
    assert timedelta(minutes=59) < tokens.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert tokens.values()["refresh_token"] == "13132:26373:example-refresh-token"


def test_a_refresh_keeps_or_replaces_the_refresh_token(stub: Stub) -> None:
    stub.will(reply(stub))
    assert oauth.refresh(ID, SECRET, "old").refresh_token == "13132:26373:example-refresh-token"
    form = {key: values[0] for key, values in parse_qs(stub.last.body.decode()).items()}
    assert form == {"grant_type": "refresh_token", "refresh_token": "old"}
    stub.will(reply(stub).replace(b"refresh_token", b"other"))
    assert oauth.refresh(ID, SECRET, "old").refresh_token == "old"


def test_revoking_names_the_refresh_token(stub: Stub) -> None:
    stub.will(b"")
    oauth.revoke(ID, SECRET, "old")
    assert (stub.last.path, stub.last.headers["Authorization"]) == ("/pipedrive-oauth/oauth/revoke", BASIC)
    assert stub.last.body == b"token=old&token_type_hint=refresh_token"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"success":false,"error":"invalid_grant","message":"refresh_token is invalid"}', AuthError),
        (400, b"no json at all", AuthError),
        (400, b'{"anything":1}', AuthError),
        (401, b"", AuthError),
        (404, b"", TenantActionError),
        (302, b"", TenantActionError),
        (429, b"", RateLimited),
        (500, HTML, TransientError),
        (503, b"{}", TransientError),
        (200, HTML, ContractError),
        (200, b"[]", ContractError),
        (200, b"{}", ContractError),
        (200, b'{"access_token":"x"}', ContractError),
    ],
)
def test_failures_become_our_errors(status: int, body: bytes, error: type[IntegrationError], stub: Stub) -> None:
    headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
    for call in (
        lambda: oauth.refresh(ID, SECRET, "old-token"),
        lambda: oauth.exchange_code(ID, SECRET, "code", RETURN),
    ):
        stub.will(body, status, **headers)
        with pytest.raises(IntegrationError) as caught:
            call()
        assert type(caught.value) is error
        assert SECRET not in caught.value.detail
        assert "old-token" not in caught.value.detail


def test_a_failed_revoke_is_told(stub: Stub) -> None:
    stub.will(b"", 500)
    with pytest.raises(TransientError):
        oauth.revoke(ID, SECRET, "old")


def test_a_dead_host_is_tried_later(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    with pytest.raises(TransientError) as caught:
        oauth.refresh(ID, SECRET, "old")
    assert caught.value.reason == "vendor_unreachable"


def test_tokens_never_lead_to_a_foreign_host(stub: Stub) -> None:
    stub.will(api("POST_oauth_token__200").replace(b"acme.pipedrive.com", b"evil.example"))
    with pytest.raises(TenantActionError) as caught:
        oauth.exchange_code(ID, SECRET, "code", RETURN)
    assert caught.value.reason == "address_refused"


def test_tokens_are_renewed_shortly_before_their_end() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert oauth.needs_refresh({"expires_at": (now + timedelta(minutes=1)).isoformat()}, now)
    assert not oauth.needs_refresh({"expires_at": (now + timedelta(minutes=10)).isoformat()}, now)
    assert oauth.needs_refresh({}, now)
