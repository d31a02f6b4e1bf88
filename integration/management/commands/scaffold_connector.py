"""`manage.py scaffold_connector acme --label Acme --host api.acme.com`: the first version of a connector."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.management.scaffold.connector import NewConnector, write


class Command(BaseCommand):
    """Scaffold a connector."""

    requires_system_checks = ()  # it needs no database and no running hub
    help = "Write the files of a new connector with its tests; docs/adding-a-vendor.md says how to go on."

    def add_arguments(self, parser: CommandParser) -> None:
        """The vendor."""
        parser.add_argument("vendor", help="the key, for example acme")
        parser.add_argument("--label", required=True, help="what people call it, for example Acme")
        parser.add_argument("--host", required=True, help="where its API is, for example api.acme.com")
        parser.add_argument("--root", type=Path, default=settings.BASE_DIR, help="the project's folder")

    def handle(
        self, *args: str, vendor: str, label: str, host: str, root: Path, **options: str | bool | int | None
    ) -> None:
        """Write it."""
        try:
            written = write(NewConnector(vendor, label, host), root)
        except (ValueError, FileExistsError) as exc:
            raise CommandError(str(exc), returncode=2) from exc
        self.stdout.write("\n".join(str(path.relative_to(root)) for path in written))
        self.stdout.write(
            f"\nRun `make fmt`, which sorts imports by the new name. {label} then passes "
            "`make check` and the standard suite:\n"
            f".venv/bin/python -m pytest tests/integration/connectors/{vendor}\n"
            "Each todo of its quality.yaml is a next step; docs/adding-a-vendor.md has them in order."
        )
