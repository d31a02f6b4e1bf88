"""Real processes: sandbox, web and worker on the test database. Nothing is faked here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection as database
from django_q.brokers import get_broker

from integration.engine.dispatch import sweeper
from integration.management.processes import Processes, running, web_command
from tests.conftest import Guard


@pytest.fixture
def real_bell(rings: list[str]) -> Iterator[None]:
    """The doorbell really rings: the queue of the stack under test carries it."""
    Guard.rung = None
    yield
    Guard.rung = []


@dataclass
class Farm:
    """A running hub and its vendors."""

    processes: Processes
    sandbox_url: str
    web_url: str
    environment: dict[str, str]

    def control(self, method: str, path: str, json: Any = None) -> Any:
        answer = requests.request(method, f"{self.sandbox_url}/_control{path}", json=json, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start_worker(self, name: str = "worker", **more: str) -> None:
        command = [sys.executable, "manage.py", "qcluster"]
        self.processes.start(name, command, **{**self.environment, **more})

    def kill_worker(self, name: str = "worker") -> None:
        self.processes.kill(name)

    def start_web(self, **more: str) -> None:
        """Start the web process and wait until it answers."""
        self.processes.start("web", web_command(), **{**self.environment, **more})
        self.processes.wait_for(f"{self.web_url}/livez")

    def signal(self, name: str, number: int, *, group: bool = False) -> None:
        """Send a signal to a process, or to all that it started as well."""
        (os.killpg if group else os.kill)(self.processes.children[name].pid, number)

    def manage(self, *arguments: str, **more: str) -> None:
        """Run a management command as an operator would."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments], check=True, capture_output=True, timeout=120,
            cwd=django_settings.BASE_DIR, env={**os.environ, **self.environment, **more},
        )  # fmt: skip

    def until(self, what: str, look: Callable[[], bool], patience: float = 300.0) -> None:
        """Wait; what the minute schedule would do (sweep) is done every half second."""
        deadline = time.monotonic() + patience
        while not look():
            assert time.monotonic() < deadline, f"waited {patience:.0f} seconds for {what}"
            sweeper.sweep()
            time.sleep(0.5)


@pytest.fixture
def farm(transactional_db: None, real_bell: None, settings: Any) -> Iterator[Farm]:
    web, vendors = f"http://127.0.0.1:{_free_port()}", f"http://127.0.0.1:{_free_port()}"
    settings.PUBLIC_URL, settings.SANDBOX_URL, settings.DEVELOPMENT = web, vendors, True
    environment = {
        "LOCKSTEP_DEVELOPMENT": "1", "LOG_LEVEL": "WARNING", "PUBLIC_URL": web, "SANDBOX_URL": vendors,
        "DATABASE_URL": _database_url(), "LOCKSTEP_LEASE_SECONDS": "4",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    with running(Path(django_settings.BASE_DIR) / "var" / "log" / "chaos") as processes:
        processes.start("sandbox", [sys.executable, "-m", "sandbox", "--port", vendors.rpartition(":")[2]])
        farm = Farm(processes, vendors, web, environment)
        farm.start_web()
        farm.start_worker()
        processes.wait_for(f"{vendors}/_control/healthz")
        yield farm
    _leave_nothing()


def _leave_nothing() -> None:
    """What killed processes had begun must not be committed into the next test; nobody reads their queue any more."""
    get_broker().delete_queue()
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _database_url() -> str:
    """The address of the test database for another process."""
    row = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{row['NAME']}"
    password = f":{row['PASSWORD']}" if row["PASSWORD"] else ""
    return f"postgres://{row['USER']}{password}@{row['HOST']}:{row['PORT'] or 5432}/{row['NAME']}"
