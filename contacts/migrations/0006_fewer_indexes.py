import django.db.models.deletion
from django.db import migrations, models

from accounts.operations import drop_index


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('accounts', '0006_fewer_indexes'),
        ('contacts', '0005_inbound'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('contacts_consenttext', 'business_id', '46c3c32f'),
                drop_index('contacts_contact', 'business_id', '5b2b13fb'),
                drop_index('contacts_contactimporterror', 'contact_import_id', 'cdc90801'),
                drop_index('contacts_contactlist', 'business_id', '6746323b'),
                drop_index('contacts_dailysignups', 'business_id', '46da0077'),
                drop_index('contacts_listmembership', 'contact_list_id', 'c8f53961'),
                drop_index('contacts_optinrequest', 'business_id', '6b70e393'),
                drop_index('contacts_suppression', 'business_id', 'e420d022'),
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
