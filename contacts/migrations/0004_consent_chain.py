"""Chains the consents of each business, those that are there and every new one.

The same way for every writer, COPY and SQL included: a trigger per statement notes what came in,
and a deferred one chains it when the transaction commits. So the head of the chain is locked last
of all and for a moment only, whatever else a transaction locks before or after its consents.
"""

from django.db import migrations

# What the hash covers, and how: an array as PostgreSQL writes jsonb, which escapes what could be
# mistaken. Without contact_id, which is emptied when the contact is deleted. Never change this:
# what is chained already would fail. Another format is another function, by a column of the link.
HASH = """
CREATE FUNCTION consent_hash(
    previous text, number bigint, id bigint, business_id bigint, kind text, source text,
    reference text, created_at timestamptz, text_sha256 text, language text, version integer,
    tag text, page text, person_hash text
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        'consent 1', previous, number, id, business_id, kind, source, reference,
        (extract(epoch FROM created_at) * 1000000)::bigint, text_sha256, language, version,
        tag, page, person_hash
    )::text, 'UTF8')), 'hex')
$$
"""

PERSON_HASH = """
CREATE FUNCTION consent_person_hash(salt bytea, phone text, ip inet, user_agent text)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(salt || convert_to(
        jsonb_build_array('person 1', phone, host(ip), user_agent)::text, 'UTF8')), 'hex')
$$
"""

CHAIN = """
CREATE FUNCTION chain_consents(chained bigint, added bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    head contacts_consenthead;
    consent record;
    ids bigint[] := '{}';
    hashes text[] := '{}';
BEGIN
    INSERT INTO contacts_consenthead (business_id, count, last_hash) VALUES (chained, 0, '')
    ON CONFLICT (business_id) DO NOTHING;
    SELECT * INTO head FROM contacts_consenthead WHERE business_id = chained FOR UPDATE;
    FOR consent IN
        SELECT c.*, t.sha256, t.language
        FROM contacts_consent AS c LEFT JOIN contacts_consenttext AS t ON t.id = c.text_id
        WHERE c.id = ANY(added) AND c.business_id = chained ORDER BY c.id
    LOOP
        head.last_hash := consent_hash(
            head.last_hash, head.count + cardinality(ids) + 1, consent.id, consent.business_id,
            consent.kind, consent.source, consent.reference, consent.created_at, consent.sha256,
            consent.language, consent.version, consent.tag, consent.page, consent.person_hash);
        ids := array_append(ids, consent.id);
        hashes := array_append(hashes, head.last_hash);
    END LOOP;
    INSERT INTO contacts_consentlink (consent_id, business_id, number, hash)
    SELECT link.id, chained, head.count + link.place, link.hash
    FROM unnest(ids, hashes) WITH ORDINALITY AS link (id, hash, place);
    UPDATE contacts_consenthead
    SET count = head.count + cardinality(ids), last_hash = head.last_hash
    WHERE business_id = chained;
END $$
"""

# Empty but within a transaction that adds consents.
QUEUE = """
CREATE TABLE contacts_consentqueue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_id bigint NOT NULL,
    consents bigint[] NOT NULL
)
"""

QUEUE_UP = """
CREATE FUNCTION queue_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_consentqueue (business_id, consents)
    SELECT business_id, array_agg(id) FROM added GROUP BY business_id ORDER BY business_id;
    RETURN NULL;
END $$;
CREATE TRIGGER consent_queue AFTER INSERT ON contacts_consent
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_consents()
"""

CHAIN_QUEUED = """
CREATE FUNCTION chain_queued_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chain_consents(NEW.business_id, NEW.consents);
    DELETE FROM contacts_consentqueue WHERE id = NEW.id;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER consent_chain AFTER INSERT ON contacts_consentqueue
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_queued_consents()
"""

# By the triggers above only: whatever they do runs one level deeper than a statement of a client.
BY_TRIGGER_ONLY = """
CREATE FUNCTION refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'only the database writes the chain of consents'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER consent_queue_by_trigger BEFORE INSERT OR UPDATE OR DELETE ON contacts_consentqueue
FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand();
CREATE TRIGGER consent_head_by_trigger BEFORE INSERT OR UPDATE OR DELETE ON contacts_consenthead
FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand();
CREATE TRIGGER consent_link_by_trigger BEFORE INSERT OR UPDATE OR DELETE ON contacts_consentlink
FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand()
"""

KEPT = """
CREATE FUNCTION refuse_change_of_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps what was written', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER consent_link_insert_only BEFORE UPDATE OR DELETE ON contacts_consentlink
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record();
CREATE TRIGGER consent_head_stays BEFORE DELETE ON contacts_consenthead
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record();
CREATE TRIGGER consent_text_insert_only BEFORE UPDATE OR DELETE ON contacts_consenttext
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record();
CREATE TRIGGER consent_person_unchanged BEFORE UPDATE ON contacts_consentperson
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record()
"""

# Before the guards, and in portions: their ids and hashes are held in memory. The trigger's lock
# on the table keeps others from adding consents that neither it nor this would see.
CHAIN_WHAT_IS_THERE = """
DO $$
DECLARE
    portion record;
BEGIN
    FOR portion IN
        SELECT business_id, array_agg(id ORDER BY id) AS ids FROM (
            SELECT business_id, id,
                (row_number() OVER (PARTITION BY business_id ORDER BY id) - 1) / 10000 AS part
            FROM contacts_consent
        ) AS numbered GROUP BY business_id, part ORDER BY business_id, part
    LOOP
        PERFORM chain_consents(portion.business_id, portion.ids);
    END LOOP;
END $$
"""

FORGET = """
DELETE FROM contacts_consentlink;
DELETE FROM contacts_consenthead;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_consent_proof")]

    operations = [
        migrations.RunSQL(
            HASH,
            "DROP FUNCTION consent_hash(text, bigint, bigint, bigint, text, text, text,"
            " timestamptz, text, text, integer, text, text, text)",
        ),
        migrations.RunSQL(PERSON_HASH, "DROP FUNCTION consent_person_hash(bytea, text, inet, text)"),
        migrations.RunSQL(CHAIN, "DROP FUNCTION chain_consents(bigint, bigint[])"),
        migrations.RunSQL(QUEUE, "DROP TABLE contacts_consentqueue"),
        migrations.RunSQL(QUEUE_UP, "DROP TRIGGER consent_queue ON contacts_consent; DROP FUNCTION queue_consents()"),
        migrations.RunSQL(CHAIN_QUEUED, "DROP TRIGGER consent_chain ON contacts_consentqueue; DROP FUNCTION chain_queued_consents()"),
        migrations.RunSQL(CHAIN_WHAT_IS_THERE, FORGET),
        migrations.RunSQL(BY_TRIGGER_ONLY, "DROP FUNCTION refuse_by_hand() CASCADE"),
        migrations.RunSQL(KEPT, "DROP FUNCTION refuse_change_of_record() CASCADE"),
    ]
