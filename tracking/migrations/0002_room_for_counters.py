"""Room for the new version of a row in its own page: counters move without touching the index."""

from django.db import migrations

TABLES = ("tracking_engagementcounters", "tracking_listengagement")


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = 10)",
            f"ALTER TABLE {table} RESET (fillfactor)",
        )
        for table in TABLES
    ]
