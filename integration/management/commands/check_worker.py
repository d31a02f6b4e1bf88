"""`manage.py check_worker`: whether a worker of this host lives, as a container's health check asks."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from integration.engine.dispatch import heartbeat


class Command(BaseCommand):
    """Ask the heartbeat."""

    help = "End with 0 if a worker process of this host was heard lately, with 1 otherwise."

    def handle(self, *args: str, **options: str | bool | int | None) -> None:
        """Raise CommandError when nobody was heard."""
        if not heartbeat.heard_here():
            raise CommandError("No worker of this host was heard lately. Look at its log, then restart it.")
        self.stdout.write("A worker of this host is alive.")
