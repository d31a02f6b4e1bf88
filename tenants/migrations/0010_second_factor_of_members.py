from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("tenants", "0007_closing_and_viewing"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="requires_second_factor",
            field=models.BooleanField(
                default=False,
                help_text="When this is on, each member needs an authenticator app. Owners decide it on their Team page.",
                verbose_name="requires a second factor",
            ),
        ),
    ]
