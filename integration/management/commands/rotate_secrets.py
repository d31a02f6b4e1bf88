"""`manage.py rotate_secrets`: re-encrypt every stored secret with the newest key, so that old keys can be dropped."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.db import connection as database

from integration.models import AuthenticatorApp, Connection, WebhookEndpoint
from integration.secrets import DecryptionFailed, rotate

FIELDS = ((Connection, "credentials"), (WebhookEndpoint, "secret"), (AuthenticatorApp, "seed"))


class Command(BaseCommand):
    """Re-encrypt secrets."""

    help = "Re-encrypt all stored secrets with the first key of LOCKSTEP_SECRET_KEYS. Safe while traffic runs."
    requires_system_checks = ("lockstep",)  # not those of a start: it is the way out of a key that everybody knows

    def handle(self, *args: str, **options: str | bool | int | None) -> None:
        """Rotate row by row: a value that changed meanwhile is already written with the newest key."""
        unreadable = 0
        for model, field in FIELDS:
            count, failed = self._rotate(model._meta.db_table, field)
            unreadable += failed
            self.stdout.write(f"{model._meta.verbose_name}: {count} re-encrypted, {failed} unreadable")
        if unreadable:
            raise CommandError("Some values fit none of the configured keys. Put the old key back before you drop it.")

    def _rotate(self, table: str, field: str) -> tuple[int, int]:
        quote = database.ops.quote_name
        key, name = quote("id"), quote(field)
        with database.cursor() as cursor:
            cursor.execute(f"SELECT {key}, {name} FROM {quote(table)}")  # noqa: S608 (names from our own models)
            rows = cursor.fetchall()
        done = failed = 0
        for pk, old in rows:
            try:
                new = rotate(old)
            except DecryptionFailed:
                failed += 1
                continue
            with database.cursor() as cursor:
                statement = f"UPDATE {quote(table)} SET {name} = %s WHERE {key} = %s AND {name} = %s"  # noqa: S608
                cursor.execute(statement, [new, pk, old])
                done += cursor.rowcount
        return done, failed
