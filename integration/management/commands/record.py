"""`manage.py record`: write what a vendor's account answered into files, to compare the sandbox with it."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.management import recordings
from integration.models import Connection


class Command(BaseCommand):
    """Record."""

    help = "Write the recorded calls of a connection, redacted as they are, into files. Calls no vendor."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which connection, and where to."""
        parser.add_argument("--connection", type=uuid.UUID, required=True, help="the connection whose calls to write")
        parser.add_argument("--out", type=Path, default=Path("var/recordings"), help="the folder (var/recordings)")

    def handle(self, *args: str, connection: uuid.UUID, out: Path, **options: str | bool | int | None) -> None:
        """Write them."""
        row = Connection.objects.filter(pk=connection).first()
        if row is None:
            raise CommandError("There is no such connection.", returncode=2)
        folder = out / row.vendor
        count = recordings.export(row, folder)
        if not count:
            raise CommandError("No call of this connection is kept. Run Diagnose or a dry run first.", returncode=1)
        self.stdout.write(f"{count} calls of {row.connector.label} in {folder}. Read them before you pass them on.")
