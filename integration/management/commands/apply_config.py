"""`manage.py apply_config FILE`: compare a document with what is there, show the difference, and make it so."""

from __future__ import annotations

from pathlib import Path

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.engine.setup import configuration
from integration.recipes.registry import get_recipe
from tenants.audit import acting, command_line, record


class Command(BaseCommand):
    """Apply one tenant's configuration."""

    help = "Show what a configuration file changes; with --yes, change it. Unknown keys are refused."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, and --yes."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--yes", action="store_true", help="Apply the changes that are shown.")

    def handle(self, *args: str, file: Path, yes: bool, **options: str | bool | int | None) -> None:
        """Show the difference first, always."""
        try:
            document = yaml.safe_load(file.read_text())
            plans = configuration.plan(document, get_recipe)
            with acting(command_line()):
                for wish in plans:
                    self._one(wish, apply=yes)
        except (OSError, yaml.YAMLError, configuration.Refused) as exc:
            raise CommandError(str(exc)) from exc

    def _one(self, wish: configuration.Plan, *, apply: bool) -> None:
        for change in wish.changes:
            self.stdout.write(str(change))
        if not wish.changes:
            self.stdout.write(f"{wish.integration.recipe}: nothing to change")
        elif not apply:
            self.stdout.write(f"{wish.integration.recipe}: {len(wish.changes)} changes; run again with --yes to apply")
        else:
            said = "; ".join(str(change) for change in wish.changes)
            record(f"Applied a configuration file: {said}", wish.integration)
            for result in configuration.apply(wish, get_recipe):
                self.stdout.write(f"{'ok    ' if result.ok else 'FAILED'} {result.label}: {result.detail}")
