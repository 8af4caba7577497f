"""The ladder of a campaign's status, held by the database."""

from django.db import migrations

LADDER = """
CREATE TRIGGER campaign_ladder BEFORE UPDATE OF status ON campaigns_campaign FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
    ('draft', 'scheduled'), ('scheduled', 'draft'),
    ('scheduled', 'sending'), ('scheduled', 'cancelled'), ('scheduled', 'failed'),
    ('scheduled', 'missed'), ('missed', 'scheduled'), ('missed', 'cancelled'),
    ('sending', 'completed'), ('sending', 'paused'), ('paused', 'sending'),
    ('sending', 'cancelled'), ('paused', 'cancelled'),
    ('sending', 'failed'), ('paused', 'failed'),
    ('sending', 'scheduled'), ('completed', 'sending')
)) EXECUTE FUNCTION refuse_status_step('status')
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial"), ("messaging", "0002_ladders")]

    operations = [
        migrations.RunSQL(LADDER, "DROP TRIGGER campaign_ladder ON campaigns_campaign"),
    ]
