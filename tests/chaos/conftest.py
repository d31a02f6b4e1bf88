"""Real processes: sandbox, web and worker on the test database. Nothing is faked here."""

from __future__ import annotations

import socket
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

from integration.engine import sweeper
from integration.management.processes import Processes, running, web_command


@pytest.fixture
def rings() -> None:
    """Here the doorbell really rings: the queue of the stack under test carries it."""


@dataclass
class Farm:
    """A running hub and its vendors."""

    processes: Processes
    sandbox_url: str
    environment: dict[str, str]

    def control(self, method: str, path: str, json: Any = None) -> Any:
        answer = requests.request(method, f"{self.sandbox_url}/_control{path}", json=json, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start_worker(self) -> None:
        self.processes.start("worker", [sys.executable, "manage.py", "qcluster"], **self.environment)

    def kill_worker(self) -> None:
        self.processes.kill("worker")

    def until(self, what: str, look: Callable[[], bool], patience: float = 180.0) -> None:
        """Wait; what the minute schedule would do (sweep) is done every half second."""
        deadline = time.monotonic() + patience
        while not look():
            assert time.monotonic() < deadline, f"waited {patience:.0f} seconds for {what}"
            sweeper.sweep()
            time.sleep(0.5)


@pytest.fixture
def farm(transactional_db: None, settings: Any) -> Iterator[Farm]:
    web, vendors = f"http://127.0.0.1:{_free_port()}", f"http://127.0.0.1:{_free_port()}"
    settings.PUBLIC_URL, settings.SANDBOX_URL, settings.DEVELOPMENT = web, vendors, True
    environment = {
        "LOCKSTEP_DEVELOPMENT": "1", "LOG_LEVEL": "WARNING", "PUBLIC_URL": web, "SANDBOX_URL": vendors,
        "DATABASE_URL": _database_url(), "LOCKSTEP_LEASE_SECONDS": "4",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    with running(Path(django_settings.BASE_DIR) / "var" / "log" / "chaos") as processes:
        processes.start("sandbox", [sys.executable, "-m", "sandbox", "--port", vendors.rpartition(":")[2]])
        processes.start("web", web_command(), **environment)
        processes.wait_for(f"{vendors}/_control/healthz")
        processes.wait_for(f"{web}/healthz")
        farm = Farm(processes, vendors, environment)
        farm.start_worker()
        yield farm


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
