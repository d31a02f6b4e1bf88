"""Links are found by address and by target without looking at all of an integration's links."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integration.engine.flow.base import Item, Record, Write
from integration.engine.records import links
from integration.models import RecordLink, columnar
from integration.secrets import email_hash
from tests.support.factories import IntegrationFactory, LinkFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def integration():
    """With twenty thousand links, of which every second one has an address and a target."""
    row = IntegrationFactory()
    columnar.insert(
        [
            columnar.new(
                RecordLink, integration_id=row.pk, link_type="person", source_id=str(n),
                target_id=f"t{n}" if n % 2 else "", email_hash=email_hash(f"p{n}@example.com") if n % 2 else "",
            )
            for n in range(20_000)
        ]
    )  # fmt: skip
    if connection.vendor == "postgresql":  # it gathers statistics by itself, an SQLite has none
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return row


@pytest.mark.parametrize("count", [1, 40])
def test_by_address(integration, count):
    digests = [email_hash(f"p{n}@example.com") for n in range(count + 1)]
    found = links.of_addresses(integration, "person", ["", *digests])

    assert {row.source_id for row in found} == {str(n) for n in range(count + 1) if n % 2}
    assert "link_by_email" in found.explain()


@pytest.mark.parametrize("count", [1, 40])
def test_by_target(integration, count):
    found = links.of_targets(integration, "person", ["", *(f"t{n}" for n in range(count + 1))])

    assert {row.source_id for row in found} == {str(n) for n in range(count + 1) if n % 2}
    assert "link_by_target" in found.explain()


def test_a_batch_knows_its_links_and_the_first_owner_of_each_address(integration):
    digest = email_hash("p1@example.com")
    more = {"integration": integration, "link_type": "person", "email_hash": digest}
    LinkFactory(**more, source_id="later")
    RecordLink.objects.filter(source_id="3").update(state="removed")
    digests = [email_hash(f"p{key}@example.com") for key in ("1", "2", "3")]

    with CaptureQueriesContext(connection) as asked:
        known = links.of_records(integration, "person", ["1", "3", "new"])
        owners = links.owners(integration, "person", digests)

    for query, index in zip(asked.captured_queries, ("one_link_per_source_record", "link_by_email"), strict=True):
        with connection.cursor() as cursor:
            explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            cursor.execute(f"{explain} {query['sql']}")
            plan = str(cursor.fetchall())
        assert index in plan or "sqlite_autoindex_integration_recordlink_1" in plan, plan
    assert sorted(known) == ["1", "3"]
    assert owners == {digest: "1"}


def test_what_is_remembered_never_overwrites_a_link_that_is_there():
    link = LinkFactory(source_id="8", target_id="t8", notes={"consent": "confirmed"})

    found = links.create_placeholder(link.integration, "person", "8", {"no_seen": True})

    assert found == link
    assert RecordLink.objects.values_list("target_id", "state", "notes").get() == (
        "t8", "active", {"consent": "confirmed"},
    )  # fmt: skip


@pytest.mark.parametrize("state", [None, "removed"])
def test_a_creation_is_announced_with_its_mark_before_it_is_made(state):
    integration = IntegrationFactory()
    link = LinkFactory(integration=integration, source_id="8", state=state) if state else None
    write = Write(Item("8"), "create", {}, Record("8", {}, email="ada@example.com"), link, marker="lockstep:1")

    links.record_intent(integration, "person", [write])

    assert RecordLink.objects.values_list("source_id", "state", "marker", "email_hash").get() == (
        "8", "pending", "lockstep:1", email_hash("ada@example.com"),
    )  # fmt: skip
