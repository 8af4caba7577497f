"""The ladders of the statuses, and the storage that keeps recording fast."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION refuse_status_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, OLD.id,
        to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$
"""

MESSAGE = """
CREATE TRIGGER message_ladder BEFORE UPDATE OF status ON messaging_message FOR EACH ROW
WHEN (OLD.status <> NEW.status AND NOT (
    (OLD.status, NEW.status) IN (
        ('queued', 'sent'), ('queued', 'failed'), ('queued', 'unknown'), ('queued', 'cancelled'),
        ('queued', 'suppressed'), ('queued', 'expired'),
        ('sent', 'delivered'), ('sent', 'undelivered'),
        ('unknown', 'sent'), ('unknown', 'delivered'), ('unknown', 'undelivered'),
        ('unknown', 'failed')
    )
    OR OLD.status = 'failed' AND OLD.reason = 'unconfirmed'
        AND NEW.status IN ('delivered', 'undelivered')
)) EXECUTE FUNCTION refuse_status_step('status')
"""

BATCH = """
CREATE TRIGGER batch_ladder BEFORE UPDATE OF state ON messaging_batch FOR EACH ROW
WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
    ('ready', 'submitting'), ('ready', 'cancelled'),
    ('submitting', 'recorded'), ('submitting', 'lost')
)) EXECUTE FUNCTION refuse_status_step('state')
"""

BROADCAST = """
CREATE TRIGGER broadcast_ladder BEFORE UPDATE OF status ON messaging_broadcast FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
    ('sending', 'paused'), ('paused', 'sending'), ('sending', 'completed'),
    ('sending', 'cancelled'), ('paused', 'cancelled'),
    ('sending', 'failed'), ('paused', 'failed')
)) EXECUTE FUNCTION refuse_status_step('status')
"""

EVENT = """
CREATE TRIGGER gateway_event_ladder BEFORE UPDATE OF state ON messaging_gatewayevent FOR EACH ROW
WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
    ('pending', 'applied'), ('pending', 'quarantined'), ('quarantined', 'pending')
)) EXECUTE FUNCTION refuse_status_step('state')
"""


# Django adds an index for LIKE to each unique text. Under collation "C" the unique index itself
# serves LIKE, and each further random index costs the hottest inserts of all.
DROP_LIKE_INDEXES = """
DO $$ DECLARE extra record; BEGIN
    FOR extra IN SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
        AND tablename IN ('messaging_message', 'messaging_gatewayreference')
        AND right(indexname, 5) = '_like'
    LOOP EXECUTE format('DROP INDEX %I', extra.indexname); END LOOP;
END $$
"""


def trigger(name: str, table: str, sql: str) -> migrations.RunSQL:
    return migrations.RunSQL(sql, f"DROP TRIGGER {name} ON {table}")


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_status_step()"),
        trigger("message_ladder", "messaging_message", MESSAGE),
        trigger("batch_ladder", "messaging_batch", BATCH),
        trigger("broadcast_ladder", "messaging_broadcast", BROADCAST),
        trigger("gateway_event_ladder", "messaging_gatewayevent", EVENT),
        migrations.RunSQL(DROP_LIKE_INDEXES, migrations.RunSQL.noop),
        # Room for the new version of a row in its own page: results are recorded HOT.
        migrations.RunSQL(
            "ALTER TABLE messaging_message SET (fillfactor = 50)",
            "ALTER TABLE messaging_message RESET (fillfactor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE messaging_broadcastcounters SET (fillfactor = 10)",
            "ALTER TABLE messaging_broadcastcounters RESET (fillfactor)",
        ),
    ]
