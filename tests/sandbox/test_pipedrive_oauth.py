"""OAuth: consent, tokens, refresh, revoke, scopes; and the marketplace start."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.pipedrive.seed import (
    ACME_API_TOKEN,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    OAUTH_REDIRECT_URI,
)

BASIC = (OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET)


def answer_to_consent(sandbox, **form):
    """Return the query the consent page sends the browser back with."""
    form = {"client_id": OAUTH_CLIENT_ID, "account": "acme:9001001", "decision": "allow"} | form
    url = f"{sandbox.url}/pipedrive-oauth/oauth/authorize"
    answer = requests.post(url, data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith(OAUTH_REDIRECT_URI)
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def ask_token(sandbox, auth=BASIC, **form):
    return requests.post(f"{sandbox.url}/pipedrive-oauth/oauth/token", data=form, auth=auth, timeout=5)


def install(sandbox):
    code = answer_to_consent(sandbox, state="s")["code"]
    answer = ask_token(sandbox, grant_type="authorization_code", code=code, redirect_uri=OAUTH_REDIRECT_URI)
    assert answer.status_code == 200, answer.text
    return answer.json()


def call(tokens, path="/v1/users/me", method="GET", **options):
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return requests.request(method, tokens["api_domain"] + path, headers=headers, timeout=5, **options)


def test_consent_gives_code_and_state_back(sandbox):
    page = requests.get(
        f"{sandbox.url}/pipedrive-oauth/oauth/authorize", {"client_id": OAUTH_CLIENT_ID, "state": "a&b"}, timeout=5
    )
    assert "ACME GmbH" in page.text
    assert answer_to_consent(sandbox, state="a&b")["state"] == "a&b"
    assert answer_to_consent(sandbox, state="x", decision="deny") == {"error": "user_denied", "state": "x"}


def test_marketplace_start_has_no_state(sandbox):
    page = requests.get(f"{sandbox.url}/pipedrive-oauth/marketplace/{OAUTH_CLIENT_ID}", timeout=5)
    assert 'name="state"' not in page.text
    assert set(answer_to_consent(sandbox)) == {"code"}


def test_foreign_redirect_uri_and_unknown_app_are_refused(sandbox):
    url = f"{sandbox.url}/pipedrive-oauth/oauth/authorize"
    for query in ({"client_id": "nobody"}, {"client_id": OAUTH_CLIENT_ID, "redirect_uri": "https://evil.example/"}):
        assert requests.get(url, query, timeout=5).status_code == 400


def test_token_reply_names_the_company_host(sandbox):
    tokens = install(sandbox)
    assert tokens["api_domain"] == f"{sandbox.url}/pipedrive/acme"
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3599)
    assert len(tokens["access_token"]) > 300
    assert "contacts:full" in tokens["scope"].split(",")
    me = call(tokens).json()["data"]
    assert (me["company_id"], me["id"], me["company_domain"]) == (9001, 9001001, "acme")


def test_code_is_good_once_and_for_five_minutes(sandbox):
    code = answer_to_consent(sandbox)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": OAUTH_REDIRECT_URI}
    assert ask_token(sandbox, **form).status_code == 200
    assert ask_token(sandbox, **form).status_code == 400
    late = answer_to_consent(sandbox)["code"]
    sandbox.control("POST", "/time", {"advance_seconds": 301})
    assert "expired" in ask_token(sandbox, **form | {"code": late}).json()["error_description"]


@pytest.mark.parametrize(("auth", "form"), [
    (None, {}), (("nobody", "x"), {}), ((OAUTH_CLIENT_ID, "wrong"), {}), (BASIC, {"grant_type": None}),
    (BASIC, {"grant_type": "password"}), (BASIC, {"refresh_token": "wrong"}),
])  # fmt: skip
def test_wrong_token_requests_answer_400(sandbox, auth, form):
    form = {"grant_type": "refresh_token", "refresh_token": install(sandbox)["refresh_token"]} | form
    assert ask_token(sandbox, auth, **form).status_code == 400


def test_credentials_may_stand_in_the_body_and_json_may_not(sandbox):
    tokens = install(sandbox)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    in_body = {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}
    assert ask_token(sandbox, None, **form, **in_body).status_code == 200
    answer = requests.post(f"{sandbox.url}/pipedrive-oauth/oauth/token", json=form, auth=BASIC, timeout=5)
    assert answer.status_code == 400


def test_access_token_expires_and_refresh_token_changes(sandbox):
    tokens = install(sandbox)
    sandbox.control("POST", "/time", {"advance_seconds": 3600})
    assert call(tokens).status_code == 401
    fresh = ask_token(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert call(fresh).status_code == 200
    sandbox.control("POST", "/misbehave", {"vendor": "pipedrive", "account": "acme", "expire_tokens": True})
    assert call(fresh).status_code == 401


def test_unused_refresh_token_dies_after_sixty_days(sandbox):
    tokens = install(sandbox)
    sandbox.control("POST", "/time", {"advance_seconds": 59 * 86400})
    tokens = ask_token(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    sandbox.control("POST", "/time", {"advance_seconds": 61 * 86400})
    assert ask_token(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 400


def test_revoking_the_refresh_token_uninstalls(sandbox, pipedrive):
    tokens = install(sandbox)
    hook = {"subscription_url": "https://hub.example/x", "event_action": "*", "event_object": "*", "name": "n"}
    made = call(tokens, "/v1/webhooks", "POST", json=hook).json()["data"]
    assert made["type"] == "application"
    assert pipedrive.data("GET", "/v1/webhooks") == []
    assert pipedrive("DELETE", f"/v1/webhooks/{made['id']}").status_code == 403

    form = {"token": tokens["refresh_token"], "token_type_hint": "refresh_token"}
    url = f"{sandbox.url}/pipedrive-oauth/oauth/revoke"
    assert requests.post(url, data=form, auth=BASIC, timeout=5).status_code == 200
    assert requests.post(url, data={"token": "unknown"}, auth=BASIC, timeout=5).status_code == 200

    assert call(tokens).status_code == 401
    assert sandbox.control("GET", "/pipedrive/acme/state")["webhooks"] == []


def test_missing_scope_is_forbidden(sandbox):
    app = {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET, "redirect_uri": OAUTH_REDIRECT_URI}
    sandbox.control("POST", "/pipedrive/apps", app | {"scopes": ["base", "contacts:full"]})
    tokens = install(sandbox)
    assert call(tokens, "/api/v2/persons").status_code == 200
    for method, path in (("GET", "/api/v2/deals"), ("POST", "/api/v2/personFields"), ("GET", "/v1/users")):
        answer = call(tokens, path, method)
        assert (answer.status_code, answer.json()["error"]) == (403, "Scope and URL mismatch")


def test_non_admin_cannot_manage_webhooks(sandbox):
    user = sandbox.control("POST", "/pipedrive/acme/users", {"name": "Joe", "email": "joe@acme.example"})
    headers = {"x-api-token": user["api_token"]}
    base = f"{sandbox.url}/pipedrive/acme"
    assert requests.get(f"{base}/v1/webhooks", headers=headers, timeout=5).status_code == 403
    assert requests.get(f"{base}/api/v2/persons", headers=headers, timeout=5).status_code == 200


def test_api_token_is_exchanged_and_bearer_must_be_well_formed(sandbox, pipedrive):
    tokens = ask_token(sandbox, grant_type="exchange_api_token", api_token=ACME_API_TOKEN).json()
    assert call(tokens).status_code == 200
    assert pipedrive("GET", "/v1/users/me", headers={"authorization": "Bearer"}).status_code == 400
    assert pipedrive("GET", "/v1/users/me", headers={"authorization": f"Bearer {ACME_API_TOKEN}"}).status_code == 401


def test_what_an_app_makes_is_marked_as_from_the_marketplace(sandbox):
    deal = call(install(sandbox), "/api/v2/deals", "POST", json={"title": "D"}).json()["data"]
    assert (deal["origin"], deal["channel_id"], len(deal["origin_id"])) == ("Marketplace", "Lockstep", 16)
