"""Which addresses we call: the vendor's public hosts and nothing else, by name and again by address."""

from __future__ import annotations

import socket

import pytest

from integration import guard
from integration.errors import IntegrationError, TenantActionError
from integration.guard import AddressRefused, HostPolicy
from integration.http import Effect, Transport

POLICY = HostPolicy((".pipedrive.com", "api.maileon.com"))


@pytest.mark.parametrize(
    "url", ["https://acme.pipedrive.com", "https://api.maileon.com/1.0/", "https://a.b.pipedrive.com"]
)
def test_the_vendors_own_hosts_are_accepted(url, settings):
    settings.SANDBOX_URL = ""

    assert POLICY.check(url) == url.rstrip("/")


@pytest.mark.chaos("H8")
@pytest.mark.parametrize(
    "url",
    [
        "http://acme.pipedrive.com", "http://169.254.169.254/", "https://127.0.0.1", "https://[::1]/", "https://0x7f.1",
        "https://2130706433", "file:///etc/passwd", "gopher://acme.pipedrive.com", "https://x@acme.pipedrive.com",
        "https://acme.pipedrive.com.evil.example", "https://evil.example#.pipedrive.com", "https://pipedrive.com.",
        "https://evil.example/.pipedrive.com", "https://acme.pipedrive.com:8443", "https://acme.pipedrive.com\\@evil.example",
        "https://ⓐcme.pipedrive.com", "https://", "", "https://acme.pipedrive.com:x", "https://pipedrive.com",
    ],
)  # fmt: skip
def test_every_other_address_is_refused_at_save(url, settings):
    settings.SANDBOX_URL = ""

    with pytest.raises(AddressRefused):
        POLICY.check(url)


@pytest.mark.chaos("H8")
@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False), ("192.168.1.1", False), ("100.64.0.1", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False), ("::ffff:10.0.0.1", False), ("::ffff:93.184.215.14", False),
        ("::ffff:224.0.0.1", False), ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address, public):
    assert guard.is_public(address) is public


@pytest.mark.chaos("H8")
def test_a_name_that_leads_inside_is_refused_when_the_socket_opens(monkeypatch, settings):
    settings.SANDBOX_URL = ""
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
    transport = Transport("Pipedrive", "https://rebinding.pipedrive.com", POLICY, headers={})

    with pytest.raises(TenantActionError) as refused:
        transport.request("GET", "/", effect=Effect.READ)

    assert refused.value.reason == "address_refused"
    assert "127.0.0.1" not in str(refused.value)


def test_the_sandbox_is_the_one_exception(settings):
    settings.SANDBOX_URL = "http://127.0.0.1:8900"

    assert POLICY.check("http://127.0.0.1:8900/pipedrive/acme")
    with pytest.raises(AddressRefused):
        POLICY.check("http://127.0.0.1:8901/pipedrive/acme")


def answers(*addresses):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]


def refused(call):
    try:
        return call() and False
    except AddressRefused:
        return True


@pytest.mark.parametrize(
    ("found", "inside"), [(["93.184.215.14"], False), (["93.184.215.14", "10.0.0.1"], True), ([], True)]
)
def test_a_name_is_refused_when_any_of_its_addresses_is_inside(monkeypatch, settings, found, inside):
    settings.SANDBOX_URL = ""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: answers(*found))

    assert refused(lambda: guard.checked_address("acme.pipedrive.com", 443)) is inside


def test_the_exception_is_for_the_sandboxs_own_port_alone(settings):
    settings.SANDBOX_URL = "http://127.0.0.1:8900"

    assert guard.checked_address("127.0.0.1", 8900) == "127.0.0.1"
    assert refused(lambda: guard.checked_address("127.0.0.1", 5432))


@pytest.mark.parametrize("tail", ["?x=", "#x", "?"])
def test_an_address_with_more_than_a_path_is_refused(settings, tail):
    settings.SANDBOX_URL = ""

    assert refused(lambda: POLICY.check(f"https://acme.pipedrive.com/{tail}")) is (tail != "?")


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch, settings):
    """A name may answer with another address the next time it is asked."""
    settings.SANDBOX_URL = ""
    asked, reached = [], []

    def find(host, *args, **more):
        if host[0].isdigit():
            return answers(host)
        asked.append(host)
        return answers("127.0.0.1" if len(asked) > 1 else "93.184.215.14")

    monkeypatch.setattr(socket, "getaddrinfo", find)

    def connect(self, address):
        reached.append(address[0])
        raise OSError("not in a test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(IntegrationError):
        Transport("Pipedrive", "https://rebinding.pipedrive.com", POLICY, headers={}).request(
            "POST", "/", effect=Effect.WRITE
        )

    assert set(reached) == {"93.184.215.14"}
