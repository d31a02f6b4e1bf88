"""A limit stops what needs it, a 401 is answered by one fresh token, and the vendor's clock counts."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integration.connectors.pipedrive import oauth
from integration.engine.clients import connection_health, tokens, vendor_answers
from integration.engine.clients.rate_limits import ConnectionMeter
from integration.engine.sync import runner
from integration.errors import AuthError, GaveWay, RateLimited
from integration.http import Exchange, LimitStatus
from integration.models import Connection, RateBudget, SyncJob
from integration.reasons import Reason
from tests.support.factories import ConnectionFactory, IntegrationFactory, JobFactory
from tests.support.fake_recipe import FakeFlow, recipes_with

pytestmark = pytest.mark.django_db(transaction=True)


def used_up(connection, window, remaining, limit, cost=1.0, **how):
    meter = ConnectionMeter(connection, **how)
    meter.after([LimitStatus(window, remaining, limit, None)])
    with pytest.raises(RateLimited) as caught:
        ConnectionMeter(connection, **how).before((window,), cost)
    return caught.value


def is_allowed(meter, window, cost):
    try:
        meter.before((window,), cost)
    except RateLimited:
        return False
    return True


@pytest.mark.chaos("E4")
def test_a_window_that_only_some_calls_need_pauses_only_these():
    connection = ConnectionFactory(vendor="brevo")

    assert connection_health.note_error(connection, used_up(connection, "other", 0, 100)) == "wait"

    connection.refresh_from_db()
    assert connection.not_before is None
    assert is_allowed(ConnectionMeter(connection), "contacts", 1)


@pytest.mark.chaos("E4")
def test_a_day_whose_end_nobody_told_is_asked_about_again_within_the_hour():
    connection = ConnectionFactory()

    error = used_up(connection, "day", 6000, 30_000, 10)
    assert 0 < error.retry_after <= 3600

    RateBudget.objects.update(resets_at=timezone.now() - timedelta(seconds=1))
    assert is_allowed(ConnectionMeter(connection), "day", 10), "its answer says what is left"


@pytest.mark.chaos("E4")
def test_an_opt_out_may_use_what_is_left_for_the_customer():
    integration = IntegrationFactory()
    error = used_up(integration.left, "day", 6000, 30_000, 10)
    assert error.only_reserve
    connection_health.note_error(integration.left, error)
    assert not is_allowed(ConnectionMeter(integration.left), "day", 10)
    assert is_allowed(ConnectionMeter(integration.left, uses_reserve=lambda: True), "day", 10)

    urgent = FakeFlow(key="opt_outs", urgent=True, source={"1": {"name": "x"}})
    other = FakeFlow(source={"1": {"name": "x"}})
    for flow in (urgent, other):
        JobFactory(integration=integration, flow=flow.key, external_id="1")
    runner.run(str(integration.pk), recipes_with(urgent, other))

    assert dict(SyncJob.objects.values_list("flow", "state")) == {"opt_outs": "done", "person_to_contact": "waiting"}


@pytest.mark.chaos("E4")
def test_what_the_vendor_refuses_outright_stops_opt_outs_too():
    integration = IntegrationFactory()
    connection_health.note_error(integration.left, RateLimited("slow down", retry_after=60.0))
    urgent = FakeFlow(key="opt_outs", urgent=True, source={"1": {"name": "x"}})
    JobFactory(integration=integration, flow=urgent.key, external_id="1")

    assert runner.run(str(integration.pk), recipes_with(urgent)) == "waiting"
    assert urgent.target == {}


@pytest.fixture
def granted(settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": "app", "client_secret": "app-secret"}}
    return ConnectionFactory(
        auth_kind="oauth", credentials={"access_token": "old", "refresh_token": "r1"},
        credentials_changed_at=timezone.now() - timedelta(minutes=30),
        token_expires_at=timezone.now() + timedelta(minutes=30),
    )  # fmt: skip


def fresh(access="new"):
    from integration.connectors.base import Tokens

    return Tokens(access, "r2", timezone.now() + timedelta(hours=1), "https://acme.pipedrive.com", "base")


@pytest.mark.chaos("E3")
def test_all_who_meet_the_same_401_get_the_token_that_one_of_them_renewed(granted, monkeypatch):
    used, got = [], []

    def refresh(client_id, client_secret, token):
        used.append(token)
        threading.Event().wait(0.5)
        return fresh()

    monkeypatch.setattr(oauth, "refresh", refresh)

    def worker():
        try:
            got.append(tokens.after_refusal(Connection.objects.get(), "old"))
        finally:
            database.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (used, got) == (["r1"], ["new"] * 4)


@pytest.mark.chaos("E3")
def test_a_token_that_is_refused_young_was_not_refused_for_its_age(granted, monkeypatch):
    monkeypatch.setattr(oauth, "refresh", lambda *args: fresh())
    assert tokens.after_refusal(granted, "old") == "new"

    assert tokens.after_refusal(granted, "new") is None
    assert connection_health.note_error(granted, AuthError("401")) == "hold"


@pytest.mark.chaos("E3")
def test_a_refusal_that_cannot_be_cured_asks_for_a_person(granted, monkeypatch):
    def refused(*args):
        raise AuthError("the grant is gone")

    monkeypatch.setattr(oauth, "refresh", refused)

    assert tokens.after_refusal(granted, "old") is None
    assert connection_health.note_error(granted, AuthError("401")) == "hold"
    granted.refresh_from_db()
    assert granted.health == "needs_you"


@pytest.mark.chaos("E5")
def test_the_vendors_clock_is_learned_from_its_answers():
    connection = ConnectionFactory()
    now = timezone.now()

    vendor_answers.note(connection, Exchange("GET", "/", 200, 5, "", "", skew=300.0))
    assert Connection.objects.get(pk=connection.pk).their_time(now) == now - timedelta(minutes=5)

    vendor_answers.note(connection, Exchange("GET", "/", 200, 5, "", "", skew=1.2))
    assert Connection.objects.get(pk=connection.pk).their_time(now) == now


@pytest.mark.chaos("E4")
def test_who_finds_the_budget_used_by_another_worker_learns_what_is_left():
    """A slice knows its rows from its beginning. What others have used since may leave the customer's share alone."""
    connection = ConnectionFactory()
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("day", 7000, 30_000, None)])
    RateBudget.objects.update(remaining=6000)

    with pytest.raises(RateLimited) as caught:
        meter.before(("day",), 10)

    assert caught.value.only_reserve


def test_that_others_are_at_work_first_is_no_word_about_the_connection():
    connection = ConnectionFactory(not_before=timezone.now() + timedelta(hours=1))

    assert connection_health.note_error(connection, GaveWay()) == "wait"

    assert Connection.objects.get().not_before == connection.not_before


def test_what_a_switched_off_part_left_behind_goes_on_with_that_part_alone():
    integration = IntegrationFactory()
    for flow in ("on", "off"):
        JobFactory(integration=integration, flow=flow, state="held", reason="flow_off")

    assert connection_health.release_held(integration) == 0
    assert connection_health.release_held(integration, reason=Reason.FLOW_OFF, flows=["on"]) == 1
    assert dict(SyncJob.objects.values_list("flow", "state")) == {"on": "waiting", "off": "held"}
