"""Maileon's fixtures: bodies in the documented shapes (maileon sheet), people of example.com."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.connectors.base import Credentials
from integration.connectors.maileon.client import MaileonClient
from tests.support.client_cases import Stub

FIXTURES = Path(__file__).parent / "fixtures"
KEY = "5a4db0x0-5010-4acm-8e00-newsletter501"
ROOT = "/maileon/1.0"


def api(name: str) -> bytes:
    return next((FIXTURES / "api").glob(f"{name}.*")).read_bytes()


@pytest.fixture
def client(stub: Stub) -> MaileonClient:
    return MaileonClient(Credentials("api_key", f"{stub.url}{ROOT}", {"api_key": KEY}))
