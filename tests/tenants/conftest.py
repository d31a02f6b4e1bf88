"""Browsers without static files."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_static_files(settings: Any) -> None:
    """No page here asks for one, and looking them all up costs each browser a twentieth of a second."""
    settings.WHITENOISE_USE_FINDERS = False
