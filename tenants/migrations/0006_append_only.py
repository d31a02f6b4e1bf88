"""The audit is append-only for everybody, the database's own user included, and takes over the lines there are.

A migration that alters the table on SQLite makes it anew and loses the triggers: call `protect` again at its end.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import migrations
from django.utils import translation

TABLE = "tenants_auditentry"
KEPT_DAYS = 365  # younger lines are not even deleted by the retention

SQLITE = (
    f"""CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON {TABLE}
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    f"""CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON {TABLE}
    WHEN julianday('now') - julianday(OLD.at) < {KEPT_DAYS}
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
)
POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger AS $$
    BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$ LANGUAGE plpgsql""",
    f"""CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON {TABLE}
    FOR EACH ROW WHEN (OLD.at > now() - interval '{KEPT_DAYS} days') EXECUTE FUNCTION audit_refuse()""",
    f"""CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)
SQLITE_BACK = ("DROP TRIGGER IF EXISTS audit_is_never_changed", "DROP TRIGGER IF EXISTS audit_is_never_deleted")
POSTGRESQL_BACK = (
    *(f"DROP TRIGGER IF EXISTS audit_is_never_{what} ON {TABLE}" for what in ("changed", "deleted", "emptied")),
    "DROP FUNCTION IF EXISTS audit_refuse",
)


def protect(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def open_up(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(statement)


def _sentence(row: Any) -> str:
    """What the former list showed: its own lines are structured, ours were sentences."""
    with translation.override("en"):
        line = LogEntry(change_message=row.change_message, action_flag=row.action_flag)
        return line.get_change_message() or str(line.get_action_flag_display())


def take_over(apps: Any, schema_editor: Any) -> None:
    """Copy the lines of the console's former list, oldest first."""
    entry, former = apps.get_model("tenants", "AuditEntry"), apps.get_model("admin", "LogEntry")
    rows = former.objects.select_related("user", "content_type").order_by("pk")
    made = (
        entry(
            at=row.action_time, user_number=row.user_id, who=row.user.username if row.user_id else "",
            model=f"{row.content_type.app_label}.{row.content_type.model}" if row.content_type_id else "",
            row=(row.object_id or "")[:64], row_name=row.object_repr, what=_sentence(row),
        )
        for row in rows.iterator(chunk_size=1000)
    )  # fmt: skip
    entry.objects.bulk_create(made, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_audit_entry"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.RunPython(protect, open_up),
    ]
