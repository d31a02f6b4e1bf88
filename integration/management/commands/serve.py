"""`manage.py serve`: web and worker in the foreground, for one machine. Several machines run them apart."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from integration.management.processes import end_by_keyboard_interrupt, running


class Command(BaseCommand):
    """Run the hub."""

    help = "Set up the database, then run the web process and one worker cluster until Ctrl-C."

    def handle(self, *args: str, **options: str | bool | int | None) -> None:
        """Run until Ctrl-C or until a child dies."""
        end_by_keyboard_interrupt()
        call_command("setup")
        call_command("collectstatic", interactive=False, verbosity=0)
        with running(settings.BASE_DIR / "var" / "log") as processes:
            processes.start_hub()
            self.stdout.write(f"Lockstep runs at {settings.PUBLIC_URL}. Ctrl-C ends it. Logs: var/log/")
            try:
                while all(child.poll() is None for child in processes.children.values()):
                    time.sleep(1)
            except KeyboardInterrupt:
                self.stdout.write("\nEnding…")
                return
            raise CommandError("A process ended unexpectedly; see var/log/.")
