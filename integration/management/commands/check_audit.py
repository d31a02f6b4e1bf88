"""`manage.py check_audit FILE`: whether an export of the audit is what this installation signed."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import audit_export


class Command(BaseCommand):
    """Check signed lines; without a file, print the public key."""

    help = "Check an exported audit. Without a file: print the key that others need to check it."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, and the key where it is another installation's."""
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--key", default="", help="The public key; that of this installation if left out.")

    def handle(self, *args: str, file: Path | None, key: str, **options: str | bool | int | None) -> None:
        """Say how many entries it holds, or what is wrong with it."""
        if file is None:
            self.stdout.write(audit_export.public_key())
            return
        try:
            with file.open() as lines:
                count = audit_export.check(lines, key or audit_export.public_key())
        except (OSError, UnicodeDecodeError, ValueError, audit_export.Forged) as exc:
            raise CommandError(f"{file}: {exc}") from exc
        self.stdout.write(f"{file}: {count} entries, each as it was signed.")
