"""One tenant's flood costs the others nothing: counted before it is stored, stored and routed in bounded portions."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from integration.connectors.base import ParsedEvent, WebhookRequest
from integration.connectors.brevo import webhooks as brevo
from integration.connectors.hubspot import webhooks as hubspot
from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.intake import group_commit, inbox
from integration.engine.intake.group_commit import GroupCommit
from integration.engine.sync import router
from integration.errors import TooManyEvents
from integration.models import WebhookEvent
from integration.recipes.registry import get_recipe
from integration.webhooks import fair_share
from tests.integration.webhooks import test_app_views as apps
from tests.integration.webhooks.test_views import SECRET, body, post
from tests.support.factories import EndpointFactory, EventFactory, IntegrationFactory

pytestmark = pytest.mark.django_db(transaction=True)
DOORS = [key for key in CONNECTORS if get_connector(key).webhooks is not None]


@pytest.fixture(autouse=True)
def a_new_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "window_began", 0.0)


def said(emails: Any, **more: Any) -> dict[str, Any]:
    return {"event": "contact_updated", "email": emails, "ts": 1795167000, **more}


def addresses(count: int) -> list[str]:
    return [f"{number}@a.example" for number in range(count)]


def call_of(document: Any) -> WebhookRequest:
    return WebhookRequest("POST", "https://hub.example.com/hooks/", {}, {}, json.dumps(document).encode())


@pytest.fixture
def loud() -> Any:
    return EndpointFactory(connection__vendor="brevo", connection__auth_kind="api_key")


def brevo_post(door: Any, document: Any) -> Any:
    client = Client(headers={"Authorization": f"Bearer {SECRET}"})
    return client.post(f"/hooks/brevo/{door.token}/", json.dumps(document).encode(), content_type="application/json")


# Counted before it is built


@pytest.mark.parametrize("vendor", DOORS)
def test_every_door_says_how_many_events_a_call_may_bring_and_how_large_it_may_be(vendor: str) -> None:
    connector = get_connector(vendor)
    assert connector.webhooks is not None
    assert 1 <= connector.webhooks.MOST_EVENTS <= 2_000
    assert 64 * 1024 <= connector.most_bytes <= 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("webhooks", "document"),
    [
        (brevo, said(addresses(160_000))),
        (brevo, {"event": "contact_updated", "content": [{"email": addresses(2_001)}], "ts": 1795167000}),
        (brevo, [said(f"{number}@a.example") for number in range(2_001)]),
        (brevo, [said(addresses(1_000)), said(addresses(1_000)), said("one@a.example")]),
        (hubspot, [apps.event("101", number) for number in range(501)]),
    ],
    ids=["brevo addresses", "brevo content", "brevo batch", "brevo both", "hubspot"],
)
def test_a_call_with_too_many_events_is_refused_before_one_of_them_is_built(
    webhooks: Any, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*args: Any, **kwargs: Any) -> ParsedEvent:
        raise AssertionError("an event was built")

    monkeypatch.setattr(webhooks, "ParsedEvent", built)
    with pytest.raises(TooManyEvents):
        webhooks.parse(call_of(document))


@pytest.mark.parametrize(
    ("webhooks", "document", "events"),
    [
        (brevo, [said(f"{number}@a.example") for number in range(500)], 500),
        (brevo, said(addresses(2_000), list_id=[1, 2, 3]), 2_000),
        (hubspot, [apps.event("101", number) for number in range(100)], 100),
    ],
    ids=["brevo batch", "brevo addresses", "hubspot"],
)
def test_what_a_vendor_is_known_to_send_passes(webhooks: Any, document: Any, events: int) -> None:
    assert len({event.dedupe_key for event in webhooks.parse(call_of(document))}) == events


@pytest.mark.parametrize(
    "much", [{"list_id": list(range(200_000))}, {"content": [{"A": "x" * 1_000_000}]}, {"api_key_name": "k" * 900_000}]
)
def test_what_all_addresses_of_a_call_share_is_not_multiplied(much: Any) -> None:
    began = time.process_time()
    try:
        events = brevo.parse(call_of(said(addresses(2_000), **much)))
    except TooManyEvents:
        events = []
    assert time.process_time() - began < 2
    assert sum(len(json.dumps(event.payload)) for event in events) < 4 * 1024 * 1024


def test_what_the_addresses_of_several_events_share_is_counted_together() -> None:
    rows = [said(addresses(60), ts=1795167000 + turn, list_id=list(range(10_000))) for turn in range(30)]
    with pytest.raises(TooManyEvents):
        brevo.parse(call_of(rows))


def test_a_refused_call_leaves_one_row_and_comes_again_later(loud: Any) -> None:
    answers = [brevo_post(loud, said(addresses(90_000))) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert 1 <= int(answers[0]["Retry-After"]) <= 60
    row = WebhookEvent.objects.get()
    assert (row.vendor_event, row.state, row.reason) == ("too_many_events", "ignored", "too_many_events")
    assert len(json.dumps(row.payload)) < 5_000


def test_hubspot_delivers_again_what_was_too_much(settings: Any) -> None:
    settings.OAUTH_APPS = {"hubspot": {"client_id": "client-id", "client_secret": apps.SECRET}}
    settings.PUBLIC_URL = "https://hub.example.com"
    apps.portal("101")

    assert apps.post([apps.event("101", number) for number in range(501)]).status_code == 503
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("vendor", "size"), [("maileon", 300_000), ("planhat", 600_000)])
def test_a_body_larger_than_the_vendor_sends_is_refused_unread(vendor: str, size: int) -> None:
    door = EndpointFactory(connection__vendor=vendor)
    assert post(door, b"x" * size, vendor=vendor).status_code == 413


# A minute's share counts the call at hand


def test_a_call_of_more_than_a_minutes_share_gives_way_as_a_whole(loud: Any, settings: Any) -> None:
    settings.INTAKE_EVENTS_PER_MINUTE = 100

    assert brevo_post(loud, said(addresses(300))).status_code == 200
    assert WebhookEvent.objects.filter(deferred=True).count() == 300
    assert brevo_post(loud, said(["late@a.example"])).status_code == 429


def test_a_batch_of_an_apps_vendor_counts_itself_as_well(settings: Any) -> None:
    settings.INTAKE_EVENTS_PER_MINUTE = 10
    settings.OAUTH_APPS = {"hubspot": {"client_id": "client-id", "client_secret": apps.SECRET}}
    settings.PUBLIC_URL = "https://hub.example.com"
    apps.portal("101")

    assert apps.post([apps.event("101", number) for number in range(11)]).status_code == 200
    assert WebhookEvent.objects.filter(deferred=True).count() == 11


# Stored in bounded transactions, others between


def test_one_transaction_is_bounded_in_rows_and_the_others_share_it() -> None:
    gate, written = threading.Event(), []

    def write(rows: Any) -> None:
        gate.wait(5)
        written.append(list(rows))

    group = GroupCommit(write)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(group.store, ["first"])]
        time.sleep(0.05)
        calls.append(pool.submit(group.store, [f"loud {number}" for number in range(2_000)]))
        time.sleep(0.05)
        calls.append(pool.submit(group.store, ["quiet"]))
        time.sleep(0.05)
        gate.set()
    assert [call.result() for call in calls] == [None] * 3

    assert max(map(len, written)) <= group_commit.MOST_ROWS
    assert "quiet" in written[1]
    assert [row for rows in written for row in rows if row.startswith("loud")] == [f"loud {n}" for n in range(2_000)]


def test_one_transaction_is_bounded_in_bytes() -> None:
    written: list[Any] = []
    GroupCommit(lambda rows: written.append(list(rows)), len).store(["x" * 400_000] * 10)

    assert [len(rows) for rows in written] == [3, 3, 3, 1]


def test_a_fault_in_a_later_portion_is_told_to_its_own_thread() -> None:
    def write(rows: Any) -> None:
        if 999 in rows:
            raise ValueError("refused")

    group = GroupCommit(write)
    with pytest.raises(ValueError, match="refused"):
        group.store(list(range(2_000)))
    group.store([1])


def test_the_inbox_stores_a_large_call_in_portions(loud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = inbox.committed.write
    monkeypatch.setattr(inbox.committed, "write", lambda rows: (sizes.append(len(rows)), write(rows)))

    assert brevo_post(loud, said(addresses(2_000))).status_code == 200

    assert sizes == [500] * 4
    assert WebhookEvent.objects.count() == 2_000


# Routed in bounded portions


def test_a_portion_of_the_router_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch, rings: list[str]) -> None:
    monkeypatch.setattr(router, "PORTION_BYTES", 1_000_000)
    connection = IntegrationFactory(state="active").left
    for number in range(5):
        EventFactory(connection=connection, external_id=str(number), payload={"text": "x" * 400_000})

    assert router.route_portion(get_recipe) == (3, True)
    assert router.route_portion(get_recipe) == (2, False)


def test_quiet_tenants_are_taken_in_beside_a_flood(loud: Any) -> None:
    quiet = EndpointFactory(connection__external_account_id="9001")

    def flood() -> list[int]:
        return [brevo_post(loud, said(addresses(90_000), ts=1795167000 + turn)).status_code for turn in range(3)]

    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(flood)
        answers, slowest = [], 0.0
        for number in range(20):
            began = time.monotonic()
            answers.append(post(quiet, body(id=f"e-{number}")).status_code)
            slowest = max(slowest, time.monotonic() - began)
        refused = beside.result()

    assert (set(answers), set(refused)) == ({200}, {429})
    assert slowest < 2  # the bench has the sharp figure
