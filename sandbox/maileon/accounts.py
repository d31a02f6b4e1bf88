"""Ping and account information."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from starlette.responses import Response

from sandbox.maileon.api import Call, Endpoint, child, empty, json_reply, wants_json, xml
from sandbox.maileon.model import VERBS


def ping(call: Call) -> Response:
    return empty(200)


def info(call: Call) -> Response:
    account = call.account
    values = {
        "id": account.id,
        "name": account.name,
        "customer_account_id": account.customer_id,
        "customer_account_name": "ACME",
        "created": "2020-07-06T09:41:00+0200",
        "locale": "de_DE",
        "mailing_domain": "news.acme.example",
        "login_domain": "login.maileon.example",
        "type": "production",
    }
    if wants_json(call):
        return json_reply(values)
    root = Element("account_info")
    for key, value in values.items():
        child(root, key, value)
    return xml(root)


ENDPOINTS = [*(Endpoint(verb, "ping", ping) for verb in VERBS), Endpoint("GET", "account/info", info)]
