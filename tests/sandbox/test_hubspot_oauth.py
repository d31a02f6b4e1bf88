"""HubSpot's OAuth: consent, tokens of thirty minutes, introspection, and an uninstallation nobody is told of."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.hubspot.seed import APP_ID, CLIENT_ID, CLIENT_SECRET, PORTAL_ID, REDIRECT_URI, SCOPES, USER_ID

APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
WISH = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "scope": " ".join(SCOPES)}


def consent(sandbox, **form):
    """The query the consent page sends the browser back with."""
    form = WISH | {"account": f"{PORTAL_ID}:{USER_ID}", "decision": "allow"} | form
    answer = requests.post(f"{sandbox.url}/hubspot-app/oauth/authorize", data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def ask(sandbox, path="token", version="2026-09", **form):
    return requests.post(f"{sandbox.url}/hubspot/oauth/{version}/{path}", data=APP | form, timeout=5)


def install(sandbox, **more):
    code = consent(sandbox, **more)["code"]
    answer = ask(sandbox, grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI)
    assert answer.status_code == 200, answer.text
    return answer.json()


def read(sandbox, token, path="/crm/objects/2026-09/contacts"):
    return requests.get(f"{sandbox.url}/hubspot{path}", headers={"authorization": f"Bearer {token}"}, timeout=5)


def test_consent_gives_code_and_state_back(sandbox):
    page = requests.get(f"{sandbox.url}/hubspot-app/oauth/authorize", WISH | {"state": "a&b"}, timeout=5)
    assert "ACME GmbH" in page.text
    assert consent(sandbox, state="a&b")["state"] == "a&b"
    assert consent(sandbox, state="x", decision="deny")["error"] == "access_denied"


@pytest.mark.parametrize(
    "wrong", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}, {"scope": "oauth"}]
)
def test_a_wrong_address_is_an_error_page(sandbox, wrong):
    answer = requests.get(f"{sandbox.url}/hubspot-app/oauth/authorize", WISH | wrong, timeout=5)
    assert answer.status_code == 400


def test_tokens_last_thirty_minutes_and_are_refreshed(sandbox):
    tokens = install(sandbox, optional_scope="timeline unknown")
    assert (tokens["expires_in"], tokens["hub_id"], tokens["user_id"]) == (1800, PORTAL_ID, USER_ID)
    assert tokens["scopes"] == [*SCOPES, "timeline"]
    assert read(sandbox, tokens["access_token"]).status_code == 200

    sandbox.control("POST", "/time", {"advance_seconds": 1875})
    late = read(sandbox, tokens["access_token"])
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "75 second" in late.json()["message"]

    fresh = ask(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert read(sandbox, fresh["access_token"]).status_code == 200


def test_no_token_and_garbage_are_told_from_an_expired_one(sandbox):
    for token in ("", "garbage"):
        answer = read(sandbox, token)
        assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_code_is_good_once(sandbox):
    code = consent(sandbox)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    assert ask(sandbox, **form).status_code == 200
    again = ask(sandbox, **form)
    assert (again.status_code, again.json()["status"]) == (400, "BAD_AUTH_CODE")


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3", "v1"])
def test_every_version_of_the_token_endpoint_answers(sandbox, version):
    refused = ask(sandbox, version=version, grant_type="refresh_token", refresh_token="unknown")
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "invalid_grant", "error_description": "refresh token is invalid, expired or revoked",
        "status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid, expired or revoked",
    }  # fmt: skip


def test_introspection_names_portal_user_and_app(sandbox):
    tokens = install(sandbox)
    found = ask(sandbox, "token/introspect", token=tokens["access_token"], token_type_hint="access_token").json()
    assert found["active"] is True
    assert (found["hub_id"], found["user_id"], found["app_id"]) == (PORTAL_ID, USER_ID, APP_ID)
    assert (found["user"], found["hub_domain"]) == ("grace@acme.example", "acme.example")
    assert ask(sandbox, "token/introspect", token="unknown").json() == {"active": False}
    assert ask(sandbox, "token/introspect", token="x", client_secret="wrong").json()["error"] == "invalid_client"


def test_an_app_uninstalls_itself(sandbox):
    token = install(sandbox)["access_token"]
    address = f"{sandbox.url}/hubspot/appinstalls/2026-09/external-install"
    assert requests.delete(address, headers={"authorization": f"Bearer {token}"}, timeout=5).status_code == 204
    assert read(sandbox, token).status_code == 401
    assert sandbox.control("GET", "/hubspot/portals")[0]["installed"] == []


def test_an_uninstallation_by_the_user_is_seen_only_by_the_refused_refresh(sandbox, receiver):
    tokens = install(sandbox)
    sandbox.control("POST", "/hubspot/apps", {"client_id": CLIENT_ID, "target_url": f"{receiver.url}/hooks"})
    sandbox.control("POST", f"/hubspot/{PORTAL_ID}/uninstall")
    sandbox.wait_until_delivered()
    assert receiver.got == []
    assert ask(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 400


def test_a_revoked_refresh_token_leaves_the_access_token_alone(sandbox):
    tokens = install(sandbox)
    assert ask(sandbox, "token/revoke", token=tokens["refresh_token"]).status_code == 200
    assert ask(sandbox, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 400
    assert read(sandbox, tokens["access_token"]).status_code == 200


def test_missing_scopes_are_named(sandbox):
    tokens = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID, "scopes": ["oauth"]})
    answer = read(sandbox, tokens["access_token"])
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["errors"][0]["context"]["requiredScopes"] == ["crm.objects.contacts.read"]
    assert read(sandbox, tokens["access_token"], "/account-info/2026-09/details").json()["portalId"] == PORTAL_ID
