"""Start the hub's processes as children, wait until they answer, end them by their id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.management.base import CommandError

START_TIMEOUT = 40.0  # seconds
STOP_TIMEOUT = 12.0


@dataclass
class Processes:
    """The children, in the order they were started."""

    log_dir: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, arguments: list[str], **environment: str) -> None:
        """Start one child in a process group of its own; its output goes to a log file."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        log = (self.log_dir / f"{name}.log").open("ab")
        self.children[name] = subprocess.Popen(  # noqa: S603 (our own program)
            arguments, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment},
            cwd=settings.BASE_DIR, start_new_session=True,
        )  # fmt: skip

    def start_hub(self, *, workers: bool = True) -> None:
        """The web process and the worker cluster."""
        self.start("web", web_command())
        if workers:
            self.start_worker()

    def start_worker(self, name: str = "worker") -> None:
        """One worker cluster."""
        self.start(name, [sys.executable, "manage.py", "qcluster"])

    def kill(self, name: str) -> None:
        """End a child and its children at once, as a crash would."""
        child = self.children.pop(name)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def wait_for(self, url: str) -> None:
        """Wait until `url` answers. Raises CommandError when a child has died or nothing answers in time."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            for name, child in self.children.items():
                if child.poll() is not None:
                    raise CommandError(f"{name} ended with code {child.returncode}; see {self.log_dir / name}.log")
            try:
                requests.get(url, timeout=2)
                return
            except requests.RequestException:
                time.sleep(0.1)
        raise CommandError(f"{url} did not answer within {START_TIMEOUT:.0f} seconds; see {self.log_dir}")

    def stop(self) -> None:
        """End all children, last started first; what does not obey in time is killed."""
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for child in self.children.values():
            try:
                child.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
        self.children.clear()


def end_by_keyboard_interrupt() -> None:
    """Let Ctrl-C and SIGTERM both end the program in order, also where a shell had switched Ctrl-C off."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def running(log_dir: Path) -> Iterator[Processes]:
    """Children that end with the block, whatever happens in it."""
    processes = Processes(log_dir)
    try:
        yield processes
    finally:
        processes.stop()


def web_command() -> list[str]:
    """gunicorn with threads: each holds its database connection open. Listens on this machine only, unless told."""
    address = urlsplit(settings.PUBLIC_URL).netloc if settings.DEVELOPMENT else "127.0.0.1:8000"
    bind = os.environ.get("WEB_BIND", address)
    workers = os.environ.get("WEB_PROCESSES", "1")
    return [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", bind, "--workers", workers,
        "--worker-class", "gthread", "--threads", os.environ.get("WEB_THREADS", "8"),
        "--graceful-timeout", "20", "--keep-alive", "5", "--no-control-socket",
    ]  # fmt: skip


def require_free(url: str) -> None:
    """Raise CommandError when something already listens where we want to."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((parts.hostname or "127.0.0.1", parts.port or 80))
        except OSError as exc:
            raise CommandError(
                f"Port {parts.port} is taken. End the program that uses it, or set another one."
            ) from exc
