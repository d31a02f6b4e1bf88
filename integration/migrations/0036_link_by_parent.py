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
            index=models.Index(condition=models.Q(('parent_id', ''), _negated=True), fields=['integration', 'parent_id'], name='link_by_parent'),
        ),
    ]
