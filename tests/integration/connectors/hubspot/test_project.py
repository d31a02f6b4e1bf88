"""The project files of our app say what the code expects of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from integration.connectors.hubspot import oauth, webhooks
from integration.connectors.hubspot.api import VERSION
from integration.recipes.hubspot_maileon.contact_to_contact import CONTACT_MAPPING
from integration.recipes.hubspot_maileon.properties import OURS, STAGE
from sandbox.hubspot import seed as sandbox

PROJECT = Path(__file__).parents[4] / "deploy" / "hubspot"


def config(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROJECT / "src" / "app" / path).read_text())["config"]
    return found


def test_scopes_and_addresses_are_those_of_the_code() -> None:
    auth = config("app-hsmeta.json")["auth"]
    assert tuple(auth["requiredScopes"]) == oauth.SCOPES
    assert tuple(auth["optionalScopes"]) == oauth.OPTIONAL_SCOPES
    assert auth["redirectUrls"] == ["https://hub.example.com/oauth/hubspot/callback/"]
    settings = config("webhooks/webhooks-hsmeta.json")["settings"]
    assert settings["targetUrl"] == "https://hub.example.com/hooks/hubspot/"
    assert settings["maxConcurrentRequests"] > 5


def test_every_event_we_use_is_subscribed_and_no_other() -> None:
    rows = [row for rows in config("webhooks/webhooks-hsmeta.json")["subscriptions"].values() for row in rows]
    assert {row["subscriptionType"] for row in rows} == set(webhooks.EVENTS)
    assert all(row["active"] for row in rows)


def test_every_property_the_recipe_reads_by_default_is_subscribed() -> None:
    rows = config("webhooks/webhooks-hsmeta.json")["subscriptions"]["legacyCrmObjects"]
    named = [row["propertyName"] for row in rows if "propertyName" in row]
    mapped = {row.source for row in CONTACT_MAPPING}
    assert set(named) == {*mapped, *OURS, "email", STAGE}
    assert len(named) == len(set(named))
    assert set(named) == webhooks.HEARD  # of others the Fields page says that they arrive later
    assert set(named) == set(sandbox.PROPERTIES)  # the stand-in's app asks for the same


def test_the_platform_is_of_the_same_age_as_the_api() -> None:
    platform = json.loads((PROJECT / "hsproject.json").read_text())["platformVersion"]
    assert platform == VERSION.replace("-", ".")
