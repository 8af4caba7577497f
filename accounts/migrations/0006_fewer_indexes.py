import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def dropped(model, column, suffix):
    """Alone: AlterField would check the foreign key anew, while nobody may read either table."""
    table = f"accounts_{model}"
    index = f"{table}_{column}_{suffix}"
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0005_schedule'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                dropped('idempotentrequest', 'business_id', 'dc470761'),
                dropped('membership', 'user_id', '487fb39e'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='idempotentrequest',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='membership',
                    name='user',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
    ]
