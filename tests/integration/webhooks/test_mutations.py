"""Real deliveries with something wrong in them, through the real view: proven calls get a 2xx, whatever they carry."""

from __future__ import annotations

import base64
import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings, strategies

from config.json_value import storable
from integration.connectors.base import WebhookRequest
from integration.connectors.hubspot import webhooks as hubspot
from integration.engine.sync import router
from integration.models import WebhookEvent
from integration.recipes.registry import RECIPES, get_recipe
from tests.support import webhook_cases
from tests.support.factories import ConnectionFactory, EndpointFactory, IntegrationFactory
from tests.support.search import examples

pytestmark = [pytest.mark.django_db, pytest.mark.chaos("W7", "W11", "W12", "W16")]
SECRET = "lockstep:s3cret-of-this-endpoint"
CONNECTORS = Path(__file__).parents[1] / "connectors"
FIXTURES = {
    vendor: [path.read_bytes() for path in sorted((CONNECTORS / vendor / "fixtures" / "webhooks").glob("*.json"))]
    for vendor in ("pipedrive", "hubspot", "maileon", "brevo", "planhat")
}
ACCOUNT = "9001"

TEXTS = strategies.text(max_size=20) | strategies.sampled_from(
    [
        "\x00",
        "a\x00b",
        "\ud800",
        "9" * 400,
        "-1",
        "NaN",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "x" * 5000,
        "ada@example.com\r\n",
    ]
)
ODD = strategies.recursive(
    strategies.none() | strategies.booleans() | TEXTS | strategies.sampled_from(webhook_cases.ODD_VALUES)
    | strategies.integers(-(10**30), 10**30) | strategies.floats(allow_nan=False),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
many = settings(
    max_examples=examples(20),
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def spoiled(data: Any, vendor: str) -> bytes:
    """A fixture with a few values replaced, keys renamed or dropped, or bytes cut, doubled and turned around."""
    raw = data.draw(strategies.sampled_from(FIXTURES[vendor]))
    if data.draw(strategies.integers(0, 3)) == 0:
        at, length = data.draw(strategies.integers(0, len(raw))), data.draw(strategies.integers(0, 40))
        return bytes(raw[:at] + data.draw(strategies.binary(max_size=20)) + raw[at + length :])
    document = copy.deepcopy(json.loads(raw))
    for _ in range(data.draw(strategies.integers(1, 3))):
        document = _changed(document, data)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _changed(document: Any, data: Any) -> Any:
    paths = list(webhook_cases._paths(document))
    if not paths:
        return data.draw(ODD)
    *way, last = data.draw(strategies.sampled_from(paths))
    place = document
    for step in way:
        place = place[step]
    what = data.draw(strategies.sampled_from(["replace", "replace", "drop", "rename", "double"]))
    if what == "replace" or isinstance(last, int):
        place[last] = data.draw(ODD)
    elif what == "drop":
        del place[last]
    elif what == "rename":
        place[data.draw(TEXTS)] = place.pop(last)
    else:
        place[last] = [place[last], place[last]]
    return document


@pytest.fixture(autouse=True)
def app(settings: Any) -> None:
    settings.OAUTH_APPS = {"hubspot": {"client_id": "client-id", "client_secret": SECRET}}
    settings.PUBLIC_URL = "https://hub.example.com"
    settings.INTAKE_EVENTS_PER_MINUTE = 10**9


@pytest.fixture
def doors(db: None) -> dict[str, Any]:
    """An endpoint of each vendor, with every recipe that listens to it."""
    found = {}
    for vendor in FIXTURES:
        connection = ConnectionFactory(vendor=vendor, external_account_id=ACCOUNT)
        found[vendor] = EndpointFactory(connection=connection)
        for key in RECIPES:
            for side in ("left", "right"):
                if getattr(get_recipe(key), side) == vendor:
                    IntegrationFactory(tenant=connection.tenant, recipe=key, **{side: connection})
    return found


def deliver(door: Any, body: bytes, **query: str) -> int:
    """With the vendor's own proof."""
    vendor = door.connection.vendor
    address, headers = f"/hooks/{vendor}/{door.token}/", {}
    if vendor == "hubspot":
        address, stamp = "/hooks/hubspot/", str(int(time.time() * 1000))
        call = WebhookRequest("POST", f"https://hub.example.com{address}", {}, {}, body)
        headers = {"X-HubSpot-Signature-v3": hubspot.signature_v3(call, SECRET, stamp),
                   "X-HubSpot-Request-Timestamp": stamp}  # fmt: skip
    elif vendor == "pipedrive":
        headers = {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}
    elif vendor == "brevo":
        headers = {"Authorization": f"Bearer {SECRET}"}
    else:
        query["token"] = SECRET
    answer = Client(headers=headers).post(address, body, content_type="application/json", query_params=query)
    return int(answer.status_code)


def settled() -> None:
    """What was stored can be stored anywhere, and is routed without harm."""
    for event in WebhookEvent.objects.filter(state="new"):
        held = [event.payload, event.external_id, event.dedupe_key, event.vendor_event]
        assert storable(held) == held
    router.route_new_events(get_recipe)
    assert not WebhookEvent.objects.filter(state="new").exists()


@pytest.mark.property
@pytest.mark.parametrize("vendor", FIXTURES)
def test_a_spoiled_delivery_is_taken_and_routed(doors: dict[str, Any], vendor: str) -> None:
    @many
    @given(data=strategies.data())
    def play(data: Any) -> None:
        assert deliver(doors[vendor], spoiled(data, vendor)) == 200
        settled()

    play()


@pytest.mark.property
@pytest.mark.parametrize("vendor", ["maileon", "brevo", "planhat"])
def test_odd_parameters_of_the_address_are_taken(doors: dict[str, Any], vendor: str) -> None:
    names = strategies.sampled_from(["event", "email", "external_id", "eid", "import", "model", "action", "timestamp"])
    texts = TEXTS.filter(lambda text: text.isprintable() or "\x00" in text)

    @many
    @given(query=strategies.dictionaries(names, texts, max_size=4))
    def play(query: dict[str, str]) -> None:
        assert deliver(doors[vendor], b"", **query) == 200
        settled()

    play()
