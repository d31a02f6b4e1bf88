"""What may be stored and shown: no secret, no address, no webhook token."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from integration.redact import HookTokenFilter, mask_addresses, redact_text


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


def test_addresses_are_masked_but_recognisable():
    assert mask_addresses("ada@example.com and bob%40example.org") == "a•••@example.com and b•••%40example.org"


def test_long_texts_are_cut():
    said = redact_text("x" * 10_000, limit=100)
    assert said == "x" * 100 + "… (10000 characters)"


def test_a_secret_on_which_the_cut_falls_is_not_shown():
    secret = "s3cret-value" * 4
    assert "s3c" not in redact_text(f"{secret} " * 100, [secret], limit=100)


@pytest.mark.parametrize("local", ["ada", "a" * 100, "it's.me+x", "%20ada"])
def test_an_address_is_masked_as_a_whole(local):
    assert mask_addresses(f"<{local}@example.com>") == f"<{local[0]}•••@example.com>"


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
