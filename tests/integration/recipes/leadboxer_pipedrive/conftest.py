"""LeadBoxer → Pipedrive under short names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.leadboxer_world import ACTIVITIES, LEADS


@pytest.fixture
def leads(leadboxer_install: Callable[..., Any]) -> Callable[..., Any]:
    """Install with the part Leads on, and these settings."""
    return lambda **chosen: leadboxer_install(**{**LEADS, **chosen})


@pytest.fixture
def activities(leadboxer_install: Callable[..., Any]) -> Callable[..., Any]:
    """Install with the part Activities on, and these settings."""
    return lambda **chosen: leadboxer_install(**{**ACTIVITIES, **chosen})
