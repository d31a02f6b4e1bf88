"""What a comparison can find has names that people know. No table or column changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """What Django knows is renamed; the database is not touched."""

    dependencies = (("integration", "0019_schema_change"),)

    operations = (
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    "drift", {"verbose_name": "difference", "verbose_name_plural": "differences"}
                ),
                migrations.AlterField(
                    "drift",
                    "kind",
                    models.CharField(
                        choices=[
                            ("differs", "Different"), ("only_source", "Missing there"), ("only_target", "Only there"),
                        ],
                        max_length=12,
                    ),
                ),
            ]
        ),
    )  # fmt: skip
