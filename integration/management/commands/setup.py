"""`manage.py setup`: bring the database up to date, create roles and schedules. Run it at every deploy."""

from __future__ import annotations

from django.core.management import call_command
from django.core.management.base import BaseCommand

from integration.connectors.registry import CONNECTORS, get_connector
from integration.engine.clients import sunsets
from integration.management.roles import ensure_roles
from integration.management.schedules import ensure_schedules


class Command(BaseCommand):
    """Migrate and schedule."""

    help = "Migrate the database and create the schedules. Safe to run again."

    def handle(self, *args: str, **options: str | bool | int | None) -> None:
        """Do it."""
        call_command("migrate", interactive=False, verbosity=0)
        ensure_roles()
        sunsets.declare(get_connector(key) for key in CONNECTORS)
        self.stdout.write(f"Database is up to date, {ensure_schedules()} schedules in place.")
