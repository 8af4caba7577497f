import django.db.models.deletion
from django.db import migrations, models


def dropped(model, column, suffix):
    """Alone: AlterField would check the foreign key anew, while nobody may read either table."""
    table = f"tracking_{model}"
    index = f"{table}_{column}_{suffix}"
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('messaging', '0009_fewer_indexes'),
        ('tracking', '0002_room_for_counters'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                dropped('shortlink', 'broadcast_id', 'c1ebe0d3'),
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
