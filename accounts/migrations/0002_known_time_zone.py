"""A zone that the database does not know would stop the claim of every business's messages."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_business ADD CONSTRAINT business_time_zone_known"
            " CHECK ((created_at AT TIME ZONE time_zone) IS NOT NULL)",
            "ALTER TABLE accounts_business DROP CONSTRAINT business_time_zone_known",
        ),
    ]
