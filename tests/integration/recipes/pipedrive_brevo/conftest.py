"""Pipedrive ↔ Brevo under a short name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def install(brevo_install: Callable[..., Any]) -> Callable[..., Any]:
    """Install with these settings."""
    return brevo_install
