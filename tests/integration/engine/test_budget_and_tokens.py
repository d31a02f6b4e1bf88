"""Rate budgets shared by all workers, and OAuth tokens renewed by one worker at a time."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from integration.connectors.pipedrive import oauth
from integration.engine.clients import connection_health, tokens
from integration.engine.clients.rate_limits import ConnectionMeter
from integration.engine.clients.session import OpenSession
from integration.errors import AuthError, RateLimited, TransientError
from integration.http import LimitStatus
from integration.models import Connection, Integration, RateBudget
from tests.support.factories import ConnectionFactory, IntegrationFactory, JobFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection():
    return ConnectionFactory()


def allowed(meter, *windows):
    try:
        meter.before(windows, 1)
    except RateLimited:
        return False
    return True


@pytest.mark.chaos("V2")
def test_a_known_limit_is_never_run_into(connection):
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("burst", remaining=1, limit=20, resets_in=2)])

    meter.before(("burst",), 1)
    with pytest.raises(RateLimited) as raised:
        meter.before(("burst",), 1)

    assert 0 < raised.value.retry_after <= 2


@pytest.mark.chaos("V2")
def test_another_worker_sees_the_same_budget(connection):
    ConnectionMeter(connection).after([LimitStatus("day", remaining=0, limit=30000, resets_in=3600)])

    with pytest.raises(RateLimited) as raised:
        ConnectionMeter(connection).before(("day",), 1)

    assert 3500 < raised.value.retry_after <= 3600


def test_a_share_is_left_for_the_customers_own_use(connection):
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("day", remaining=6001, limit=30000, resets_in=3600)])

    meter.before(("day",), 1)
    with pytest.raises(RateLimited):
        meter.before(("day",), 10)


def test_of_two_workers_that_know_of_one_call_left_one_makes_it(connection):
    quick, slow = ConnectionMeter(connection), ConnectionMeter(connection)
    for meter in (quick, slow):
        meter.after([LimitStatus("burst", remaining=1, limit=20, resets_in=60)])

    quick.before(("burst",), 1)
    with pytest.raises(RateLimited):
        slow.before(("burst",), 1)

    assert RateBudget.objects.get(window="burst").remaining == 0


def test_two_workers_leave_the_customers_share_alone(connection):
    quick, slow = ConnectionMeter(connection), ConnectionMeter(connection)
    for meter in (quick, slow):
        meter.after([LimitStatus("day", remaining=6001, limit=30000, resets_in=3600)])

    quick.before(("day",), 1)
    with pytest.raises(RateLimited):
        slow.before(("day",), 1)

    assert RateBudget.objects.get(window="day").remaining == 6000


def test_an_elapsed_window_is_full_again(connection):
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("burst", remaining=0, limit=20, resets_in=2)])
    RateBudget.objects.update(resets_at=timezone.now() - timedelta(seconds=1))

    assert allowed(ConnectionMeter(connection), "burst")
    assert RateBudget.objects.get(window="burst").remaining == 19


@pytest.mark.parametrize(("burst", "day", "may"), [(20, 30000, True), (0, 30000, False), (20, 0, False)])
def test_of_several_limits_each_is_kept(connection, burst, day, may):
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("burst", burst, 20, 2), LimitStatus("day", day, 30000, 3600)])

    assert allowed(meter, "burst", "day") is may


def test_of_several_limits_the_one_that_lasts_longest_says_how_long_to_wait(connection):
    meter = ConnectionMeter(connection)
    meter.after([LimitStatus("burst", 0, 20, 2), LimitStatus("day", 0, 30000, 3600)])

    with pytest.raises(RateLimited) as raised:
        meter.before(("burst", "day"), 1)

    assert raised.value.retry_after > 3000


def test_a_limit_that_is_over_in_a_moment_is_waited_for(connection, settings, monkeypatch):
    settings.RATE_PATIENCE_SECONDS = 3.0
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        RateBudget.objects.update(resets_at=timezone.now() - timedelta(seconds=1))

    monkeypatch.setattr("integration.engine.clients.session.time.sleep", sleep)
    integration = IntegrationFactory(left=connection)
    lease = {"lease_token": "t", "lease_until": timezone.now() + timedelta(minutes=1)}
    Integration.objects.filter(pk=integration.pk).update(**lease)
    ctx = OpenSession(integration, recipe=None, token="t", deadline=time.monotonic() + 20)
    meter = ConnectionMeter(connection, wait=ctx.wait)
    used_up = [LimitStatus("burst", remaining=0, limit=20, resets_in=2)]

    meter.after(used_up)
    meter.before(("burst",), 1)
    assert [round(seconds) for seconds in slept] == [2]

    meter.after(used_up)  # one second of patience is left for this slice
    with pytest.raises(RateLimited):
        meter.before(("burst",), 1)
    assert len(slept) == 1


@pytest.mark.parametrize(("token", "late"), [("", 20), ("t", -1)])
def test_who_does_not_work_in_a_slice_or_has_no_time_left_never_waits(connection, settings, token, late):
    settings.RATE_PATIENCE_SECONDS = 3.0
    ctx = OpenSession(IntegrationFactory(left=connection), recipe=None, token=token, deadline=time.monotonic() + late)
    assert ctx.wait(0.1) is False


@pytest.fixture
def oauth_connection(settings):
    settings.OAUTH_APPS = {"pipedrive": {"client_id": "app", "client_secret": "app-secret"}}
    return ConnectionFactory(
        auth_kind="oauth",
        credentials={"access_token": "old", "refresh_token": "r1"},
        token_expires_at=timezone.now() + timedelta(seconds=10),
    )


def fresh(access="new", refresh="r2"):
    return oauth.Tokens(access, refresh, timezone.now() + timedelta(hours=1), "https://acme.pipedrive.com", "base")


def test_a_token_that_runs_out_is_renewed_before_use(oauth_connection, monkeypatch):
    monkeypatch.setattr(oauth, "refresh", lambda client_id, client_secret, token: fresh())

    tokens.ensure_fresh(oauth_connection)

    stored = Connection.objects.get()
    assert stored.credentials == {"access_token": "new", "refresh_token": "r2", "scope": "base"}
    assert stored.token_expires_at > timezone.now() + timedelta(minutes=30)
    assert stored.refresh_lease_until is None


@pytest.mark.chaos("V5")
def test_two_workers_burn_one_refresh_token(oauth_connection, monkeypatch):
    used, entered = [], threading.Barrier(2, timeout=10)

    def refresh(client_id, client_secret, token):
        used.append(token)
        threading.Event().wait(0.3)
        return fresh()

    monkeypatch.setattr(oauth, "refresh", refresh)

    def worker():
        try:
            connection = Connection.objects.get()
            entered.wait()
            tokens.ensure_fresh(connection)
        except TransientError:
            pass
        finally:
            database.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert used == ["r1"]


@pytest.mark.chaos("V5")
def test_a_worker_that_looked_earlier_keeps_the_pair_it_was_given(oauth_connection, monkeypatch):
    used = []

    def refresh(client_id, client_secret, token):
        used.append(token)
        return fresh(access=f"a{len(used) + 1}", refresh=f"r{len(used) + 1}")

    monkeypatch.setattr(oauth, "refresh", refresh)
    first, second = Connection.objects.get(), Connection.objects.get()

    tokens.ensure_fresh(first)
    tokens.ensure_fresh(second, force=True)

    assert used == ["r1", "r2"]
    assert Connection.objects.get().credentials["refresh_token"] == "r3"


@pytest.mark.chaos("V5")
def test_a_refused_refresh_asks_for_a_person_and_holds_the_jobs(oauth_connection, monkeypatch):
    def refused(*args):
        raise AuthError("Pipedrive refused the refresh token.")

    monkeypatch.setattr(oauth, "refresh", refused)
    Connection.objects.update(token_expires_at=timezone.now() - timedelta(hours=1))

    assert connection_health.check(oauth_connection) is False
    assert (oauth_connection.health, oauth_connection.health_reason) == ("needs_you", "credentials_refused")


def test_a_token_of_an_unrotating_vendor_stays(oauth_connection, monkeypatch):
    monkeypatch.setattr(oauth, "refresh", lambda *args: fresh(refresh=""))

    tokens.ensure_fresh(oauth_connection)

    assert Connection.objects.get().credentials["refresh_token"] == "r1"


def test_an_app_that_is_not_configured_is_named(oauth_connection, settings):
    settings.OAUTH_APPS = {}

    with pytest.raises(AuthError) as raised:
        tokens.ensure_fresh(oauth_connection)
    assert "PIPEDRIVE_CLIENT_ID" in raised.value.detail


@pytest.mark.chaos("V5")
def test_held_jobs_go_on_when_the_connection_works_again(monkeypatch, sandbox):
    from tests.support import hub

    integration = IntegrationFactory(left=ConnectionFactory(health="needs_you"))
    job = JobFactory(integration=integration, state="held", reason="credentials_refused")
    left = integration.left
    left.base_url, left.credentials = f"{sandbox.url}/pipedrive/acme", {"api_token": hub.PIPEDRIVE_TOKEN}
    left.external_account_id = "9001"
    left.save()

    assert connection_health.check(left)

    job.refresh_from_db()
    assert (left.health, job.state) == ("ok", "waiting")


@pytest.mark.chaos("V15")
def test_credentials_of_another_account_are_not_taken_for_ours(sandbox):
    from tests.support import hub

    connection = ConnectionFactory(
        base_url=f"{sandbox.url}/pipedrive/acme",
        credentials={"api_token": hub.PIPEDRIVE_TOKEN},
        external_account_id="777",
    )

    assert connection_health.check(connection) is False
    assert connection.health == "needs_you"
