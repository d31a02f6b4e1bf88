"""The consent page of the sandbox's Pipedrive, as a person goes through it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import requests

from integration.connectors.pipedrive import oauth
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_REDIRECT_URI
from sandbox.thread import SandboxThread


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
