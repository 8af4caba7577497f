import django.db.models.deletion
from django.db import migrations, models


def dropped(model, column, suffix):
    """Alone: AlterField would check the foreign key anew, while nobody may read either table."""
    table = f"nfc_{model}"
    index = f"{table}_{column}_{suffix}"
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('nfc', '0002_figures'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                dropped('optinform', 'business_id', 'd687db02'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='optinform',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='forms', to='accounts.business'),
                ),
            ],
        ),
    ]
