"""People at the console, by their role."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from tests.support import factories


@pytest.fixture(autouse=True)
def _no_static_files(settings: Any) -> None:
    """No page here asks for one."""
    settings.WHITENOISE_USE_FINDERS = False


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    """One user of each role, and a superuser."""
    call_command("setup", verbosity=0)
    found = {}
    for name in ("Support", "Operator", "Administrator"):
        found[name] = factories.UserFactory(is_staff=True)
        found[name].groups.add(Group.objects.get(name=name))
    return {**found, "superuser": factories.UserFactory(is_staff=True, is_superuser=True)}


@pytest.fixture
def browsers(people: dict[str, Any]) -> dict[str, Client]:
    """A browser of each, signed in."""
    found = {}
    for name, user in people.items():
        found[name] = Client()
        found[name].force_login(user)
    return found


@pytest.fixture
def signed_in_as(db: None) -> Any:
    """A browser of a member of staff with these permissions (codenames) and no role."""

    def sign_in(*codenames: str) -> Client:
        user = factories.UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in
