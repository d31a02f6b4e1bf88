"""Names of the field: a reference cache, an index of identities, a limit that tripped. No table or column changes."""

import django.db.models.deletion
from django.db import migrations, models

RENAMED = {"directory": "referencecache", "emailindex": "identityindex"}


def rename_permissions(apps, schema_editor):
    """Groups keep what they may do: content types and permissions of a renamed model get its new name."""
    using = schema_editor.connection.alias
    for before, after in RENAMED.items():
        kinds = apps.get_model("contenttypes", "ContentType").objects.using(using)
        kinds.filter(app_label="integration", model=before).update(model=after)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
        for permission in permissions.filter(
            content_type__app_label="integration", content_type__model=after, codename__endswith=f"_{before}"
        ):
            permission.codename = permission.codename.removesuffix(before) + after
            permission.save(update_fields=["codename"])


def _of_connection(related_name):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name=related_name, to="integration.connection"
    )


class Migration(migrations.Migration):
    """What Django knows is renamed; the database is not touched, so code of before goes on working meanwhile."""

    dependencies = (
        ("integration", "0009_name_of_health"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )

    operations = (
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelTable("directory", "integration_directory"),
                migrations.AlterModelTable("emailindex", "integration_emailindex"),
                migrations.RenameModel("Directory", "ReferenceCache"),
                migrations.RenameModel("EmailIndex", "IdentityIndex"),
                migrations.AlterModelOptions("referencecache", {}),
                migrations.AlterField("referencecache", "connection", _of_connection("reference_lists")),
                migrations.AlterField("identityindex", "connection", _of_connection("identities")),
                migrations.AlterField("brake", "engaged_at", models.DateTimeField(db_column="engaged_at", null=True)),
                migrations.RenameField("brake", "engaged_at", "tripped_at"),
            ]
        ),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
    )
