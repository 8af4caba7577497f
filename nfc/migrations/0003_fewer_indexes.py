import django.db.models.deletion
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('nfc', '0002_figures'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('nfc_optinform', 'business_id', 'd687db02'),
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
