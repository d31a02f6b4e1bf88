"""What a probe may do: call each vendor as its clients do, act as people there, hear the webhooks."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.brevo.seed import API_KEY as BREVO_KEY
from sandbox.hubspot.seed import CLIENT_ID, PORTAL_ID
from sandbox.leadboxer.seed import API_KEY as LEADBOXER_KEY
from sandbox.leadboxer.seed import LOGIN, SITE
from sandbox.maileon.seed import API_KEY as MAILEON_KEY
from sandbox.pipedrive.seed import ACME_API_TOKEN
from sandbox.planhat.seed import TOKEN as PLANHAT_TOKEN
from sandbox.thread import SandboxThread
from tests.sandbox.conftest import Client, Receiver

Probe = Callable[["Look"], Any]
LEADS = {"site": SITE, "criteriaTimeFilter": "eventEsTimestamp|lessthan|6"}
DATASET = {"email": LOGIN, "accountId": "401", "datasetId": SITE}


@dataclass
class Look:
    """One fresh sandbox."""

    sandbox: SandboxThread
    receiver: Receiver

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.sandbox.control(method, path, body)

    def heard(self, count: int) -> list[Any]:
        """The bodies of webhooks, once there are so many."""
        deadline = time.monotonic() + 5
        while len(self.receiver.got) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        self.sandbox.wait_until_delivered()
        return self.receiver.bodies()

    @property
    def pipedrive(self) -> Client:
        return Client(f"{self.sandbox.url}/pipedrive/acme", {"x-api-token": ACME_API_TOKEN})

    @property
    def hubspot(self) -> Client:
        tokens = self.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": CLIENT_ID})
        return Client(f"{self.sandbox.url}/hubspot", {"authorization": f"Bearer {tokens['access_token']}"})

    @property
    def maileon(self) -> Client:
        key = base64.b64encode(MAILEON_KEY.encode()).decode()
        headers = {"authorization": f"Basic {key}", "content-type": "application/vnd.maileon.api+xml; charset=utf-8"}
        return Client(f"{self.sandbox.url}/maileon/1.0", headers)

    @property
    def brevo(self) -> Client:
        return Client(f"{self.sandbox.url}/brevo/v3", {"api-key": BREVO_KEY})

    @property
    def leadboxer(self) -> Client:
        return Client(f"{self.sandbox.url}/leadboxer/v1", {"x-api-key": LEADBOXER_KEY})

    @property
    def planhat(self) -> Client:
        return Client(f"{self.sandbox.url}/planhat", {"authorization": f"Bearer {PLANHAT_TOKEN}"})


def shape(answer: requests.Response) -> Any:
    """What a caller can tell of a refusal: its status, whether it says for how long, and the keys of its body."""
    try:
        body = answer.json()
    except ValueError:
        body = answer.headers.get("content-type", "")
    return answer.status_code, "retry-after" in answer.headers, sorted(body) if isinstance(body, dict) else body


def until_refused(call: Callable[[], requests.Response], most: int = 250) -> requests.Response:
    """Call until a limit is met."""
    for _ in range(most):
        if (answer := call()).status_code == 429:
            return answer
    raise AssertionError("no limit was met")
