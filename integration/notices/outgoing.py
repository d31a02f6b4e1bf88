"""The outgoing webhook: one signed POST to an address of the operators' own, in the form of Standard Webhooks.

https://www.standardwebhooks.com (read 2026-11-26): HMAC-SHA256 over `id.timestamp.body`, in `webhook-signature`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from django.conf import settings

from integration.errors import TenantActionError
from integration.guard import AddressRefused, HostPolicy
from integration.http import Effect, Transport
from integration.models import AlertNotice
from integration.notices.text import payload
from integration.reasons import Reason

TIMEOUT = (5.0, 10.0)  # seconds to connect, to answer
PREFIX = "whsec_"


def post(notice: AlertNotice) -> None:
    """Send one notice. Raises IntegrationErrors; a receiver that answers anything but 2xx has not got it."""
    body = json.dumps(payload(notice), ensure_ascii=False).encode()
    message_id, timestamp = f"notice-{notice.pk}", str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(settings.ALERT_WEBHOOK_SECRET, message_id, timestamp, body),
    }
    parts = urlsplit(settings.ALERT_WEBHOOK_URL)
    address = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        transport = Transport(
            "The receiver of alerts", f"{parts.scheme}://{parts.netloc}", HostPolicy((parts.hostname or "",)),
            headers={}, secrets=(address, settings.ALERT_WEBHOOK_SECRET), timeout=TIMEOUT,
        )  # fmt: skip
    except AddressRefused as exc:
        raise TenantActionError(f"ALERT_WEBHOOK_URL: {exc.public}", reason=Reason.ADDRESS_REFUSED) from exc
    transport.request("POST", address, effect=Effect.WRITE, data=body, headers=headers)


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of the signature's header."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    """`whsec_` and base64 as the standard has it, or any text."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
