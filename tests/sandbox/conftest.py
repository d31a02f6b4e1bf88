"""The sandbox on its own: no Django, one vendor client each, and a receiver for its webhooks."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from sandbox.brevo.seed import API_KEY as BREVO_KEY
from sandbox.hubspot.seed import CLIENT_ID as HUBSPOT_APP
from sandbox.hubspot.seed import PORTAL_ID
from sandbox.maileon.seed import API_KEY
from sandbox.pipedrive.seed import ACME_API_TOKEN
from sandbox.planhat.seed import TOKEN as PLANHAT_TOKEN
from sandbox.thread import SandboxThread


class Client:
    """A requests session on one base address that reads answers as they are."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.base}{path}", timeout=10, **options)

    def data(self, method: str, path: str, **options: Any) -> Any:
        answer = self(method, path, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]


class Receiver:
    """Keeps what webhooks bring; answers `status`, or the next of `statuses`."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.got.append(
                    {"method": self.command, "path": self.path, "headers": dict(self.headers), "raw": body}
                )
                self.send_response(outer.statuses.pop(0) if outer.statuses else outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_POST = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def bodies(self) -> list[Any]:
        return [json.loads(item["raw"]) for item in self.got]


@pytest.fixture
def sandbox(fresh_sandbox: SandboxThread) -> SandboxThread:
    return fresh_sandbox


@pytest.fixture
def pipedrive(sandbox: SandboxThread) -> Client:
    return Client(f"{sandbox.url}/pipedrive/acme", {"x-api-token": ACME_API_TOKEN})


@pytest.fixture
def maileon(sandbox: SandboxThread) -> Client:
    key = base64.b64encode(API_KEY.encode()).decode()
    headers = {"authorization": f"Basic {key}", "content-type": "application/vnd.maileon.api+xml; charset=utf-8"}
    return Client(f"{sandbox.url}/maileon/1.0", headers)


@pytest.fixture
def hubspot(sandbox: SandboxThread) -> Client:
    tokens = sandbox.control("POST", f"/hubspot/{PORTAL_ID}/install", {"client_id": HUBSPOT_APP})
    return Client(f"{sandbox.url}/hubspot", {"authorization": f"Bearer {tokens['access_token']}"})


@pytest.fixture
def brevo(sandbox: SandboxThread) -> Client:
    """The Brevo account without limits; tests of the limits put them back."""
    sandbox.control("PATCH", "/brevo/801", {"plan": "unlimited", "import_delay_s": 0})
    return Client(f"{sandbox.url}/brevo/v3", {"api-key": BREVO_KEY})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def subscribe(pipedrive: Client, receiver: Receiver) -> Callable[..., Any]:
    def make(action: str = "*", entity: str = "*", **more: Any) -> Any:
        body = {"subscription_url": f"{receiver.url}/hook", "event_action": action, "event_object": entity}
        return pipedrive.data("POST", "/v1/webhooks", json=body | {"name": "test", "version": "2.0"} | more)

    return make


@pytest.fixture
def planhat(sandbox: SandboxThread) -> Client:
    """The Planhat account without limits; tests of the limits put them back."""
    sandbox.control("PATCH", "/planhat/901", {"plan": "unlimited"})
    return Client(f"{sandbox.url}/planhat", {"authorization": f"Bearer {PLANHAT_TOKEN}"})
