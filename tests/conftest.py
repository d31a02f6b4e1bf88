"""Fixtures every test may use. The network is off but for loopback."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from sandbox.thread import SandboxThread
from tests.support import database

# The gate repeats the same examples; `make search` looks for new ones.
BUSY = (HealthCheck.too_slow,)  # a machine with other work makes examples slowly, which is no fault of ours
hypothesis_settings.register_profile("gate", derandomize=True, suppress_health_check=BUSY)
hypothesis_settings.register_profile(
    "search", derandomize=False, max_examples=2_000, print_blob=True, suppress_health_check=BUSY
)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--throw", action="append", default=[], help="play the other variant of this switch; or all")
    parser.addoption("--switches", default="", help="walks: once per switch; `all`, or a text that chooses a tenth")


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxThread]:
    """One sandbox for the whole session; its webhook retries do not wait."""
    with SandboxThread(time_scale=0.01) as sandbox:
        yield sandbox


@pytest.fixture
def thrown(request: pytest.FixtureRequest) -> list[str]:
    """The switches that play the other variant: those of the command line."""
    found: list[str] = request.config.getoption("--throw")
    return found


@pytest.fixture
def fresh_sandbox(sandbox_process: SandboxThread, thrown: list[str]) -> SandboxThread:
    """The sandbox in its furnished state."""
    sandbox_process.state.thrown.throw(thrown)
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def sandbox(fresh_sandbox: SandboxThread, settings: Any) -> SandboxThread:
    """The sandbox in its furnished state, allowed as the one non-vendor origin."""
    settings.SANDBOX_URL = fresh_sandbox.url
    return fresh_sandbox


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """A migrated database for this process; tests that commit leave it as the migrations left it."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, database.ready():
        kept = database.filled()
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: database.empty(kept))
        django_db_blocker.block()
        yield
        django_db_blocker.restore()


class Guard:
    """What the running test may do. It is read by patches of the session: a test's own patches lie above and end first.

    A patch per test would be undone before the test's own ones, which would then put it back for all tests after it.
    """

    reachable: tuple[str, ...] = ()  # how addresses begin that it may connect to beside loopback
    rung: list[str] | None = []  # where rings are noted instead of sent; None: the doorbell really rings


@pytest.fixture(autouse=True, scope="session")
def _guarded() -> Iterator[None]:
    """The network and the doorbell of all tests, as `Guard` says."""
    from integration.engine.dispatch import wakeups
    from tests.support.queue import QUEUE

    connect_really, push = socket.socket.connect, wakeups.push
    ring_now, ring_later, ring_all_now = wakeups.wake_now, wakeups.wake_after, wakeups.wake_all_now

    def connect(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else ""
        if host and not (host.startswith(("127.", *Guard.reachable)) or host in ("::1", "localhost")):
            raise AssertionError(f"a test wants to reach {host}")
        return connect_really(self, address)

    def note(key: str, really: Callable[[], None], queued: Callable[[], None]) -> None:
        if Guard.rung is None:
            really()
        else:
            Guard.rung.append(key)
            queued()

    def rung(key: str) -> None:
        ring_now(key)
        if Guard.rung is not None:
            QUEUE.rung(key)

    def all_rung(keys: Sequence[str]) -> None:
        ring_all_now(keys)
        for key in keys if Guard.rung is not None else ():
            QUEUE.rung(key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(wakeups, "wake_now", rung)
        patch.setattr(wakeups, "wake_all_now", all_rung)
        patch.setattr(wakeups, "push", lambda key: note(key, lambda: push(key), lambda: QUEUE.push(key)))
        patch.setattr(
            wakeups,
            "wake_after",
            lambda key, s: note(key, lambda: ring_later(key, s), lambda: QUEUE.put_off(key, s)),
        )
        yield


@pytest.fixture
def reachable() -> tuple[str, ...]:
    """How addresses begin that a test may connect to beside loopback; for tests with a network of their own."""
    return ()


@pytest.fixture(autouse=True)
def _not_just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a process that has just begun to serve do not miss a worker yet: tests have no such moment."""
    from integration.engine.dispatch import heartbeat

    monkeypatch.setattr(heartbeat.process, "serving_since", None)


@pytest.fixture(autouse=True)
def _no_beat_goes_on() -> Iterator[None]:
    """A heartbeat that a test starts would write into the database of every later test of this process."""
    from integration.engine.dispatch.heartbeat import HeartbeatThread

    yield
    assert not [thread for thread in threading.enumerate() if isinstance(thread, HeartbeatThread)]


@pytest.fixture(autouse=True)
def _no_outside_network(reachable: tuple[str, ...]) -> None:
    Guard.reachable = reachable


@pytest.fixture(autouse=True)
def rings() -> list[str]:
    """Who was rung for. The messages themselves are in `tests.support.queue`; `hub.drain` answers them."""
    from tests.support.queue import QUEUE

    Guard.rung = []
    QUEUE.clear()
    return Guard.rung


@pytest.fixture
def full_slices(rings: list[str]) -> None:
    """Workers of this test have their whole slice of time, for tests that count calls."""
    from integration.engine.sync.runner import SLICE
    from tests.support.queue import QUEUE

    QUEUE.slice_seconds = SLICE


@pytest.fixture
def hubspot_app(settings: Any) -> None:
    """The sandbox's HubSpot app is ours, and its webhooks come to this hub."""
    from sandbox.hubspot.seed import CLIENT_ID, CLIENT_SECRET

    settings.OAUTH_APPS = {"hubspot": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}
    settings.PUBLIC_URL = "https://hub.example.com"


@pytest.fixture
def hubspot_world(sandbox: SandboxThread, hubspot_app: None, transactional_db: None) -> Any:
    """HubSpot ↔ Maileon installed with the default settings; webhooks are delivered by the test."""
    from tests.support.world import HubSpotWorld

    return HubSpotWorld.install(sandbox)


@pytest.fixture
def brevo_install(sandbox: SandboxThread, settings: Any, transactional_db: None) -> Callable[..., Any]:
    """Pipedrive ↔ Brevo installed with the settings it is called with; webhooks are delivered by the test."""
    from tests.support.brevo_world import BrevoWorld

    settings.PUBLIC_URL = "https://hub.example.com"
    return lambda **chosen: BrevoWorld.install(sandbox, **chosen)


@pytest.fixture
def brevo_world(brevo_install: Callable[..., Any]) -> Any:
    """The same with the default settings."""
    return brevo_install()


@pytest.fixture
def leadboxer_install(sandbox: SandboxThread, settings: Any, transactional_db: None) -> Callable[..., Any]:
    """LeadBoxer → Pipedrive installed with the settings it is called with."""
    from tests.support.leadboxer_world import LeadBoxerWorld

    settings.PUBLIC_URL = "https://hub.example.com"
    return lambda **chosen: LeadBoxerWorld.install(sandbox, **chosen)


@pytest.fixture
def world(sandbox: SandboxThread, settings: Any, transactional_db: None) -> Any:
    """Pipedrive ↔ Maileon installed with the default settings; webhooks are delivered by the test."""
    from tests.support.world import World

    settings.PUBLIC_URL = "https://hub.example.com"
    return World.install(sandbox)


@pytest.fixture
def planhat_install(sandbox: SandboxThread, settings: Any, transactional_db: None) -> Callable[..., Any]:
    """Planhat ↔ Pipedrive installed with the settings it is called with; webhooks are delivered by the test."""
    from tests.support.planhat_world import PlanhatWorld

    settings.PUBLIC_URL = "https://hub.example.com"
    return lambda **chosen: PlanhatWorld.install(sandbox, **chosen)


@pytest.fixture
def planhat_world(planhat_install: Callable[..., Any]) -> Any:
    """The same with the default settings."""
    return planhat_install()


@pytest.fixture
def empty_database(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """A database of this test's own, without any table."""
    own = str(connection.settings_dict["NAME"])
    name = own.replace(".sqlite3", "-upgrade.sqlite3") if connection.vendor == "sqlite" else f"{own}_upgrade"
    with django_db_blocker.unblock():
        database.remove(name)
        if connection.vendor == "postgresql":
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{name}"')
        database.use(name)
        try:
            yield
        finally:
            database.use(own)
            database.remove(name)
