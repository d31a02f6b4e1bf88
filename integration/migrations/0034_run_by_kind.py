from django.db import migrations, models

from integration.schema_operations import AddIndexUnderTraffic


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('integration', '0033_event_not_routed'),
    ]

    operations = [
        AddIndexUnderTraffic(
            model_name='syncrun',
            index=models.Index(fields=['kind', 'created_at'], name='run_by_kind'),
        ),
    ]
