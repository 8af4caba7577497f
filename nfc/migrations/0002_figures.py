"""The figures of a tag's day move with every scan, at the commit."""

from django.db import migrations

# At the commit, since redemptions and opt-outs hold figures of their own in other orders: whoever
# waited here with locks held could wait for somebody who waits for those.
FUNCTION = """
CREATE FUNCTION count_scan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    redeemed integer := (NEW.kind = 'redemption')::integer - (NEW.kind = 'redemption_undone')::integer;
    stopped integer := (NEW.kind = 'unsubscribe')::integer - (NEW.kind = 'unsubscribe_undone')::integer;
BEGIN
    INSERT INTO nfc_tagday AS figures (tag_id, day, taps, forms, opt_ins, visits, redemptions, unsubscribes)
    VALUES (
        NEW.tag_id,
        NEW.day,
        (NEW.kind = 'tap')::integer,
        (NEW.kind = 'form')::integer,
        (NEW.kind = 'opt_in')::integer,
        (NEW.kind = 'visit')::integer,
        greatest(redeemed, 0),
        greatest(stopped, 0)
    )
    ON CONFLICT (tag_id, day) DO UPDATE SET
        taps = figures.taps + excluded.taps,
        forms = figures.forms + excluded.forms,
        opt_ins = figures.opt_ins + excluded.opt_ins,
        visits = figures.visits + excluded.visits,
        redemptions = figures.redemptions + redeemed,
        unsubscribes = figures.unsubscribes + stopped;
    RETURN NULL;
END $$
"""

TRIGGER = """
CREATE CONSTRAINT TRIGGER scan_is_counted AFTER INSERT ON nfc_scan
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NOT NEW.is_test) EXECUTE FUNCTION count_scan()
"""


class Migration(migrations.Migration):
    dependencies = [("nfc", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION count_scan()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER scan_is_counted ON nfc_scan"),
    ]
