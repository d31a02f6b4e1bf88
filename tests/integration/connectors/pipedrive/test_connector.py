"""What a tenant may type, and where it may lead."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Credentials
from integration.connectors.pipedrive.connector import CONNECTOR, normalise_base_url
from integration.connectors.registry import get_connector
from integration.guard import AddressRefused
from integration.http import Instrumentation


def test_the_registry_finds_it() -> None:
    assert get_connector("pipedrive") is CONNECTOR


@pytest.mark.parametrize(
    "typed",
    [
        "acme", " acme ", "ACME", "acme.pipedrive.com", "https://acme.pipedrive.com", "https://acme.pipedrive.com/v1",
        "https://acme.pipedrive.com/api/v2/", "http://acme.pipedrive.com/settings/api?x=1#y", "acme.pipedrive.com/v1",
    ],
)  # fmt: skip
def test_what_tenants_type_is_cut_to_the_company(typed: str, settings: Any) -> None:
    settings.SANDBOX_URL = ""
    assert CONNECTOR.policy.check(normalise_base_url(typed)) == "https://acme.pipedrive.com"


@pytest.mark.parametrize(
    "typed",
    [
        "", "evil.example", "acme.pipedrive.com.evil.example", "https://acme.pipedrive.com@evil.example", "127.0.0.1",
        "http://169.254.169.254/latest", "https://[::1]/", "[::1", "2130706433.", "pipedrive.com", "https://",
        "file:///etc/passwd", "acme.pipedrive.com.", "acme\u3002pipedrive\u3002com", "evilpipedrive.com",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(typed: str, settings: Any) -> None:
    settings.SANDBOX_URL = ""
    with pytest.raises(AddressRefused):
        CONNECTOR.policy.check(normalise_base_url(typed))


@pytest.mark.parametrize(
    "url", ["https://x@evil.example", "https://x@acme.pipedrive.com", "https://", "", "file:///etc"]
)
@pytest.mark.parametrize("sandbox", ["", "http://127.0.0.1:9000"])
def test_an_address_without_plain_host_is_refused(url: str, sandbox: str, settings: Any) -> None:
    settings.SANDBOX_URL = sandbox
    with pytest.raises(AddressRefused):
        CONNECTOR.policy.check(url)


@pytest.mark.parametrize("rest", ["", "/", "/v1", "/api/v2"])
def test_the_sandbox_company_is_kept(rest: str, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9000"
    assert normalise_base_url(f"http://127.0.0.1:9000/pipedrive/acme{rest}") == "http://127.0.0.1:9000/pipedrive/acme"


def test_a_client_for_a_foreign_host_is_never_built(settings: Any) -> None:
    settings.SANDBOX_URL = ""
    with pytest.raises(AddressRefused):
        CONNECTOR.open(Credentials("api_token", "https://evil.example", {"api_token": "x" * 40}), Instrumentation())
