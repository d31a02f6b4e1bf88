"""A seed that was shown and never confirmed is forgotten: it lives in the session that sees it now."""

from django.db import migrations


def forget(apps, schema_editor):
    apps.get_model("integration", "AuthenticatorApp").objects.filter(confirmed=False).delete()


class Migration(migrations.Migration):

    dependencies = [
        ("integration", "0021_erased_address"),
    ]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
