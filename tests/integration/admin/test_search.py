"""Finding a row among millions: by the hash of an address or an exact id, on an index, without counting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integration.admin.core import search
from integration.admin.core.base import LookaheadPaginator
from integration.models import Drift, RecordLink, SyncJob, SyncLog, WebhookEvent
from tests.integration.admin.conftest import ADA
from tests.support import factories

BIG = ("webhookevent", "syncjob", "synclog", "recordlink", "drift")
ALL_BIG = (*BIG, "syncrun", "vendorcall")
INDEXES = {
    (WebhookEvent, ADA): ("event_by_email",),
    (WebhookEvent, "42"): ("event_by_record", "PRIMARY KEY"),
    (SyncLog, ADA): ("log_by_email",),
    (SyncLog, "42"): ("log_by_source", "log_by_target"),
    (RecordLink, ADA): ("link_by_email",),
    (RecordLink, "42"): ("link_type=? AND source_id=?", "link_by_target"),
    (Drift, ADA): ("drift_by_email",),
    (Drift, "42"): ("flow=? AND source_id=?", "flow=? AND source_id=? AND target_id=?"),
    (SyncJob, "42"): ("flow=? AND external_id=?",),
}


def listed(console: Client, name: str, **query: str) -> list[Any]:
    page = console.get(reverse(f"admin:integration_{name}_changelist"), query)
    assert page.status_code == 200
    return [row.pk for row in page.context["cl"].result_list]


@pytest.mark.parametrize("name", BIG)
@pytest.mark.parametrize("typed", [ADA, " ADA@example.com ", "42"])
def test_a_record_is_found_by_address_and_id(console: Client, rows: Any, name: str, typed: str) -> None:
    wanted = {"webhookevent": rows.event, "syncjob": rows.job, "synclog": rows.log, "recordlink": rows.link,
              "drift": rows.drift}[name]  # fmt: skip
    assert listed(console, name, q=typed) == [wanted.pk]


@pytest.mark.chaos("H15")
@pytest.mark.parametrize("name", BIG)
@pytest.mark.parametrize("typed", ["grace@example.com", "4", "ada", "%"])
def test_parts_and_strangers_find_nothing(console: Client, rows: Any, name: str, typed: str) -> None:
    assert rows.event.pk != 4
    assert listed(console, name, q=typed) == []


def test_target_ids_find_log_and_link(console: Client, rows: Any) -> None:
    assert listed(console, "synclog", q="9001-42") == [rows.log.pk]
    assert listed(console, "recordlink", q="9001-42") == [rows.link.pk]
    assert listed(console, "drift", q="9001-42") == [rows.drift.pk]


def test_an_event_is_found_by_its_number(console: Client, rows: Any) -> None:
    assert listed(console, "webhookevent", q=f"#{rows.event.pk}") == [rows.event.pk]


@pytest.mark.parametrize("name", ALL_BIG)
def test_big_lists_read_one_page_in_the_order_of_the_key_and_never_count(console: Client, rows: Any, name: str) -> None:
    table = f"integration_{name}"
    with CaptureQueriesContext(connection) as queries:
        listed(console, name, **({"q": "42"} if name in BIG else {}))
        listed(console, name)
    texts = [query["sql"] for query in queries.captured_queries if table in query["sql"]]
    assert texts
    assert not any("COUNT(" in text.upper() for text in texts)
    assert not any(" LIKE " in text.upper() for text in texts)
    first_page = texts[-1]
    assert "LIMIT 51" in first_page
    assert f'ORDER BY "{table}"."id" DESC' in first_page


@pytest.mark.chaos("H15")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
@pytest.mark.parametrize(("model", "typed"), INDEXES)
def test_searches_use_their_index(db: None, model: Any, typed: str) -> None:
    plans = []
    for condition in search.LOOK_UPS[model](search.Term(typed)):
        plans.append(model.objects.filter(condition).order_by("-id")[:500].explain())
    for plan, index in zip(plans, INDEXES[model, typed], strict=True):
        line = next(line for line in plan.splitlines() if f"integration_{model._meta.model_name}" in line)
        assert index in line, plan
        assert "SCAN" not in line, plan


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
@pytest.mark.parametrize(("state", "index"), [("waiting", "job_waiting"), ("held", "job_unfinished"),
                                              ("dead", "job_unfinished")])  # fmt: skip
def test_states_of_jobs_use_their_index(db: None, state: str, index: str) -> None:
    from integration.admin.lists.job import in_state

    plan = in_state(SyncJob.objects.all(), state).order_by().values("pk").explain()
    line = next(line for line in plan.splitlines() if "integration_syncjob" in line)
    assert index in line, plan


def test_pages_go_on_without_a_count(console: Client, rows: Any) -> None:
    factories.LogFactory.create_batch(120, integration=rows.integration)
    seen: list[int] = []
    for number in ("1", "2", "3"):
        page = console.get(reverse("admin:integration_synclog_changelist"), {"p": number})
        seen += [row.pk for row in page.context["cl"].result_list]
        assert ('rel="next"' in page.content.decode()) == (number != "3")
    assert len(seen) == len(set(seen)) == 121
    assert seen == sorted(seen, reverse=True)
    assert "9999999999" not in page.content.decode()


def test_a_page_beyond_the_last_is_empty(console: Client, rows: Any) -> None:
    assert listed(console, "synclog", p="900") == []


@pytest.mark.chaos("H15")
def test_the_paginator_knows_whether_more_follows(db: None) -> None:
    paginator = LookaheadPaginator(list(range(5)), 2)
    assert (list(paginator.page(1)), paginator.page(1).has_next()) == ([0, 1], True)
    assert (list(paginator.page(3)), paginator.page(3).has_next()) == ([4], False)


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("synclog", {"since": "24h"}, 1), ("synclog", {"outcome__exact": "failed"}, 1),
        ("synclog", {"outcome__exact": "synced"}, 0), ("synclog", {"reason": "record_refused"}, 1),
        ("synclog", {"flow": "deal_to_event"}, 0), ("syncjob", {"state": "dead"}, 1), ("syncjob", {"state": "held"}, 0),
        ("webhookevent", {"since": "1h", "state__exact": "routed"}, 1), ("vendorcall", {"answer": "refused"}, 1),
        ("vendorcall", {"answer": "ok"}, 0), ("vendorcall", {"since": "7d"}, 1), ("synclog", {"since": "century"}, 1),
    ],
)  # fmt: skip
def test_filters(console: Client, rows: Any, name: str, query: dict[str, str], expected: int) -> None:
    assert len(listed(console, name, **query)) == expected


def test_old_rows_are_not_of_the_last_day(console: Client, rows: Any) -> None:
    SyncLog.objects.update(created_at=timezone.now() - timedelta(days=3))
    assert listed(console, "synclog", since="24h") == []
    assert listed(console, "synclog", since="7d") == [rows.log.pk]


def test_filters_by_integration_and_run(console: Client, rows: Any) -> None:
    other = factories.LogFactory()
    assert listed(console, "synclog", integration=str(rows.integration.pk)) == [rows.log.pk]
    assert listed(console, "synclog", integration=str(other.integration_id)) == [other.pk]
    assert listed(console, "synclog", run=str(rows.run.pk)) == [rows.log.pk]
