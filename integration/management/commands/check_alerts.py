"""`manage.py check_alerts`: evaluate and send alerts without a worker, for cron. Ends with 1 while one is open."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from integration.engine.alerts import ledger
from integration.models import Alert
from integration.notices import deliver
from integration.recipes.registry import get_recipe


class Command(BaseCommand):
    """Check alerts."""

    help = "Evaluate all alerts and send what is due. Needs no worker and no queue. Ends with 1 while an alert is open."

    def handle(self, *args: str, **options: str | bool | int | None) -> None:
        """Evaluate, send, list what is open."""
        ledger.evaluate(get_recipe)
        sent = deliver.deliver(get_recipe)
        rows = list(Alert.objects.filter(resolved_at__isnull=True).order_by("opened_at"))
        for row in rows:
            self.stdout.write(f"{row.opened_at:%Y-%m-%d %H:%M} UTC  {row.what}")
        self.stdout.write(f"{len(rows)} open, {sent} notices sent")
        if rows:
            raise CommandError(f"{len(rows)} alerts are open.", returncode=1)
