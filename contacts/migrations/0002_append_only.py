"""A consent is proof: once written it stays as it was."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION refuse_consent_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.contact_id IS NULL
        AND to_jsonb(NEW) - 'contact_id' = to_jsonb(OLD) - 'contact_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'consents are insert-only' USING ERRCODE = 'check_violation';
END $$
"""

TRIGGER = """
CREATE TRIGGER consent_insert_only BEFORE UPDATE OR DELETE ON contacts_consent
FOR EACH ROW EXECUTE FUNCTION refuse_consent_change()
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_consent_change()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER consent_insert_only ON contacts_consent"),
    ]
