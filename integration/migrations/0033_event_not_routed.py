from django.db import models

from django.db import migrations

from integration.schema_operations import AddIndexUnderTraffic


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('integration', '0032_fences'),
    ]

    operations = [
        AddIndexUnderTraffic(
            model_name='webhookevent',
            index=models.Index(condition=models.Q(('reason__in', ('internal_error', 'recipe_unknown'))), fields=['connection', '-id'], name='event_not_routed'),
        ),
    ]
