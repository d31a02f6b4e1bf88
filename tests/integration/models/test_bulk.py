"""Rows inserted by the column are the rows `bulk_create` would have made."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.forms import model_to_dict
from django.utils import timezone

from integration.models import (
    Connection,
    ConsentEntry,
    IdentityIndex,
    RecordLink,
    SyncLog,
    SyncRun,
    WebhookEvent,
    columnar,
    membership,
)
from tests.support.factories import EndpointFactory, IntegrationFactory

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
ODD = {"text": 'ä "quoted" \\ \u2028 ’ 😀\n', "none": None, "deep": [{"a": [1, 2.5, True, None]}], "empty": {}}


def log(integration, source_id, **more):
    return SyncLog(
        integration=integration, flow="person_to_contact", source_id=str(source_id), outcome="synced",
        detail=ODD["text"], changes=ODD, created_at=MOMENT, **more,
    )  # fmt: skip


@pytest.mark.parametrize("model", [SyncLog, RecordLink, WebhookEvent, IdentityIndex, ConsentEntry])
def test_a_new_row_is_what_the_constructor_makes(model):
    times = {field.attname: MOMENT for field in model._meta.fields if field.default is timezone.now}
    row, known = (vars(made) for made in (columnar.new(model, **times), model(**times)))

    assert vars(row.pop("_state")) == vars(known.pop("_state"))
    assert row == known
    assert all(vars(columnar.new(model))[name] > MOMENT for name in times)
    assert columnar.new(RecordLink).notes is not columnar.new(RecordLink).notes
    assert columnar.new(RecordLink, source_id="7", notes={"a": 1}).notes == {"a": 1}


def test_a_new_row_has_no_columns_but_its_models():
    with pytest.raises(TypeError, match="RecordLink has no integration, sorce_id"):
        columnar.new(RecordLink, integration=1, sorce_id="7")


@pytest.mark.django_db
def test_a_new_row_can_be_saved_and_follows_its_keys():
    integration = IntegrationFactory()
    link = columnar.new(RecordLink, integration_id=integration.pk, link_type="x", source_id="7")

    assert link.integration == integration
    link.save()
    assert RecordLink.objects.get().source_id == "7"


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 2, 700])
def test_every_kind_of_column_reads_back_as_it_was(count):
    integration = IntegrationFactory()
    run = SyncRun.objects.create(integration=integration, kind="poll", flow="f")

    columnar.insert([log(integration, n, run=run if n % 2 else None) for n in range(count)])
    SyncLog.objects.bulk_create([log(integration, n, run=run if n % 2 else None) for n in range(count)])

    rows = list(SyncLog.objects.order_by("id"))
    ours, theirs = rows[:count], rows[count:]
    assert len(theirs) == count
    for mine, other in zip(ours, theirs, strict=True):
        assert model_to_dict(mine, exclude=["id"]) == model_to_dict(other, exclude=["id"])
        assert mine.created_at == MOMENT
        assert mine.changes == ODD


@pytest.mark.django_db
def test_nothing_to_insert_asks_the_database_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        columnar.insert([])


@pytest.mark.django_db
def test_a_row_that_is_there_gets_the_new_values_of_the_named_fields_only():
    integration = IntegrationFactory()
    key = {"integration": integration, "link_type": "person", "source_id": "1"}
    old = RecordLink.objects.create(**key, target_id="a", marker="kept", notes={"was": 1})

    columnar.insert(
        [
            RecordLink(**key, target_id="b", marker="not taken", notes={"is": [2]}, source_version=MOMENT),
            RecordLink(**{**key, "source_id": "2"}, target_id="c"),
        ],
        unique=("integration", "link_type", "source_id"),
        update=("target_id", "notes", "source_version"),
    )

    first, second = RecordLink.objects.order_by("source_id")
    assert (first.pk, first.target_id, first.marker, first.notes) == (old.pk, "b", "kept", {"is": [2]})
    assert (first.source_version, first.created_at) == (MOMENT, old.created_at)
    assert (second.target_id, second.notes, second.source_version) == ("c", {}, None)


@pytest.mark.django_db
def test_without_fields_to_update_a_row_that_is_there_stays():
    door = EndpointFactory()
    event = {"connection": door.connection, "vendor_event": "person.change", "object_type": "person"}
    WebhookEvent.objects.create(**event, dedupe_key="1", payload={"first": True})
    before = timezone.now()

    columnar.insert(
        [WebhookEvent(**event, dedupe_key=key, payload={"first": False}) for key in ("1", "2", "2")],
        unique=("connection", "dedupe_key"),
    )

    first, second = WebhookEvent.objects.order_by("dedupe_key")
    assert first.payload == {"first": True}
    assert second.payload == {"first": False}
    assert before <= second.received_at <= timezone.now()
    assert second.deferred is False


@pytest.mark.django_db(transaction=True)
def test_all_or_none():
    integration = IntegrationFactory()
    same = IdentityIndex(connection=integration.left, object_type="person", email_hash="0" * 32, external_id="1")
    other = IdentityIndex(connection=integration.left, object_type="person", email_hash="1" * 32, external_id="2")

    with pytest.raises(IntegrityError):
        columnar.insert([other, same, same])

    assert not IdentityIndex.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_time_without_its_zone_is_refused():
    if connection.vendor == "postgresql":
        pytest.skip("the document says the time as text, which the database reads in its own zone, UTC")
    with pytest.raises(ValueError, match="has no time zone"):
        columnar.insert([SyncLog(integration=IntegrationFactory(), flow="f", created_at=MOMENT.replace(tzinfo=None))])


@pytest.mark.django_db(transaction=True)
def test_too_long_a_text_is_refused_and_not_cut():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's columns have no length")
    with pytest.raises(DataError, match="too long"):
        columnar.insert([log(IntegrationFactory(), "x" * 201)])
    assert not SyncLog.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_stored_is_refused_and_an_outer_transaction_knows_it():
    integration = IntegrationFactory()
    bad = IdentityIndex(connection=integration.left, object_type="person", email_hash=None, external_id="1")

    with transaction.atomic():
        with pytest.raises(IntegrityError):
            columnar.insert([bad])
        with pytest.raises(TransactionManagementError):
            IdentityIndex.objects.exists()


def test_a_kind_of_field_that_is_not_known_is_refused():
    """An encrypted one, say, which must never be stored as it is."""
    with pytest.raises(TypeError, match="EncryptedJSONField"):
        columnar.insert([Connection(credentials={"api_token": "secret"})])


@pytest.mark.django_db
def test_many_texts_are_one_value_of_a_query(django_assert_num_queries):
    integration = IntegrationFactory()
    asked = [f"{n}" for n in range(3_000)] + ["ä'\"\\%s", ""]
    columnar.insert([log(integration, source_id) for source_id in (*asked[-5:], "4000")])

    with django_assert_num_queries(1) as asking:
        found = membership.among(SyncLog.objects.filter(flow="person_to_contact"), "source_id", asked)
        assert sorted(found.values_list("source_id", flat=True)) == sorted(asked[-5:])

    assert len(asking.captured_queries[0]["sql"]) < 40_000, "the values are written one by one"
    assert not membership.among(SyncLog.objects.all(), "source_id", []).exists()


@pytest.mark.django_db
def test_no_row_holds_a_nul_and_asking_for_one_is_no_error():
    columnar.insert([log(IntegrationFactory(), "7")])

    assert [row.source_id for row in membership.among(SyncLog.objects.all(), "source_id", ["a\0b", "7"])] == ["7"]


@pytest.mark.django_db
def test_rows_are_loaded_as_a_query_would_make_them(django_assert_num_queries):
    integration = IntegrationFactory()
    key = {"integration": integration, "link_type": "person"}
    RecordLink.objects.create(**key, source_id="1", written=ODD, notes={"a": None}, source_version=MOMENT)
    RecordLink.objects.create(**key, source_id="2", state="removed")
    asked = RecordLink.objects.order_by("pk")

    with django_assert_num_queries(1):
        ours = columnar.load(membership.among(asked, "source_id", ["1", "2", "3"]))

    assert [vars(row) | {"_state": None} for row in ours] == [vars(row) | {"_state": None} for row in asked]
    assert [(row._state.adding, row._state.db) for row in ours] == [(row._state.adding, row._state.db) for row in asked]
    ours[0].target_id = "7"
    ours[0].save()
    assert RecordLink.objects.get(source_id="1").target_id == "7"
    assert columnar.load(asked.filter(source_id="3")) == []
    assert columnar.load(asked.filter(pk__in=[])) == []


@pytest.mark.django_db
def test_every_kind_of_column_is_loaded():
    door = EndpointFactory()
    WebhookEvent.objects.create(
        connection=door.connection, vendor_event="x", dedupe_key="1", payload=ODD, deferred=True
    )
    log(IntegrationFactory(), "1").save()

    for model in (WebhookEvent, SyncLog):
        (mine,), (other,) = columnar.load(model.objects.all()), model.objects.all()
        assert vars(mine) | {"_state": None} == vars(other) | {"_state": None}


def test_a_kind_of_field_that_is_not_known_is_not_loaded():
    with pytest.raises(TypeError, match="EncryptedJSONField"):
        columnar.load(Connection.objects.all())


@pytest.mark.django_db(transaction=True)
def test_of_many_rows_all_are_stored_or_none():
    row = IntegrationFactory()
    rows = [log(row, number) for number in range(500)]
    rows[-1].outcome = None

    with pytest.raises(IntegrityError):
        columnar.insert(rows)

    assert not SyncLog.objects.exists()
