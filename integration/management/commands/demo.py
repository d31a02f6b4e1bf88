"""`manage.py demo`: the whole hub on this machine with sandbox vendors; `--check` proves each recipe item by item."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection as database

from integration.management.demo import (
    consent,
    hubspot_maileon,
    leadboxer_pipedrive,
    pipedrive_brevo,
    pipedrive_maileon,
    planhat_pipedrive,
    security,
    truth,
    vendor,
)
from integration.management.demo.stage import NotSeen, Stage
from integration.management.processes import Processes, end_by_keyboard_interrupt, require_free, running

STORIES = {
    "pipedrive_maileon": pipedrive_maileon,
    "hubspot_maileon": hubspot_maileon,
    "pipedrive_brevo": pipedrive_brevo,
    "planhat_pipedrive": planhat_pipedrive,
    "leadboxer_pipedrive": leadboxer_pipedrive,
}


class Command(BaseCommand):
    """Play or check."""

    help = "Start web, worker and sandbox vendors, then play a small story (or, with --check, prove every recipe item)."

    def add_arguments(self, parser: CommandParser) -> None:
        """--check and --throw."""
        parser.add_argument(
            "--check", action="store_true", help="Check each item of each recipe, print a line each, exit."
        )
        parser.add_argument(
            "--throw", action="append", default=[], metavar="SWITCH", help="Answer this open question the other way."
        )

    def handle(self, *args: str, check: bool, throw: list[str], **options: str | bool | int | None) -> None:
        """Start everything, then play or check."""
        if not settings.SANDBOX_URL or not settings.DEVELOPMENT:
            raise CommandError("The demo needs SANDBOX_URL and LOCKSTEP_DEVELOPMENT=1; `make demo` sets them.")
        for url in (settings.SANDBOX_URL, settings.PUBLIC_URL):
            require_free(url)
        end_by_keyboard_interrupt()
        self._fresh_database()
        with running(settings.BASE_DIR / "var" / "log") as processes:
            self._start(processes, throw)
            stage = Stage(processes, self.stdout.write)
            try:
                self._check(stage) if check else self._play(stage)
            except KeyboardInterrupt:
                self.stdout.write("\nEnding the demo…")

    def _fresh_database(self) -> None:
        name = Path(str(settings.DATABASES["default"]["NAME"]))
        if database.vendor == "sqlite":
            database.close()
            for suffix in ("", "-wal", "-shm"):
                name.with_name(name.name + suffix).unlink(missing_ok=True)
            name.parent.mkdir(parents=True, exist_ok=True)
        else:
            raise CommandError("The demo runs on the embedded default, an SQLite file of its own.")

    def _start(self, processes: Processes, thrown: list[str]) -> None:
        port = settings.SANDBOX_URL.rpartition(":")[2]
        sandbox = [sys.executable, "-m", "sandbox", "--host", "127.0.0.1", "--port", port]
        processes.start("sandbox", [*sandbox, *(f"--throw={key}" for key in thrown)])
        call_command("setup")  # while the sandbox starts
        processes.start_hub()
        processes.wait_for(f"{settings.SANDBOX_URL}/_control/healthz")
        processes.wait_for(f"{settings.PUBLIC_URL}/healthz")

    def _play(self, stage: Stage) -> None:
        password = secrets.token_urlsafe(9)
        get_user_model().objects.create_superuser("operator", "operator@example.com", password)
        self.stdout.write(
            f"\n  Lockstep console   {settings.PUBLIC_URL}/admin/   operator / {password}\n"
            f"  Sandbox vendors    {settings.SANDBOX_URL}/\n\nThe story:"
        )
        for story in STORIES.values():
            story.Story(stage).play()
        self.stdout.write(
            "\nNow it is yours: create people in the sandbox and watch the console. Ctrl-C ends everything."
        )
        while all(child.poll() is None for child in stage.processes.children.values()):
            time.sleep(0.5)
        raise CommandError("A process ended unexpectedly; see var/log/.")

    def _check(self, stage: Stage) -> None:
        started, failed = time.monotonic(), 0
        for key, number, check in _items(stage):
            try:
                line = f"ok      {key} {number:>2}  {check()}"
            except (NotSeen, KeyError, AssertionError) as exc:
                failed += 1
                line = f"FAILED  {key} {number:>2}  {type(exc).__name__}: {exc}"
            self.stdout.write(line)
            self.stdout.flush()
        self.stdout.write(f"{time.monotonic() - started:.0f} seconds")
        if failed:
            raise CommandError(f"{failed} items failed; logs are in var/log/.")


def _items(stage: Stage) -> Iterator[tuple[str, int, Callable[[], str]]]:
    """The items of each recipe, then what is proven about security. A story begins when its turn comes."""
    for key, module in STORIES.items():
        for number, check in module.items(module.Story(stage)):
            yield key, number, check
    for number, check in consent.items(stage):
        yield "consent", number, check
    for number, check in vendor.items(stage):
        yield "vendor", number, check
    for number, check in truth.items(stage):
        yield "truth", number, check
    for number, check in security.items(stage):
        yield "security", number, check
