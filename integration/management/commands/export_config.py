"""`manage.py export_config TENANT`: a tenant's integrations as YAML, with variables where secrets belong."""

from __future__ import annotations

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integration.engine.setup import configuration
from integration.recipes.registry import get_recipe
from tenants.audit import acting, command_line, record
from tenants.models import Tenant


class Command(BaseCommand):
    """Write one tenant's configuration to standard output."""

    help = "Print a tenant's connectors, settings and field mappings as YAML. Secrets are written as ${NAME}."

    def add_arguments(self, parser: CommandParser) -> None:
        """The tenant's name."""
        parser.add_argument("tenant")

    def handle(self, *args: str, tenant: str, **options: str | bool | int | None) -> None:
        """Print it."""
        row = Tenant.objects.filter(name=tenant).first()
        if row is None:
            raise CommandError(f"There is no tenant “{tenant}”.")
        document = configuration.export(row, get_recipe)
        with acting(command_line()):
            record("Exported the configuration", row)
        self.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), ending="")
