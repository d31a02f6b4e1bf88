"""Planhat's fixtures: bodies in the shapes its sheet describes, none captured; people of example.com."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.connectors.base import Credentials
from integration.connectors.planhat.client import PlanhatClient
from tests.support.client_cases import Stub

FIXTURES = Path(__file__).parent / "fixtures"
TOKEN = "t0ken-of-a-service-account"


def api(name: str) -> bytes:
    return (FIXTURES / "api" / f"{name}.json").read_bytes()


@pytest.fixture
def client(stub: Stub) -> PlanhatClient:
    return PlanhatClient(Credentials("api_token", stub.url, {"api_token": TOKEN}))
