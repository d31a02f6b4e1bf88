"""What the connectors' tests share: a vendor on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client_cases import Stub


@pytest.fixture
def stub(settings: Any) -> Iterator[Stub]:
    """A loopback vendor, allowed as the one non-vendor origin."""
    server = Stub()
    settings.SANDBOX_URL = server.url
    yield server
    server.close()
