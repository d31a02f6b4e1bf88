"""The client's address: which entry of X-Forwarded-For counts, and that nobody can write it."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from tenants.address import UNKNOWN, client_address, network, place

PROXY = "10.0.0.1"


def address(proxies, header, settings, direct=PROXY):
    settings.TRUSTED_PROXIES = proxies
    more = {} if header is None else {"HTTP_X_FORWARDED_FOR": header}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=direct, **more))


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, None, PROXY),
        (0, "203.0.113.9", PROXY),  # nobody we know wrote it
        (0, "203.0.113.9, 198.51.100.7", PROXY),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # forged from the left
        (1, "1.1.1.1,2.2.2.2,3.3.3.3,203.0.113.9", "203.0.113.9"),
        (1, "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "<script>, 203.0.113.9", "203.0.113.9"),
        (1, "8.8.8.8, 192.168.1.20", "192.168.1.20"),  # an address inside is an address
        (1, "8.8.8.8, 127.0.0.1", "127.0.0.1"),
        (2, "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "203.0.113.9", PROXY),  # too few: it did not come through both
        (3, "203.0.113.9, 198.51.100.7", PROXY),
        (1, None, PROXY),
        (1, "", PROXY),
        (1, " , ", PROXY),
        (1, "unknown", PROXY),
        (1, "8.8.8.8, unknown", PROXY),  # what our proxy wrote is no address: not the one before it
        (1, "8.8.8.8, ", PROXY),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, "[2001:db8::7]:51234", "2001:db8::7"),
        (1, "2001:DB8:0:0::7", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (2, "2001:db8::7, 10.0.0.2:443", "2001:db8::7"),
    ],
)
def test_the_entry_that_counts(proxies, header, expected, settings):
    assert address(proxies, header, settings) == expected


def test_without_an_address_there_is_none(settings):
    assert address(0, None, settings, direct="") is None
    assert place(None) == network("nonsense") == UNKNOWN


def test_axes_has_the_same_rule(settings):
    from axes.helpers import get_client_ip_address

    settings.TRUSTED_PROXIES = 1
    request = RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.9")
    assert get_client_ip_address(request) == "203.0.113.9"


def test_places_and_networks():
    assert place("203.0.113.9") == "203.0.113.9/32"
    assert network("203.0.113.9") == network("203.0.113.200") != network("203.0.114.9")
    assert place("2001:db8:0:1::1") == place("2001:db8:0:1:ffff::9") != place("2001:db8:0:2::1")
    assert network("2001:db8:0:1::1") == network("2001:db8:0:2::1") != network("2001:db8:1:1::1")
    assert place("fe80::1%eth0") == place("fe80::2")


def test_a_client_of_ipv4_at_a_socket_for_both_kinds_is_a_place_of_its_own():
    assert place("::ffff:203.0.113.9") == place("203.0.113.9")
    assert network("::ffff:203.0.113.9") == network("203.0.113.9")
    assert place("::ffff:203.0.113.9") != place("::ffff:203.0.113.10")
