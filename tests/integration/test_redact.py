"""What may be stored and shown: no secret, no address, no webhook token."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from integration.redact import MASK, HookTokenFilter, mask_addresses, redact_text


@pytest.mark.parametrize(
    "text",
    [
        '{"api_key": "hidden-value"}', "api_token=hidden-value&x=1", "Authorization: Bearer hidden-value",
        "password: hidden-value",
        '{"http_auth_password":"hidden-value"}', "refresh_token=hidden-value",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked(text):
    assert "hidden-value" not in redact_text(text)


def test_known_secrets_are_masked_wherever_they_stand():
    assert "s3cret-value" not in redact_text("the key s3cret-value is bad", ["s3cret-value"])


@pytest.mark.parametrize(
    "text", ["ada@example.com wrote", "/people/ada%40example.com", "ada@example.com,bob@example.com"]
)
def test_no_address_of_a_person_is_stored(text):
    assert "ada" not in redact_text(text)
    assert "•••" in redact_text(text)


def test_addresses_are_masked_but_recognisable():
    assert mask_addresses("ada@example.com and bob%40example.org") == "a•••@example.com and b•••%40example.org"


def test_long_texts_are_cut():
    assert redact_text("x" * 300, limit=100) == "x" * 100 + "… (300 characters)"


SECRET = "s3cret-value" * 40


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("x" * 90 + SECRET + "y" * 900, "x" * 90 + "•••"),
        ("x" * 380 + SECRET + "y" * 900, "x" * 100),
        (f"{SECRET} " * 100, "••• ••• •••"),
        (f'HTTP 200: {{"access_token":"{SECRET}","expires_in":3599}}', 'HTTP 200: {"access_token":"•••","expires'),
        ('{"access_token":"' + "s3cret-unknown" * 90 + '"}', '{"access_token":"•••'),
    ],
)
def test_a_secret_on_which_the_cut_falls_is_not_shown_and_the_rest_is(text, begins):
    said = redact_text(text, [SECRET], limit=100)
    assert "s3c" not in said
    assert said.startswith(begins)


@pytest.mark.parametrize("separator", [",", "%2C", "+", "_", "-", "'", "%0A", " "])
def test_each_of_many_addresses_is_masked(separator):
    said = mask_addresses(separator.join(["ada@b.com", "bob@d.com", "eve@f.com"]))
    assert not {"ada", "bob", "eve"} & {name for name in ("ada", "bob", "eve") if name in said}


@pytest.mark.chaos("W1")
@pytest.mark.django_db
def test_the_token_of_a_webhook_address_is_never_logged(caplog):
    caplog.handler.addFilter(HookTokenFilter())

    with caplog.at_level(logging.WARNING):
        assert (
            Client().post("/hooks/pipedrive/unguessable-token-1/", b"", content_type="application/json").status_code
            == 404
        )

    assert "Not Found" in caplog.text
    assert "unguessable-token-1" not in caplog.text


def test_the_token_of_a_webhook_address_is_masked_wherever_it_stands():
    said = redact_text('{"url": "https://hub.example/hooks/maileon/fgXvTm4d-2/?event=doi"} and /invite/abc123/')

    assert "fgXvTm4d" not in said
    assert "abc123" not in said
    assert said.startswith(f'{{"url": "https://hub.example/hooks/maileon/{MASK}/?event=doi"}}')
