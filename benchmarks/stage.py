"""A hub under measurement: its own database, real web, worker and sandbox processes, on the stack asked for."""

from __future__ import annotations

import io
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environ
import requests

if TYPE_CHECKING:
    from integration.management.processes import Processes

POSTGRES = "postgres://postgres@127.0.0.1:5432/lockstep"
REDIS = "redis://127.0.0.1:6379/11"


@dataclass
class Stage:
    """The processes of a hub and its vendors, and where they listen."""

    processes: Processes
    web_url: str
    sandbox_url: str

    @property
    def url(self) -> str:
        """The sandbox's address, as a sandbox in a thread names it."""
        return self.sandbox_url

    def control(self, method: str, path: str, json: Any = None) -> Any:
        """Talk to the sandbox's control API."""
        answer = requests.request(method, f"{self.sandbox_url}/_control{path}", json=json, timeout=300)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start_web(self, **environment: str) -> None:
        """gunicorn, as `make run` and the systemd unit start it."""
        from integration.management.processes import web_command

        self.processes.start("web", web_command(), **environment)
        self.processes.wait_for(f"{self.web_url}/livez")

    def start_worker(self, name: str = "worker", **environment: str) -> None:
        """One worker cluster."""
        self.processes.start(name, [sys.executable, "manage.py", "qcluster"], **environment)

    def calls(self, vendor: str) -> int:
        """How many API calls of this vendor the journal has."""
        return len(self.control("GET", f"/calls?vendor={vendor}"))


@contextmanager
def stage(question: str, stack: str) -> Iterator[Stage]:
    """Set the environment, make the database anew, start the sandbox. Must come before Django is set up."""
    web, vendors = free_address(), free_address()
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        os.environ.update(
            PUBLIC_URL=web, SANDBOX_URL=vendors, LOCKSTEP_DEVELOPMENT="1", LOG_LEVEL="ERROR",
            DATABASE_URL=_fresh_database(question, stack, folder), Q_CLUSTER=f"bench-{question}-{os.getpid()}",
            REDIS_URL=os.environ.get("BENCH_REDIS_URL", REDIS) if stack == "postgres" else "",
            INTAKE_EVENTS_PER_MINUTE="100000000",
        )  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command

        from integration.management.processes import running

        call_command("setup", verbosity=0, stdout=io.StringIO())
        with running(Path(folder) / "log") as processes:
            port = vendors.rpartition(":")[2]
            processes.start("sandbox", [sys.executable, "-m", "sandbox", "--port", port, "--log-level", "error"])
            processes.wait_for(f"{vendors}/_control/healthz")
            yield Stage(processes, web, vendors)


def install(stage: Stage, **settings: Any) -> Any:
    """Pipedrive ↔ Maileon of a new tenant, on the sandbox's furnished accounts."""
    from tests.support import hub

    return hub.install(stage.sandbox_url, **settings)


def at_rest() -> bool:
    """Whether no event and no job of ours waits to be worked on."""
    from integration.models import SyncJob, WebhookEvent

    waiting = SyncJob.objects.filter(state__in=("waiting", "running")).exists()
    return not waiting and not WebhookEvent.objects.filter(state="new").exists()


def _fresh_database(question: str, stack: str, folder: str) -> str:
    if stack == "embedded":
        return f"sqlite:///{folder}/hub.sqlite3"
    import psycopg

    url = os.environ.get("DATABASE_URL", POSTGRES)
    if not url.startswith("postgres"):
        url = POSTGRES
    parts = environ.Env.db_url_config(url)
    login = {
        key: parts[part] for key, part in (("user", "USER"), ("password", "PASSWORD"), ("host", "HOST")) if parts[part]
    }
    name = psycopg.sql.Identifier(f"{parts['NAME']}_{question}")
    with psycopg.connect(dbname="postgres", port=parts["PORT"] or 5432, autocommit=True, **login) as server:
        server.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(name))
    return f"{url.rpartition('/')[0]}/{parts['NAME']}_{question}"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
