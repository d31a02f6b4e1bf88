"""Pipedrive ↔ Brevo installed against the stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.thread import SandboxThread
from tests.support.brevo_world import BrevoWorld


@pytest.fixture
def install(sandbox: SandboxThread, settings: Any, transactional_db: None) -> Callable[..., BrevoWorld]:
    """Install with these settings."""
    settings.PUBLIC_URL = "https://hub.example.com"
    return lambda **chosen: BrevoWorld.install(sandbox, **chosen)


@pytest.fixture
def brevo_world(install: Callable[..., BrevoWorld]) -> BrevoWorld:
    """With the default settings."""
    return install()
