"""Brevo's fixtures: bodies in the documented shapes (brevo sheet), one of them as captured; people of example.com."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.connectors.base import Credentials
from integration.connectors.brevo.client import BrevoClient
from tests.support.client_cases import Stub

FIXTURES = Path(__file__).parent / "fixtures"
KEY = "xkeysib-" + "0" * 64 + "-AbCdEfGhIjKlMnOp"
ROOT = "/brevo/v3"


def api(name: str) -> bytes:
    return (FIXTURES / "api" / f"{name}.json").read_bytes()


@pytest.fixture
def client(stub: Stub) -> BrevoClient:
    return BrevoClient(Credentials("api_key", f"{stub.url}{ROOT}", {"api_key": KEY}))
