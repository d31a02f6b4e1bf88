"""An app removed at its vendor: nothing that could still open the account stays here."""

from __future__ import annotations

import pytest

from integration.connectors.base import Removal
from integration.engine.clients import connection_health
from integration.engine.setup import app_uninstall
from integration.models import Connection
from integration.recipes.registry import get_recipe
from tests.support.factories import ConnectionFactory

pytestmark = pytest.mark.django_db


def by_consent(user, **values):
    return ConnectionFactory(
        auth_kind="oauth", external_account_id="9001", consent_user_id=user,
        credentials={"access_token": "a" * 20, "refresh_token": "r" * 20}, **values,
    )  # fmt: skip


def test_the_tokens_of_a_removed_app_are_erased_though_nothing_was_installed_with_it():
    gone, stays = by_consent("1"), by_consent("2")
    assert app_uninstall.note("pipedrive", Removal("9001", "1")) == 1

    app_uninstall.finish(get_recipe)

    gone.refresh_from_db()
    stays.refresh_from_db()
    assert gone.credentials == {}
    assert stays.credentials != {}


def test_only_what_was_removed_is_erased():
    waiting = by_consent("1", health="needs_you", health_reason="credentials_refused")

    app_uninstall.finish(get_recipe)

    waiting.refresh_from_db()
    assert waiting.credentials != {}
    assert not Connection.objects.filter(health_reason=connection_health.APP_REMOVED).exists()
