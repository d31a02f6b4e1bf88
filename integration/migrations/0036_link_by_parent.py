from django.db import migrations, models

from integration.schema_operations import AddIndexUnderTraffic


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('integration', '0035_link_parent'),
    ]

    operations = [
        AddIndexUnderTraffic(
            model_name='recordlink',
            index=models.Index(fields=['integration', 'link_type', 'parent_id'], name='link_by_parent'),
        ),
    ]
