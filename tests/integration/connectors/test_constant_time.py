"""The time an answer takes tells nothing of a secret: each valid one is compared whole, whatever matched before."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest

from integration.connectors.base import WebhookRequest
from integration.connectors.hubspot import webhooks as hubspot
from integration.connectors.registry import CONNECTORS, get_connector

FIRST, SECOND = "lockstep:the-first-of-two", "lockstep:the-second-of-two"
URL = "https://hub.example/hooks/x/"


def basic(secret: str) -> WebhookRequest:
    proof = base64.b64encode(secret.encode()).decode()
    return WebhookRequest("POST", URL, {"Authorization": f"Basic {proof}"}, {}, b"")


def bearer(secret: str) -> WebhookRequest:
    return WebhookRequest("POST", URL, {"Authorization": f"Bearer {secret}"}, {}, b"")


def token(secret: str) -> WebhookRequest:
    return WebhookRequest("POST", URL, {}, {"token": secret}, b"")


def signed(secret: str) -> WebhookRequest:
    stamp = str(int(time.time() * 1000))
    signature = hubspot.signature_v3(WebhookRequest("POST", URL, {}, {}, b""), secret, stamp)
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return WebhookRequest("POST", URL, headers, {}, b"")


PROOFS: dict[str, Callable[[str], WebhookRequest]] = {
    "pipedrive": basic, "hubspot": signed, "maileon": token, "brevo": bearer, "planhat": token,
}  # fmt: skip


@pytest.mark.parametrize("vendor", PROOFS)
def test_every_secret_is_compared_in_constant_time(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    webhooks = get_connector(vendor).webhooks
    assert webhooks is not None
    compared, really = [], hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append(other)
        return really(one, other)

    call = PROOFS[vendor](FIRST)
    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert webhooks.verify(call, [FIRST, SECOND])
    assert len(compared) == 2


def test_every_vendor_that_calls_is_asked() -> None:
    assert PROOFS.keys() == {key for key in CONNECTORS if get_connector(key).webhooks is not None}
