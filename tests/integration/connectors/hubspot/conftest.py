"""HubSpot's fixtures: bodies in the documented or captured shapes (hubspot sheet), people of example.com."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.hubspot.client import HubSpotClient
from integration.http import Instrumentation
from tests.support.client_cases import Stub

FIXTURES = Path(__file__).parent / "fixtures"
TOKEN = "CNSH-access-token-of-these-tests"
APP = {"client_id": "client-id", "client_secret": "client-secret-0001"}


def api(name: str) -> bytes:
    return (FIXTURES / "api" / f"{name}.json").read_bytes()


def webhook(name: str) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = json.loads((FIXTURES / "webhooks" / f"{name}.json").read_bytes())
    return body


class Budget:
    """A meter that notes what it is charged and told."""

    def __init__(self) -> None:
        self.charged: list[tuple[str, ...]] = []
        self.readings: list[Any] = []

    def before(self, windows: Any, cost: float) -> None:
        self.charged.append(tuple(windows))

    def after(self, readings: Any) -> None:
        self.readings += readings


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def app(settings: Any) -> None:
    settings.OAUTH_APPS = {"hubspot": APP}


@pytest.fixture
def client(stub: Stub, budget: Budget) -> HubSpotClient:
    credentials = Credentials("oauth", f"{stub.url}/hubspot", {"access_token": TOKEN})
    return HubSpotClient(credentials, Instrumentation(meter=budget))
