import django.db.models.deletion
from django.db import migrations, models


def dropped(model, column, suffix):
    """Alone: AlterField would check the foreign key anew, while nobody may read either table."""
    table = f"messaging_{model}"
    index = f"{table}_{column}_{suffix}"
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('messaging', '0008_asked_for'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                dropped('autoreply', 'business_id', '19665405'),
                dropped('broadcast', 'business_id', '550cca84'),
                dropped('dailyusage', 'business_id', 'fbeff99b'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='autoreply',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='auto_replies', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='broadcast',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='broadcasts', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='dailyusage',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business'),
                ),
            ],
        ),
    ]
