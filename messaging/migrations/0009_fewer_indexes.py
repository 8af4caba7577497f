import django.db.models.deletion
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('messaging', '0008_asked_for'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('messaging_autoreply', 'business_id', '19665405'),
                drop_index('messaging_broadcast', 'business_id', '550cca84'),
                drop_index('messaging_dailyusage', 'business_id', 'fbeff99b'),
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
