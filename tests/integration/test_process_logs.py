"""The lines of the process logs: what they are about, and what they never show."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest
from structlog.contextvars import bound_contextvars

from config.logs import formatter
from integration.engine.sync import router, runner
from integration.models import EventState
from tests.support.factories import EventFactory, IntegrationFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

SECRET = "k3y-nobody-may-read"  # noqa: S105 (made up)


def line(record: logging.LogRecord) -> str:
    return formatter().format(record)


def failed() -> logging.LogRecord:
    key = SECRET
    try:
        raise ValueError(len(key))
    except ValueError:
        return logging.LogRecord("integration.x", logging.ERROR, "x.py", 1, "It %s.", ("broke",), sys.exc_info())


def test_a_line_has_time_level_logger_and_what_it_is_about() -> None:
    with bound_contextvars(tenant="t1", integration="i1", job_id=7, event_id=8):
        text = line(logging.LogRecord("integration.x", logging.WARNING, "x.py", 1, "Said %s.", ("so",), None))

    assert text.split()[0].endswith("Z")
    for part in ("[warning] Said so.", "[integration.x]", "tenant=t1", "integration=i1", "job_id=7", "event_id=8"):
        assert part in text


def test_a_traceback_shows_no_values() -> None:
    text = line(failed())
    assert "ValueError: 19" in text
    assert SECRET not in text


@pytest.mark.django_db
def test_an_event_that_breaks_the_router_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    integration = IntegrationFactory(state="active")
    event = EventFactory(connection=integration.left, vendor_event="person.change", state=EventState.NEW)
    flow = FakeFlow()
    flow.route = lambda ctx, event: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    lines: list[str] = []
    monkeypatch.setattr(caplog.handler, "emit", lambda record: lines.append(line(record)))

    router.route_new_events(recipes_with(flow))

    about = (f"tenant={integration.tenant_id}", f"integration={integration.pk}", f"event_id={event.pk}")
    told = next(text for text in lines if "could not be routed" in text)
    assert [part for part in about if part not in told] == []


@pytest.mark.django_db
def test_a_slice_of_work_names_its_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    integration = IntegrationFactory(state="active")
    seen: list[str] = []

    def step(ctx: SimpleNamespace) -> bool:
        seen.append(line(logging.LogRecord("x", logging.INFO, "x.py", 1, "Working.", (), None)))
        return False

    monkeypatch.setattr(runner.runs, "step", step)
    runner.run(str(integration.pk), recipes_with(FakeFlow()))

    assert f"integration={integration.pk}" in seen[0]
    assert f"tenant={integration.tenant_id}" in seen[0]
