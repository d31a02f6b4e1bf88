"""Planhat ↔ Pipedrive under short names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def install(planhat_install: Callable[..., Any]) -> Callable[..., Any]:
    """Install with these settings."""
    return planhat_install


@pytest.fixture
def world(planhat_world: Any) -> Any:
    """With the default settings."""
    return planhat_world
