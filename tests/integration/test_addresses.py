"""Addresses: what is repaired, what stays as it is, and that both forms are one person."""

from __future__ import annotations

import pytest

from integration.addresses import is_free_mail, is_valid, normalise
from integration.engine.flow.base import Record
from integration.secrets import email_hash


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "Ada@example.com"),
        ("ada@x.example\u200b", "ada@x.example"),
        ("\ufeffada@x.example", "ada@x.example"),
        ("a\u00adda@x.example", "ada@x.example"),
        ("mailto:ada@x.example?subject=Hi", "ada@x.example"),
        ("<ada@x.example>", "ada@x.example"),
        ("ada@x..example.", "ada@x.example"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@B\u00dcCHER.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_what_is_no_valid_syntax_is_repaired(written, meant):
    assert normalise(written) == meant
    assert normalise(meant) == meant
    assert is_valid(meant)
    assert email_hash(written) == email_hash(meant)
    assert Record("1", {}, email=written).email == meant


@pytest.mark.parametrize("address", ["a.d.a@gmail.com", "ada+news@gmail.com", "ada..byron@docomo.ne.jp"])
def test_whom_an_address_reaches_is_never_changed(address):
    assert normalise(address) == address


@pytest.mark.parametrize(
    "text", ["", "ada", "@x.example", "ada@", "ada@localhost", "a b@x.example", "a@x.example, b@x.example"]
)
def test_what_is_no_address_is_none(text):
    assert not is_valid(normalise(text))


@pytest.mark.parametrize(
    ("domain", "free"),
    [
        ("gmail.com", True),
        ("Yahoo.co.uk", True),
        ("web.de", True),
        ("acme.example", False),
        ("gmail.acme.example", False),
        ("", False),
    ],
)
def test_a_mail_providers_domain_is_no_company(domain, free):
    assert is_free_mail(domain) is free
