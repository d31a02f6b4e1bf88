"""Runs trials: a few at a time, each with a time limit, none left behind however the run ends."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.mutants.catalogue import ROOT, Fault
from tests.mutants.trial import BADLY, Trial, Verdict, start

PATIENCE = 120.0  # seconds for one trial; most take four
POSTGRES = "postgres://postgres@127.0.0.1:5432/lockstep_mutants"
REDIS = "redis://127.0.0.1:6379/7"
# What every trial would import anew: a good second of processor time.
NOT_OURS = (
    "_pytest.pytester", "pytest_django.plugin", "hypothesis", "hypothesis.strategies", "uvicorn", "uvicorn.logging",
    "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.lifespan.on", "starlette.applications",
    "jinja2", "multipart", "requests", "cryptography.fernet", "yaml", "factory.django",
    "defusedxml.ElementTree", "environ", "segno", "django.test.client", "django.core.management",
    "django.db.backends.sqlite3.base", "django.db.migrations.executor", "django.contrib.admin",
    "django.contrib.staticfiles.testing", "django.template.backends.django", "psycopg", "phonenumbers",
    "prometheus_client",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A fault to try, with the tests that should notice it."""

    name: str
    fault: Fault | None
    tests: Sequence[str]
    postgres: bool = False


@dataclass(frozen=True)
class Outcome:
    task: Task
    verdict: Verdict
    seconds: float


class Bench:
    """A place to run trials at; leaving it ends what still runs and removes its files."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self.running: dict[int, tuple[Task, Trial]] = {}
        self.embedded = {"DATABASE_URL": "sqlite:///var/test.sqlite3", "REDIS_URL": ""}
        self.postgres = {"DATABASE_URL": _postgres_url(), "REDIS_URL": os.environ.get("REDIS_URL") or REDIS}

    def __enter__(self) -> Bench:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        for name in NOT_OURS:
            with suppress(ImportError):
                importlib.import_module(name)
        return self

    def __exit__(self, kind: type[BaseException] | None, wrong: BaseException | None, at: TracebackType | None) -> None:
        for pid in self.running:
            _end(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Try all of them, and say of each what became of it as soon as that is known."""
        waiting = list(tasks)
        while waiting or self.running:
            while len(self.running) < self.jobs and (task := next(filter(self._may_start, waiting), None)):
                waiting.remove(task)
                environment = self.postgres if task.postgres else self.embedded
                trial = start(task.fault, task.tests, environment, self.folder / f"{task.name}.log")
                self.running[trial.pid] = task, trial
            yield from self._ended()
            time.sleep(0.02)

    def _may_start(self, task: Task) -> bool:
        """All of those on PostgreSQL share one database."""
        return not task.postgres or not any(other.postgres for other, _ in self.running.values())

    def _ended(self) -> Iterator[Outcome]:
        for pid, (task, trial) in list(self.running.items()):
            seconds = time.monotonic() - trial.started
            ended, _ = os.waitpid(pid, os.WNOHANG)
            if not ended and seconds < PATIENCE * max(len(task.tests) / 10, 1):
                continue
            del self.running[pid]
            _end(pid)  # what it started may hold its end of the pipe
            if ended:
                yield Outcome(task, trial.verdict(), seconds)
            else:
                os.close(trial.answer)
                yield Outcome(task, Verdict(BADLY, f"not done after {seconds:.0f} seconds"), seconds)


def postgres_answers() -> bool:
    """Whether there is a PostgreSQL to try what only it can notice."""
    import psycopg

    try:
        psycopg.connect(_postgres_url().rpartition("/")[0] + "/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _postgres_url() -> str:
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith("postgres") else POSTGRES


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    for path in (ROOT / "var").glob(f"test-{pid}.sqlite3*"):  # its database, which it would have removed itself
        path.unlink()
