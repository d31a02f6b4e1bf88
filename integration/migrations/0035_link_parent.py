from django.db import migrations, models
from django.db.models import Max, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

PORTION = 5000  # links in one transaction, so that nobody waits for them


def fill(apps, schema_editor):
    """Copy the organization of each link out of its notes."""
    links = apps.get_model("integration", "RecordLink").objects
    last = links.aggregate(last=Max("pk"))["last"] or 0
    for start in range(0, last + 1, PORTION):
        portion = links.filter(pk__gt=start, pk__lte=start + PORTION, notes__has_key="organization")
        portion.update(parent_id=Coalesce(KT("notes__organization"), Value("")))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('integration', '0034_run_by_kind'),
    ]

    operations = [
        migrations.AddField(
            model_name='recordlink',
            name='parent_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
