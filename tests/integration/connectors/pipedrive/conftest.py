"""Pipedrive's fixtures: bodies in the documented shapes (pipedrive sheet), people of example.com."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.pipedrive.client import PipedriveClient
from integration.http import Instrumentation
from tests.support.client_cases import Stub

FIXTURES = Path(__file__).parent / "fixtures"
TOKEN = "ace0ace0ace0ace0ace0ace0ace0ace0ace0ace0"


def api(name: str) -> bytes:
    return (FIXTURES / "api" / f"{name}.json").read_bytes()


def webhook(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / "webhooks" / f"{name}.json").read_bytes())
    return body


class Budget:
    """A meter that notes what it is charged."""

    def __init__(self) -> None:
        self.charged: list[tuple[tuple[str, ...], float]] = []
        self.readings: list[Any] = []

    def before(self, windows: Any, cost: float) -> None:
        self.charged.append((tuple(windows), cost))

    def after(self, readings: Any) -> None:
        self.readings += readings


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def client(stub: Stub, budget: Budget) -> PipedriveClient:
    credentials = Credentials("api_token", f"{stub.url}/pipedrive/acme", {"api_token": TOKEN})
    return PipedriveClient(credentials, Instrumentation(meter=budget))
