"""What each recipe asks for: named with its reason, no more than is needed, and told where a consent is too small.

That it is enough is proven by every test of a recipe: `tests/support/hub.py` lets Pipedrive permit nothing else.
"""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.hubspot import oauth as hubspot
from integration.connectors.pipedrive import oauth as pipedrive
from integration.connectors.pipedrive.connector import includes
from integration.engine.insight import preview
from integration.engine.setup import permissions
from integration.models import Connection, Integration, SyncJob
from integration.recipes.registry import RECIPES, get_recipe
from tests.support import hub
from tests.support.factories import ConnectionFactory, IntegrationFactory, MemberFactory
from tests.support.world import World

ALL = [get_recipe(key) for key in RECIPES]


def named(vendor: str) -> set[str]:
    """All that the recipes ask of a vendor."""
    sides = [(recipe, side) for recipe in ALL for side in ("left", "right") if getattr(recipe, side) == vendor]
    return {needed.name for recipe, side in sides for needed in recipe.permissions[side]}


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.key)
def test_both_sides_name_each_permission_once_with_a_sentence(recipe) -> None:
    for side in ("left", "right"):
        rows = recipe.permissions[side]
        names = [row.name for row in rows]
        assert names
        assert len(names) == len(set(names))
        assert all(row.why[0].isupper() and row.why.endswith(".") for row in rows)


def test_an_app_asks_for_what_the_recipes_name_and_nothing_else() -> None:
    readable = {scope.replace(":full", ":read") for scope in pipedrive.SCOPES}
    assert set(pipedrive.SCOPES) <= named("pipedrive") <= set(pipedrive.SCOPES) | readable
    assert named("hubspot") == {*hubspot.SCOPES, *hubspot.OPTIONAL_SCOPES}


def test_writing_includes_reading_and_admin_includes_fields() -> None:
    assert "deals:read" in includes(frozenset({"deals:full"}))
    assert "deals:full" not in includes(frozenset({"deals:read"}))
    assert {"webhooks:full", "contact-fields:full"} <= includes(frozenset({"admin"}))
    assert "contact-fields:full" not in includes(frozenset({"webhooks:full"}))


def consent(scopes: set[str], **more) -> Connection:
    values = {"access_token": "a", "refresh_token": "r", "scope": ",".join(sorted(scopes))}
    return ConnectionFactory(vendor="pipedrive", auth_kind="oauth", credentials=values, **more)


@pytest.mark.django_db
def test_a_consent_that_is_too_small_lacks_what_the_recipe_names() -> None:
    newsletter, leads = get_recipe("pipedrive_maileon"), get_recipe("leadboxer_pipedrive")
    row = consent({needed.name for needed in newsletter.permissions["left"]})

    assert permissions.missing(row, newsletter, "left") == []
    lacking = {needed.name for needed in permissions.missing(row, leads, "right")}
    assert lacking == {"deals:full", "leads:full", "activities:full"}
    assert permissions.missing(ConnectionFactory(), leads, "right") == [], "a key tells nothing"
    assert permissions.missing(consent(set()), leads, "right") == [], "nor does a consent of before"


@pytest.mark.django_db
def test_the_connect_page_lists_each_permission_with_its_reason() -> None:
    member = MemberFactory()
    client = Client()
    client.force_login(member.user)
    address = reverse("portal:connect", kwargs={"tenant_id": member.tenant_id})
    for recipe in ALL:
        page = client.get(address, {"recipe": recipe.key}).content.decode().replace("&#x27;", "'")
        for rows in recipe.permissions.values():
            assert [row.name for row in rows if row.name not in page or str(row.why) not in page] == []


@pytest.mark.django_db
def test_a_second_pair_asks_for_more_before_anything_is_installed() -> None:
    member = MemberFactory()
    small = {needed.name for needed in get_recipe("pipedrive_maileon").permissions["left"]}
    right = consent(small, tenant=member.tenant)
    left = ConnectionFactory(tenant=member.tenant, vendor="leadboxer", auth_kind="api_key", account_name="Leads")
    client = Client()
    client.force_login(member.user)

    answer = client.post(
        reverse("portal:connect", kwargs={"tenant_id": member.tenant_id}) + "?recipe=leadboxer_pipedrive",
        {"left-account": str(left.pk), "right-account": str(right.pk)},
    )

    assert answer.status_code == 422
    said = "Log in with Pipedrive again and allow: leads:full, deals:full, activities:full."
    assert said in answer.content.decode()
    assert not Integration.objects.exists()


@pytest.mark.django_db
def test_the_settings_page_says_what_a_consent_lost() -> None:
    member = MemberFactory()
    left = consent({"base", "contacts:full", "contact-fields:full", "users:read", "admin"}, tenant=member.tenant)
    right = ConnectionFactory(tenant=member.tenant, vendor="maileon", auth_kind="api_key")
    row = IntegrationFactory(tenant=member.tenant, recipe="pipedrive_maileon", left=left, right=right)
    client = Client()
    client.force_login(member.user)

    ids = {"tenant_id": member.tenant_id, "integration_id": row.pk}
    page = client.get(reverse("portal:settings", kwargs=ids)).content.decode()

    assert "has not granted all required permissions" in page
    assert "<code>deals:read</code> (Reads deals, for contact events and for the people of new deals)" in page
    assert "<code>webhooks:full</code>" not in page, "admin is enough for webhooks"


INSTALLS = {
    "pipedrive_maileon": lambda sandbox: hub.install(sandbox.url, contacts_enabled=True),
    "pipedrive_brevo": lambda sandbox: hub.install_brevo(sandbox.url),
    "planhat_pipedrive": lambda sandbox: hub.install_planhat(sandbox.url),
    "leadboxer_pipedrive": lambda sandbox: hub.install_leadboxer(sandbox.url),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", INSTALLS)
@pytest.mark.parametrize("text", ["Ada", "ada@example.com", "1"])
def test_what_a_recipe_names_is_enough_to_search_for_one_record(sandbox, settings, key: str, text: str) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    integration, recipe = INSTALLS[key](sandbox), get_recipe(key)

    assert isinstance(preview.search(integration, recipe, text), list)


@pytest.mark.django_db(transaction=True)
def test_without_one_of_them_the_work_stops_and_says_so(world: World) -> None:
    """The stand-in does enforce what the tests rely on."""
    names = {needed.name for needed in get_recipe("pipedrive_maileon").permissions["left"]} - {"contacts:full"}
    world.sandbox.control("PATCH", "/pipedrive/acme", {"token_scopes": sorted(names)})
    world.person("Ada Byron")
    world.deliver()

    assert set(SyncJob.objects.values_list("state", "reason")) == {("held", "permission_missing")}
    assert world.mails() == []


@pytest.mark.django_db
def test_diagnose_is_told_of_the_recipes_permissions_only() -> None:
    row = consent({"base", "contacts:full", "contact-fields:full", "users:read", "admin"})

    rights = permissions.consented(row, get_recipe("pipedrive_maileon"), "left")

    assert {right.name: right.granted for right in rights if not right.granted} == {"deals:read": False}
    assert "leads:full" not in {right.name for right in rights}
