"""Values nobody means in the settings forms of all recipes and in the way back from a consent page: never an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings, strategies

from integration.engine.setup import settings as stored_settings
from integration.models import Connection, Integration
from integration.portal import signin
from integration.recipes.registry import RECIPES, get_recipe
from integration.secrets import decrypt
from sandbox.pipedrive.seed import OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET
from tests.support import factories
from tests.support.search import examples

pytestmark = pytest.mark.django_db(transaction=True)
WORLDS = {
    "pipedrive_maileon": "world", "hubspot_maileon": "hubspot_world", "pipedrive_brevo": "brevo_world",
    "planhat_pipedrive": "planhat_world", "leadboxer_pipedrive": "leadboxer_install",
}  # fmt: skip
ODD = strategies.text(max_size=12) | strategies.sampled_from(
    ["", " ", "on", "0", "-1", "1e999", "NaN", "9" * 400, "²", "x" * 5000, "<script>alert(1)</script>",
     "{{7*7}}", "../..",
     "\u202e", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "2026-02-31",
     "None", "[]", "' OR 1=1 --"]
)  # fmt: skip
few = settings(
    max_examples=examples(4),
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def test_every_recipe_is_tried() -> None:
    assert WORLDS.keys() == RECIPES.keys()


@pytest.mark.property
@pytest.mark.chaos("W9", "W16")
@pytest.mark.parametrize("recipe", WORLDS)
def test_no_value_of_a_settings_form_is_an_error_of_ours(recipe: str, request: Any) -> None:
    made = request.getfixturevalue(WORLDS[recipe])
    integration: Integration = (made() if callable(made) else made).integration
    form, _ = stored_settings.bound_form(integration, get_recipe(recipe))
    sent = strategies.dictionaries(strategies.sampled_from(sorted(form.fields)), strategies.lists(ODD, max_size=2))
    member = Client()
    member.force_login(factories.MemberFactory(tenant=integration.tenant).user)
    staff = Client()
    staff.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    ids = {"tenant_id": integration.tenant_id, "integration_id": integration.pk}
    pages = [
        (member, reverse("portal:settings", kwargs=ids)), (member, reverse("portal:summary", kwargs=ids)),
        (staff, reverse("admin:integration_integration_settings", args=[integration.pk])),
    ]  # fmt: skip

    @few
    @given(data=sent, page=strategies.sampled_from(pages))
    def play(data: dict[str, list[str]], page: tuple[Client, str]) -> None:
        client, address = page
        answer = client.post(address, data)
        assert answer.status_code in (200, 302, 400, 422)
        assert b"<script>alert(1)" not in answer.content

    play()
    assert member.get(pages[0][1]).status_code == 200


@pytest.fixture
def app(sandbox: Any, settings: Any, db: None) -> None:
    settings.OAUTH_APPS = {"pipedrive": {"client_id": OAUTH_CLIENT_ID, "client_secret": OAUTH_CLIENT_SECRET}}


@pytest.mark.property
@pytest.mark.chaos("H9")
def test_no_way_back_from_a_consent_page_is_an_error_of_ours(app: None) -> None:
    before = Connection.objects.count()
    names = strategies.sampled_from(["state", "code", "error", "error_description", "scope", "next", "tenant", "for"])
    query = strategies.dictionaries(names, ODD, max_size=5)

    @settings(few, max_examples=examples(25))
    @given(query=query, started=strategies.none() | query, right=strategies.booleans())
    def play(query: dict[str, str], started: dict[str, str] | None, right: bool) -> None:
        client = Client()
        if started is not None:
            assert client.get("/install/pipedrive/", started).status_code in (200, 302, 400, 404)
        if right and signin.COOKIE in client.cookies:
            asked = json.loads(decrypt(client.cookies[signin.COOKIE].value))
            query = {**query, "state": asked["state"]}
        answer = client.get("/oauth/pipedrive/callback/", query)
        assert answer.status_code in (200, 302, 400, 404)
        assert b"<script>alert(1)" not in answer.content
        assert "_auth_user_id" not in client.session

    play()
    assert Connection.objects.count() == before


@pytest.mark.chaos("H9")
@pytest.mark.parametrize("vendor", ["maileon", "nobody", "hubspot"])
def test_a_vendor_without_an_app_of_ours_sends_nobody_back(app: None, vendor: str) -> None:
    assert Client().get(f"/oauth/{vendor}/callback/", {"state": "x", "code": "y"}).status_code == 404
