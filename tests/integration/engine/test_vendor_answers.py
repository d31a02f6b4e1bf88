"""What calls tell of their vendor: down at the second that brings no answer, up again with the first that does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from integration.engine.clients import connection_health, vendor_answers
from integration.errors import TransientError
from integration.http import Exchange
from integration.models import Connection
from tests.support.factories import ConnectionFactory, IntegrationFactory

pytestmark = pytest.mark.django_db


def call(connection, status):
    vendor_answers.note(connection, Exchange("GET", "/x", status, 5, "", ""))


def fresh(connection):
    return Connection.objects.get(pk=connection.pk)


@pytest.mark.chaos("V3")
@pytest.mark.parametrize("status", [0, 500, 503])
def test_down_at_the_second_call_without_an_answer(status):
    connection = ConnectionFactory()
    call(connection, status)
    assert not vendor_answers.is_down(fresh(connection))
    call(fresh(connection), status)

    row = fresh(connection)

    assert vendor_answers.is_down(row)
    assert timezone.now() - row.failing_since < timedelta(seconds=5)


def test_the_first_answer_ends_it_also_for_a_process_that_did_not_see_the_failures():
    connection = ConnectionFactory(last_answer_at=None)
    unaware = fresh(connection)
    for _ in range(3):
        call(connection, 0)
    call(unaware, 200)
    row = fresh(connection)
    assert (row.unanswered, row.failing_since) == (0, None)
    assert row.last_answer_at is not None


@pytest.mark.parametrize(("status", "good"), [(200, True), (404, True), (422, True), (401, False), (429, False)])
def test_a_refused_record_is_an_answer_and_a_closed_door_is_none(status, good):
    connection = ConnectionFactory(last_answer_at=None)
    call(connection, status)
    assert (fresh(connection).last_answer_at is not None) == good


def test_answers_are_noted_every_few_seconds_only(django_assert_num_queries):
    connection = ConnectionFactory(last_answer_at=timezone.now())
    with django_assert_num_queries(0):
        for _ in range(20):
            call(connection, 200)
    connection.last_answer_at = timezone.now() - timedelta(seconds=11)
    call(connection, 200)
    assert timezone.now() - fresh(connection).last_answer_at < timedelta(seconds=5)


def test_answers_that_are_of_no_use_do_not_end_it_but_a_batch_does():
    integration = IntegrationFactory()
    for _ in range(2):
        connection_health.note_error(integration.right, TransientError("Odd."))
    call(integration.right, 200)
    assert vendor_answers.is_down(fresh(integration.right))
    assert fresh(integration.right).failing_since is not None

    connection_health.worked(integration)

    row = fresh(integration.right)
    assert (row.failures, row.failing_since, vendor_answers.is_down(row)) == (0, None, False)


def test_a_batch_says_nothing_of_a_vendor_that_was_not_asked():
    integration = IntegrationFactory()
    for _ in range(2):
        call(integration.right, 0)
        connection_health.note_error(integration.right, TransientError("No answer."))
    connection_health.worked(integration)
    assert fresh(integration.right).failures == 2


def test_a_database_that_cannot_take_it_spoils_no_call(monkeypatch, caplog):
    def fails(*args, **kwargs):
        raise DatabaseError("locked")

    connection = ConnectionFactory(last_answer_at=None)
    monkeypatch.setattr(vendor_answers.transaction, "atomic", fails)
    call(connection, 200)
    assert "was not noted" in caplog.text
