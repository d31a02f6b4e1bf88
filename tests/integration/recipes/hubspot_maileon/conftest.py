"""Worlds with other settings than the default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.thread import SandboxThread
from tests.support.world import HubSpotWorld


@pytest.fixture
def world(hubspot_world: HubSpotWorld) -> HubSpotWorld:
    return hubspot_world


@pytest.fixture
def made(sandbox: SandboxThread, hubspot_app: None, transactional_db: None) -> Callable[..., HubSpotWorld]:
    """Install with these settings."""

    def install(**settings: Any) -> HubSpotWorld:
        return HubSpotWorld.install(sandbox, **settings)

    return install


def confirmed(world: HubSpotWorld, name: str = "Ada Byron", **values: Any) -> tuple[str, str]:
    """A contact who was asked and clicked; returns id and address."""
    contact_id = world.contact(name, **values)
    email = f"{name.lower().replace(' ', '.')}@example.com"
    world.deliver()
    world.click(email)
    world.deliver()
    return contact_id, email
