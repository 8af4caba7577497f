import django.db.models.deletion
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('messaging', '0009_fewer_indexes'),
        ('tracking', '0002_room_for_counters'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('tracking_shortlink', 'broadcast_id', 'c1ebe0d3'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='shortlink',
                    name='broadcast',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='short_links', to='messaging.broadcast'),
                ),
            ],
        ),
    ]
