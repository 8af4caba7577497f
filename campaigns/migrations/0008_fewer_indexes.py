import django.db.models.deletion
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('campaigns', '0007_latest_send_time'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('campaigns_automation', 'business_id', '91dce500'),
                drop_index('campaigns_campaign', 'business_id', '2af77d3f'),
                drop_index('campaigns_campaigntest', 'business_id', '52221cba'),
                drop_index('campaigns_template', 'business_id', '99b47704'),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='automation',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='automations', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='campaign',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='campaigns', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='campaigntest',
                    name='business',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.business'),
                ),
                migrations.AlterField(
                    model_name='template',
                    name='business',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='templates', to='accounts.business'),
                ),
            ],
        ),
    ]
