import django.db.models.deletion
from django.db import migrations, models


def dropped(model, column, suffix):
    """Alone: AlterField would check the foreign key anew, while nobody may read either table."""
    table = f"contacts_{model}"
    index = f"{table}_{column}_{suffix}"
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column})",
    )


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('contacts', '0005_inbound'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                dropped('consenttext', 'business_id', '46c3c32f'),
                dropped('contact', 'business_id', '5b2b13fb'),
                dropped('contactimporterror', 'contact_import_id', 'cdc90801'),
                dropped('contactlist', 'business_id', '6746323b'),
                dropped('dailysignups', 'business_id', '46da0077'),
                dropped('listmembership', 'contact_list_id', 'c8f53961'),
                dropped('optinrequest', 'business_id', '6b70e393'),
                dropped('suppression', 'business_id', 'e420d022'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='consenttext',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='contact',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='contactimporterror',
                    name='contact_import',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='errors', to='contacts.contactimport'),
                ),
                migrations.AlterField(
                    model_name='contactlist',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lists', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='dailysignups',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='listmembership',
                    name='contact_list',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='contacts.contactlist'),
                ),
                migrations.AlterField(
                    model_name='optinrequest',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='suppression',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='suppressions', to='accounts.business'),
                ),
            ],
        ),
    ]
