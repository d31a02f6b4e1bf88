"""Two hosts, each with web process and worker, in network namespaces; database, queue and vendors are outside of both.

A host is cut off while it works, comes back as it was or is killed and started anew; or one service falls silent.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection as database

from integration import retry
from integration.management.processes import Processes, running, web_command
from integration.models import Doorbell, WebhookEvent
from tests.chaos.conftest import Farm, _database_url, _free_port
from tests.chaos.load import Load
from tests.chaos.network import DATABASE, NET, OUTSIDE, QUEUE, Host, silence, two_hosts
from tests.chaos.proxy import Proxy
from tests.chaos.test_processes import PEOPLE, Stage
from tests.support.required import missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(database.vendor == "sqlite", reason="two hosts cannot share a file: PostgreSQL only"),
    pytest.mark.skipif(not django_settings.REDIS_URL, reason="two hosts share a queue: Redis only"),
]

PORT = 8000
PATIENCE = 10.0  # seconds a vendor waits for our answer


@dataclass
class TwoHosts(Farm):
    """The hub on two hosts; `web_url` is the second one's, which is never cut off."""

    a: Host
    b: Host

    def start(self, host: Host, *parts: str) -> None:
        """Start `web`, `worker` or both, and wait until the web process answers."""
        commands = {"web": web_command(), "worker": [sys.executable, "manage.py", "qcluster"]}
        for part in parts:
            self.processes.start(f"{part}-{host.name}", host.command(commands[part]), **self.environment)
        if "web" in parts:
            self.processes.wait_for(f"{web_of(host)}/livez")

    def end(self, host: Host, *parts: str) -> None:
        """kill -9."""
        for part in parts:
            self.processes.kill(f"{part}-{host.name}")


def web_of(host: Host) -> str:
    return f"http://{host.address}:{PORT}"


@pytest.fixture
def reachable() -> tuple[str, ...]:
    """The hosts, and what is outside of them."""
    return (f"{NET}.",)


@pytest.fixture
def hosts(
    transactional_db: None, real_bell: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TwoHosts]:
    """Both hosts, no process yet. Database, queue and sandbox listen on loopback; relays bring them outside."""
    port = _free_port()
    vendors = f"http://{OUTSIDE}:{port}"
    with ExitStack() as stack:
        try:
            a, b = stack.enter_context(two_hosts())
        except (OSError, subprocess.CalledProcessError) as exc:
            missing("REQUIRE_NETNS", f"network namespaces need root and iproute2: {exc}")
        rows = stack.enter_context(Proxy(_server(_database_url(), 5432), (DATABASE, 0)))
        queue = stack.enter_context(Proxy(_server(django_settings.REDIS_URL, 6379), (QUEUE, 0)))
        stack.enter_context(Proxy(("127.0.0.1", port), (OUTSIDE, port)))
        vendors_door = stack.enter_context(Proxy((b.address, PORT)))
        public = f"http://127.0.0.1:{vendors_door.port}"  # the sandbox calls plain http on loopback only
        monkeypatch.setattr(retry, "LOST_WAKEUP", retry.every(2.0))  # rings a dead worker took along
        monkeypatch.setenv("WEB_BIND", f"0.0.0.0:{PORT}")  # all addresses of its namespace
        settings.PUBLIC_URL, settings.SANDBOX_URL, settings.DEVELOPMENT = public, vendors, True
        environment = {
            "LOCKSTEP_DEVELOPMENT": "1", "LOG_LEVEL": "WARNING", "PUBLIC_URL": public, "SANDBOX_URL": vendors,
            "DATABASE_URL": _moved(_database_url(), DATABASE, rows.port), "LOCKSTEP_LEASE_SECONDS": "4",
            "REDIS_URL": _moved(django_settings.REDIS_URL, QUEUE, queue.port),
            "DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": f"{a.address},{b.address},127.0.0.1",
        }  # fmt: skip
        log = Path(django_settings.BASE_DIR) / "var" / "log" / "hosts"
        processes: Processes = stack.enter_context(running(log))
        farm = TwoHosts(processes, vendors, web_of(b), environment, a, b)
        processes.start("sandbox", [sys.executable, "-m", "sandbox", "--port", str(port), "--base-url", vendors])
        processes.wait_for(f"{vendors}/_control/healthz")
        yield farm


@pytest.fixture
def stage(hosts: TwoHosts) -> Stage:
    """People to bring over, slowly; the load goes to both hosts in turns."""
    hosts.start(hosts.a, "web", "worker")
    hosts.start(hosts.b, "web")
    stage = Stage(hosts)
    stage.load = Load(web_of(hosts.a), stage.integration, web_of(hosts.b))
    slow(hosts, 120)
    return stage


def slow(hosts, milliseconds):
    """How long Maileon takes for an answer."""
    hosts.control("POST", "/misbehave", {"vendor": "maileon", "latency_ms": milliseconds})


@pytest.mark.chaos("P1", "P3")
def test_a_host_that_is_cut_off_is_replaced_and_killed_and_joins_in_again(hosts, stage, tally):
    sending = cut_off_in_mid_work(hosts, stage, tally)
    hosts.until("the other host to finish", lambda: len(stage.mails()) == PEOPLE, patience=30)
    sending.join()
    hosts.end(hosts.a, "web", "worker")
    hosts.a.mend()
    hosts.start(hosts.a, "web", "worker")

    the_first_works_alone(hosts, stage, tally)


@pytest.mark.chaos("P5", "P6")
def test_a_host_that_comes_back_with_its_old_worker_writes_nothing_twice(hosts, stage, tally):
    sending = cut_off_in_mid_work(hosts, stage, tally)
    hosts.until("the other host to go on", lambda: len(stage.mails()) >= PEOPLE // 2, patience=30)
    hosts.a.mend()
    sending.join()

    the_first_works_alone(hosts, stage, tally)


def cut_off_in_mid_work(hosts, stage, tally):
    """Work has begun on the first host when the second joins in; then the first is cut off, and more comes in."""
    stage.load.send(stage.ids)
    hosts.until("the first mails", lambda: len(stage.mails()) >= 3)
    hosts.start(hosts.b, "worker")
    hosts.a.cut()
    tally.injected += 1
    done = len(stage.mails())
    assert done < PEOPLE // 2, "the work was over before the host was cut off"
    slow(hosts, 20)
    return stage.in_background()


def the_first_works_alone(hosts, stage, tally):
    """The second host is gone, and all is done in the end."""
    hosts.end(hosts.b, "web", "worker")
    tally.injected += 1
    stage.load.turns = iter([stage.load.url] * 100_000)
    stage.load.send(stage.ids)

    stage.judge(tally)
    assert len(stage.load.acked) == PEOPLE * 3, stage.load.answers


@pytest.mark.chaos("P6")
@pytest.mark.parametrize(("service", "expected"), [(DATABASE, 503), (QUEUE, 200)], ids=["database", "queue"])
def test_a_service_that_falls_silent_keeps_no_vendor_waiting(hosts, tally, service, expected):
    """Nothing is refused, so only our own patience ends the wait: before the vendor's does."""
    hosts.start(hosts.a, "web")
    stage = Stage(hosts)
    stage.load = Load(web_of(hosts.a), stage.integration)
    stage.load.patience = PATIENCE
    stage.load.send(stage.ids)
    time.sleep(0.5)  # until the last ring, which is put off, is over
    Doorbell.objects.all().delete()
    stage.load.answers.clear()

    silence(service, hosts.a, hosts.b)
    tally.injected = 1
    stage.load.send(stage.ids[:4], tries=1)
    hosts.end(hosts.a, "web")

    assert stage.load.answers == {expected: 4}
    tally.events = len(stage.load.acked)
    tally.lost = tally.events - WebhookEvent.objects.count()


def _server(url: str, port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or port


def _moved(url: str, host: str, port: int) -> str:
    """The same address at another host."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{host}:{port}").geturl()
