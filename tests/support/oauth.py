"""The consent page of the sandbox's Pipedrive, as a person goes through it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import requests
from django.contrib.auth import get_user_model

from integration.connectors.pipedrive import oauth
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_REDIRECT_URI
from sandbox.thread import SandboxThread

INSTALL, CALLBACK = "/install/pipedrive/", "/oauth/pipedrive/callback/"
GRACE = "acme:9001001"  # ACME's administrator on the consent page


def consent_code(sandbox: SandboxThread) -> str:
    """Say yes on the consent page, as Grace of ACME, and return the code the callback would get."""
    session = requests.Session()
    session.trust_env = False
    address = oauth.authorize_url(OAUTH_CLIENT_ID, OAUTH_REDIRECT_URI, "st4te")
    assert session.get(address, timeout=5).status_code == 200
    form = {"client_id": OAUTH_CLIENT_ID, "state": "st4te", "account": "acme:9001001", "decision": "allow"}
    reply = session.post(address.partition("?")[0], data=form, allow_redirects=False, timeout=5)
    query = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert query["state"] == ["st4te"]
    return query["code"][0]


def consented(address, account=GRACE, decision="allow"):
    """What a person does on the consent page; returns the query our callback gets."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    page = requests.get(address, timeout=5)
    assert page.status_code == 200, page.text
    form = {**query, "account": account, "decision": decision}
    reply = requests.post(address.partition("?")[0], data=form, allow_redirects=False, timeout=5)
    location = reply.headers["Location"]
    assert location.startswith(OAUTH_REDIRECT_URI)
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def sign_in(client, account=GRACE, **query):
    return client.get(CALLBACK, consented(client.get(INSTALL, query).url, account))


def who(client):
    """The user this browser is signed in as."""
    return get_user_model().objects.filter(pk=client.session.get("_auth_user_id")).first()
