"""Erasure and export over every kind of row, of one tenant alone, and careful where the source cannot be asked."""

from __future__ import annotations

import pytest

from integration.engine.flow.base import Record
from integration.engine.privacy import personal_data
from integration.errors import TransientError
from integration.models import ConsentEntry, IdentityIndex, RecordLink, SyncJob, SyncLog, SyncRun
from integration.secrets import email_hash
from tests.support.factories import (
    EventFactory,
    IntegrationFactory,
    JobFactory,
    LinkFactory,
    LogFactory,
    RunFactory,
)
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db
ADA, DIGEST = "ada@example.com", email_hash("ada@example.com")


@pytest.fixture
def integration():
    return IntegrationFactory()


@pytest.fixture
def link(integration):
    return LinkFactory(
        integration=integration, source_id="8", email_hash=DIGEST, notes={"consent": "unsubscribed"},
        written={"email": ADA, "FULLNAME": "Ada Lovelace"}, written_hash="x",
    )  # fmt: skip


def erase(integration, flow=None):
    return personal_data.erase(integration.tenant, ADA, recipes_with(flow or FakeFlow()))


def said(integration, **values):
    row = {"source_id": "8", "became": "unsubscribed", "vendor": "maileon", "cause": "unsubscription"}
    return ConsentEntry.objects.create(integration=integration, email_hash=DIGEST, **{**row, **values})


def test_no_detail_and_no_value_stays_in_the_log(integration, link):
    LogFactory(
        integration=integration, source_id="8", email_hash=DIGEST, outcome="failed",
        detail="phone: “Ada 0151” is no number", changes={"FULLNAME": [None, "Ada Lovelace"]},
    )  # fmt: skip

    erase(integration)

    row = SyncLog.objects.get()
    assert (row.detail, row.changes, row.email_hash) == ("", {}, "")
    assert (row.source_id, row.outcome) == ("8", "failed")


def test_no_name_stays_in_the_report_of_a_dry_run(integration, link):
    ada = {"id": "8", "name": "Ada Lovelace", "values": {"FULLNAME": "Ada Lovelace"}}
    zora = {"id": "9", "name": "Zora Hurston", "values": {}}
    RunFactory(integration=integration, dry_run=True, samples={"create": [ada, zora], "update": [ada]})
    RunFactory(samples={"create": [ada]}, flow="x")  # another's record with the same number

    report = erase(integration)

    assert SyncRun.objects.get(integration=integration).samples == {"create": [zora], "update": []}
    assert SyncRun.objects.exclude(integration=integration).get().samples == {"create": [ada]}
    assert "1 dry-run report emptied of this person." in report


def test_who_may_be_there_still_keeps_what_an_opt_out_needs_while_the_source_does_not_answer(integration, link):
    class Unreachable(FakeFlow):
        def read(self, ctx, items):
            raise TransientError("down")

    erase(integration, Unreachable())

    kept = list(RecordLink.objects.values_list("source_id", "notes", "written"))
    assert kept == [("8", {"consent": "unsubscribed"}, {"email": ADA})]


def test_who_is_gone_at_the_source_is_forgotten(integration, link):
    erase(integration, FakeFlow(source={}))

    assert not RecordLink.objects.exists()


def test_who_is_still_there_is_kept_bare(integration, link):
    class There(FakeFlow):
        def read(self, ctx, items):
            return {"8": Record("8", {}, email=ADA)}

    report = erase(integration, There())

    assert RecordLink.objects.get().written == {"email": ADA}
    assert any("We kept IDs" in line for line in report)


def test_an_erasure_removes_no_proof_of_consent(integration, link):
    said(integration)

    erase(integration, FakeFlow(source={}))

    assert ConsentEntry.objects.count() == 1


def test_an_export_shows_no_consent_entry_of_another_tenant(integration, link):
    mine, theirs = said(integration), said(IntegrationFactory(), cause="of another tenant")
    sister = said(IntegrationFactory(tenant=integration.tenant), source_id="77")

    found = personal_data.export(integration.tenant, ADA, recipes_with(FakeFlow()))

    assert [row["id"] for row in found["consent"]] == [sister.source_id, mine.source_id]
    assert theirs.cause not in str(found)


def test_an_erasure_leaves_alone_whose_second_address_it_is(integration, link):
    other = LinkFactory(
        integration=integration, source_id="9", email_hash="another", written={"email": "zora@example.com", "X": "Zora"}
    )
    IdentityIndex.objects.create(
        connection=integration.left, object_type="person", email_hash=DIGEST, external_id="9", is_primary=False
    )

    erase(integration, FakeFlow(source={}))

    assert list(RecordLink.objects.values_list("pk", "written")) == [(other.pk, other.written)]


def test_an_erasure_loses_no_change_that_has_just_come_in(integration, link):
    new = EventFactory(connection=integration.left, external_id="8", payload={"deleted": True})
    old = EventFactory(connection=integration.left, external_id="8", payload={"name": "Ada"}, state="routed")

    report = erase(integration, FakeFlow(source={}))

    new.refresh_from_db()
    old.refresh_from_db()
    assert (new.payload, old.payload) == ({"deleted": True}, {})
    assert any(line.startswith("1 change of this person has just come in") for line in report)


def test_an_erasure_loses_no_change_that_waits(integration, link):
    JobFactory(integration=integration, external_id="8", hint={"deleted": True})

    erase(integration, FakeFlow(source={}))

    assert list(SyncJob.objects.values_list("state", "hint")) == [("waiting", {"deleted": True})]


def test_whose_deletion_waits_is_still_known_to_the_target(integration, link):
    JobFactory(integration=integration, external_id="8", hint={"deleted": True})

    erase(integration, FakeFlow(source={}))

    assert list(RecordLink.objects.values_list("source_id", "written")) == [("8", {"email": ADA})]
