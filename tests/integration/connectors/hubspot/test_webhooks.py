"""Webhooks: who sent them, what they say, and which of them there are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from integration.connectors.base import ParsedEvent, WebhookRequest
from integration.connectors.hubspot import webhooks

from .conftest import FIXTURES, webhook

ALL = sorted((FIXTURES / "webhooks").glob("*.json"))
URL = "https://hub.example/hooks/hubspot/"
# HubSpot's documentation: secret, address and bodies of its examples, and the signatures they give.
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
EXAMPLE_URL = "https://www.example.com/webhook_uri"
V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":'
    b'"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)


def request(body: Any, headers: dict[str, str] | None = None, url: str = URL, method: str = "POST") -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method, url, headers or {}, {}, raw)


def signed(secret: str | None, body: bytes = b"[]", *, age_s: float = 0, url: str = URL) -> WebhookRequest:
    if secret is None:
        return request(body, url=url)
    stamp = str(int((time.time() - age_s) * 1000))
    signature = webhooks.signature_v3(request(body, url=url), secret, stamp)
    return request(body, {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}, url)


def parsed(name: str) -> ParsedEvent:
    (event,) = webhooks.parse(request(webhook(name)))
    return event


def test_the_vendors_example_of_version_1() -> None:
    signature = webhooks.signature_v1(request(V1_BODY), SECRET)
    assert signature == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"


def test_the_vendors_examples_of_version_2() -> None:
    get = request(b"", url=EXAMPLE_URL, method="GET")
    assert webhooks.signature_v2(get, SECRET) == "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    post = request(b'{"example_field":"example_value"}', url=EXAMPLE_URL)
    assert webhooks.signature_v2(post, SECRET) == "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"


@pytest.mark.parametrize(
    ("body", "stamp", "signature"),
    [
        (b"{'example_field':'example_value'}", "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        (b"{'example_field':'example_value'}", "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
        (V1_BODY, "1693657560000", "ecWWq6SLunL3htE3leWhW3cjrE6R0rZmBOcQ2bf4D40="),
    ],
)
def test_the_vendors_examples_of_version_3(body: bytes, stamp: str, signature: str) -> None:
    assert webhooks.signature_v3(request(body, url=EXAMPLE_URL), SECRET, stamp) == signature


@pytest.mark.chaos("W6")
@pytest.mark.parametrize(("age", "fine"), [(0, True), (290, True), (310, False), (-290, True), (-310, False)])
def test_a_call_is_good_for_five_minutes(age: float, fine: bool) -> None:
    assert webhooks.verify(signed(SECRET, age_s=age), [SECRET]) is fine


def test_exactly_the_listed_signs_are_decoded_before_hashing() -> None:
    coded = "https://hub.example/hooks?a=%3A%2F%3f%40%21%24%27%28%29%2A%2C%3B&b=%20%26%3D%25"
    plain = "https://hub.example/hooks?a=:/?@!$'()*,;&b=%20%26%3D%25"
    one, other = (webhooks.signature_v3(request(b"[]", url=url), SECRET, "1") for url in (coded, plain))
    assert one == other
    assert one != webhooks.signature_v3(request(b"[]", url=plain.replace("%20", " ")), SECRET, "1")


def test_body_address_method_and_time_are_all_signed() -> None:
    good = signed(SECRET, b"[1]")
    stamp = good.headers["X-HubSpot-Request-Timestamp"]
    for changed in (
        WebhookRequest("POST", URL, good.headers, {}, b"[2]"),
        WebhookRequest("POST", URL + "?x=1", good.headers, {}, b"[1]"),
        WebhookRequest("PUT", URL, good.headers, {}, b"[1]"),
        WebhookRequest("POST", URL, {**good.headers, "X-HubSpot-Request-Timestamp": str(int(stamp) + 1)}, {}, b"[1]"),
        WebhookRequest("POST", URL, {**good.headers, "X-HubSpot-Request-Timestamp": "soon"}, {}, b"[1]"),
    ):
        assert not webhooks.verify(changed, [SECRET])


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_old_signatures_count_only_where_a_setting_says_so(version: str, settings: Any) -> None:
    bare = request(V1_BODY)
    signature = {"v1": webhooks.signature_v1, "v2": webhooks.signature_v2}[version](bare, SECRET)
    call = request(V1_BODY, {"x-hubspot-signature": signature, "x-hubspot-signature-version": version})
    assert not webhooks.verify(call, [SECRET])
    settings.HUBSPOT_OLD_SIGNATURES = True
    assert webhooks.verify(call, [SECRET])
    assert not webhooks.verify(request(b"[]", dict(call.headers)), [SECRET])


def test_a_wrong_version_3_is_not_saved_by_a_right_version_1(settings: Any) -> None:
    settings.HUBSPOT_OLD_SIGNATURES = True
    call = signed("another secret", V1_BODY)
    headers = {
        **call.headers, "X-HubSpot-Signature": webhooks.signature_v1(call, SECRET), "X-HubSpot-Signature-Version": "v1",
    }  # fmt: skip
    assert not webhooks.verify(request(V1_BODY, headers), [SECRET])


def test_an_event_names_its_portal_and_record() -> None:
    event = parsed("contact.creation")
    assert (event.vendor_event, event.object_type, event.external_id) == ("contact.creation", "contact", "106314056576")
    assert (event.account_id, event.payload["own"]) == ("49547190", False)
    assert event.occurred_at is not None
    assert event.occurred_at.isoformat() == "2025-03-15T22:17:53.905000+00:00"


def test_our_own_writes_are_told_from_those_of_other_apps() -> None:
    assert parsed("contact.creation__own").payload["own"] is True
    assert parsed("contact.propertyChange__email").payload["own"] is False
    assert parsed("contact.propertyChange__cleared").payload["own"] is True


def test_values_are_left_out_but_an_address_is_found_by_its_hash() -> None:
    assert "Ada" not in json.dumps(parsed("contact.propertyChange").payload)
    assert parsed("contact.propertyChange").payload["property"] == "firstname"
    assert parsed("contact.propertyChange__email").email == "ada@example.com"
    assert parsed("contact.propertyChange__redacted").email == ""


def test_a_merge_names_survivor_and_losers() -> None:
    new = parsed("contact.merge").payload
    assert (new.get("survivor"), new.get("primary"), new.get("merged")) == (
        "106314056596",
        "106314056576",
        ["106314056586"],
    )
    assert parsed("contact.merge__no_new_id").payload.get("survivor") == "106314056576"


def test_texts_for_numbers_and_generic_names_are_understood() -> None:
    assert parsed("contact.creation__test_button").account_id == "62515"
    assert parsed("object.propertyChange").vendor_event == "contact.propertyChange"
    assert parsed("contact.creation__event_type_label").vendor_event == "contact.creation"


def test_retries_share_their_key_and_other_events_do_not() -> None:
    first, again, other = (webhook("contact.propertyChange")[0] for _ in range(3))
    again["attemptNumber"] = 3
    other["propertyName"] = "lastname"  # event ids are not unique
    keys = [event.dedupe_key for event in webhooks.parse(request([first, again, other]))]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.chaos("W11")
def test_one_bad_event_never_takes_its_neighbours_with_it() -> None:
    good = [{**webhook("contact.creation")[0], "objectId": n} for n in range(99)]
    for bad in (None, 7, [], {}, {"portalId": 1}, {"portalId": 1, "objectId": 2}):
        events = webhooks.parse(request([*good[:50], bad, *good[50:]]))
        assert [event.external_id for event in events if event.object_type] == [str(n) for n in range(99)]


def test_an_event_that_cannot_be_read_is_kept_for_its_account() -> None:
    odd = {"portalId": 62515, "objectId": {"id": 7}, "subscriptionType": "contact.creation"}
    [event] = webhooks.parse(request([odd]))

    assert (event.vendor_event, event.account_id, event.external_id) == ("unreadable", "62515", "")
    assert "contact.creation" in str(event.payload["body"])
    assert event.dedupe_key == webhooks.parse(request([odd]))[0].dedupe_key


@pytest.mark.parametrize(
    "change",
    [{"occurredAt": 1564113600001}, {"propertyName": "lastname"}, {"eventId": 2}, {"objectId": 124},
     {"portalId": 62516}, {"subscriptionId": 12346}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_two_events_never_collapse_into_one(change: dict[str, Any]) -> None:
    row = {**json.loads(V1_BODY)[0], "subscriptionType": "contact.propertyChange", "propertyName": "firstname"}
    first, again, other = webhooks.parse(request([row, {**row, "attemptNumber": 3}, {**row, **change}]))

    assert first.dedupe_key == again.dedupe_key
    assert first.dedupe_key != other.dedupe_key
