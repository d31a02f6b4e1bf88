"""The demo's own proof works against a hub that answers over HTTP, and fails when something is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from integration.management.demo.security_support import support_sees_nothing
from integration.management.demo.stage import NotSeen
from integration.models import WebhookEvent
from tests.integration.admin.conftest import ADA, story

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hub(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    settings.WHITENOISE_USE_FINDERS = False
    call_command("setup", verbosity=0)
    rows = story()
    WebhookEvent.objects.filter(pk=rows.event.pk).update(payload={"email": "katherine@example.com", "name": "Ada"})


def test_support_sees_nothing_over_http(hub: None) -> None:
    said = support_sees_nothing(None)  # type: ignore[arg-type]  # it acts at no vendor
    assert said.startswith("6 look-ups refused;")
    assert said.endswith("show none of 1 people to Support")


def test_a_page_that_shows_somebody_fails_it(hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.admin.core.html.mask", lambda value: value)
    with pytest.raises(NotSeen, match="shows katherine@example.com to Support"):
        support_sees_nothing(None)  # type: ignore[arg-type]
    assert ADA != "katherine@example.com"
