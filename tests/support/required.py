"""What a test may do without on some machines, and what a gate says must be there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(switch: str, why: str) -> NoReturn:
    """Skip the running test, or fail it where the environment says by `switch` that the thing must be there."""
    if os.environ.get(switch) == "1":
        pytest.fail(f"{switch}=1, and {why}")
    pytest.skip(why)
