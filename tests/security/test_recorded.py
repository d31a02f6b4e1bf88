"""What is recorded of calls holds no secret and no address, and what was JSON stays JSON."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import tasks
from integration.connectors.base import ParsedEvent
from integration.engine.clients import connection_health
from integration.models import VendorCall
from integration.redact import MASK, mask_addresses, redact_text
from tests.support import hub
from tests.support.whole_database import found

CANARY = "c4n4ry-of.a_secret/1+2="
KEYS = (
    "token", "access_token", "refreshToken", "x-api-token", "api_token", "api_key", "apiKey", "Api-Key", "X-API-KEY",
    "client_secret", "clientSecret", "http_auth_password", "password", "Authorization", "secret", "code", "key",
    "webhook_secret", "private_key", "authorization_code", "pwd", "custom_value", "accessKey", "credentials",
)  # fmt: skip
PLAIN = ("postal_code", "country_code", "field_key", "zip_code", "keyboard", "monkey", "decode", "coder", "tokens_left")


@pytest.mark.parametrize("key", KEYS)
def test_a_secret_is_masked_under_every_name_and_in_every_form(key):
    documents = [
        {key: CANARY, "after": 1}, {"a": {key: CANARY}, "b": [1]}, [{key: CANARY}], {key: [CANARY, "x"], "after": None},
        {key: {"value": CANARY}, "after": "b"}, {key: f'{CANARY}"quoted\\', "after": "b"}, {key: 123456789012},
    ]  # fmt: skip
    for document in documents:
        for text in (json.dumps(document), json.dumps(document, separators=(",", ":")), json.dumps(document, indent=1)):
            said = redact_text(text)
            assert CANARY not in said
            assert "123456789012" not in said
            assert json.loads(said).keys() if isinstance(document, dict) else json.loads(said)
    inside = json.dumps({"body": json.dumps({key: CANARY, "n": 1})})
    assert CANARY not in redact_text(inside)
    assert json.loads(json.loads(redact_text(inside))["body"])["n"] == 1
    for text in (f"a=b&{key}={CANARY}&c=d", f"{key}={CANARY}", f"{key}: {CANARY}", f"<a><{key}>{CANARY}</{key}></a>"):
        said = redact_text(text)
        assert CANARY not in said
        assert "c4n4ry" not in said
    assert redact_text(f"{key}={CANARY}&c=d").endswith("&c=d")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("nothing", [None, True, False, 400, -1])
def test_what_is_no_secret_stays(key, nothing):
    text = json.dumps({key: nothing, "b": nothing})
    assert redact_text(text) == text


@pytest.mark.parametrize("key", PLAIN)
def test_a_key_that_merely_ends_like_a_secret_one_is_left_alone(key):
    for text in (json.dumps({key: "4020"}), f"a=1&{key}=4020", f"<{key}>4020</{key}>"):
        assert redact_text(text) == text


def test_a_header_that_is_told_by_name_is_masked():
    for text in (
        json.dumps({"headers": [{"name": "X-Lockstep-Secret", "value": CANARY}]}),
        json.dumps({"headers": [{"key": "Authorization", "value": CANARY}]}),
    ):
        assert CANARY not in redact_text(text)
        assert json.loads(redact_text(text))


@pytest.mark.parametrize(
    "text",
    [
        f"https://lockstep:{CANARY[:12]}@hub.example.com/x", "Basic bG9ja3N0ZXA6YzRuNHJ5",
        "Bearer%20c4n4ry-of.a_secret",
        '{"url":"https:\\/\\/hub.example.com\\/hooks\\/pipedrive\\/c4n4ry\\/"}',
        "a=https%3A%2F%2Fhub%2Fhooks%2Fbrevo%2Fc4n4ry%2F",
        "https://hub.example.com/hooks/brevo/c4n4ry", "/HOOKS/brevo/c4n4ry/", "/invite/c4n4ry/",
        "next=%2Finvite%2Fc4n4ry%2F",
    ],
)  # fmt: skip
def test_addresses_with_a_secret_inside_are_masked(text):
    said = redact_text(text)
    assert "c4n4ry" not in said
    assert "bG9ja3N0ZXA6YzRuNHJ5" not in said
    assert MASK in said


ADDRESSES = (
    "jürgen@exämple.de", "josé.garcía@correo.example", "ada@xn--exmple-cua.de", "用户@例子.公司",
    "δοκιμή@παράδειγμα.ελ",
    "o'brien+tag@example.co.uk", "ada@sub.exämple.xn--p1ai", "Ä@Ö.de",
)  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_masked_as_a_whole_in_every_script_and_writing(address):
    local, domain = address.split("@")
    written = {address: local, quote(address): quote(local), json.dumps(address)[1:-1]: json.dumps(local)[1:-1]}
    for form, name in written.items():
        for text in (form, f"/people/{form}", f"email={form}&x=1", f'"{form}"', f"{form},{form}"):
            said = mask_addresses(text)
            assert name not in said or len(local) == 1
            assert said.count(MASK) == text.count(form)
            rest = name[6:] if name.startswith("\\u") else name[3:]
            assert not rest or rest not in said
    assert json.loads(mask_addresses(json.dumps({"email": address, "b": 1})))["b"] == 1
    assert domain in mask_addresses(address)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*KEYS, *PLAIN, "a"]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(JSON, st.booleans())
def test_what_was_json_stays_json(document, ascii_only):
    text = json.dumps(document, ensure_ascii=ascii_only)
    assert json.loads(redact_text(text)) is not NotImplemented


def test_long_texts_without_a_secret_are_read_quickly():
    for text in (
        "a" * 16000 + "@",
        "a%40" * 4000,
        '"key' * 4000,
        "\\u00fc" * 2600 + "@",
        '\\"' * 8000,
        "token:{" * 2000,
    ):
        started = time.monotonic()
        redact_text(text)
        assert time.monotonic() - started < 1, text[:20]


def test_an_event_that_nobody_can_read_keeps_no_secret():
    body = json.dumps({"access_token": CANARY, "url": "https://hub.example.com/hooks/brevo/c4n4ry/", "email": "a@b.de"})

    kept = ParsedEvent.unreadable(body + "x" * 9000, "It has no shape.").payload["body"]

    assert "c4n4ry" not in kept
    assert "a@b.de" in kept
    assert len(kept) == 2000


WORLDS = {
    "pipedrive": "world", "maileon": "world", "hubspot": "hubspot_world", "brevo": "brevo_world",
    "planhat": "planhat_world", "leadboxer": "leadboxer_install",
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("vendor", WORLDS)
def test_what_a_vendor_repeats_to_us_is_recorded_without_the_secrets_in_it(vendor, request):
    """Every call of a connection is answered with secrets of somebody else, under many names; no table holds one."""
    made = request.getfixturevalue(WORLDS[vendor])
    world = made() if callable(made) else made
    connection = next(one for one in (world.integration.left, world.integration.right) if one.vendor == vendor)
    answer = json.dumps({key: CANARY for key in KEYS} | {"url": "https://u:c4n4ry@x.de/hooks/brevo/c4n4ry/"})
    refusal = {"status": 400, "path_contains": "/", "body": answer}
    world.sandbox.control("POST", "/misbehave", {"vendor": vendor, "fail_next": [refusal] * 9})

    tasks.start_runs(world.integration, "poll")
    hub.drain()
    connection_health.check(connection)

    calls = VendorCall.objects.filter(connection=connection, status=400)
    assert calls.exists()
    assert any(MASK in call.response for call in calls)
    assert found("c4n4ry") == set()
