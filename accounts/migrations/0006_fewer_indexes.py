import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0005_schedule'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('accounts_idempotentrequest', 'business_id', 'dc470761'),
                drop_index('accounts_membership', 'user_id', '487fb39e'),
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
