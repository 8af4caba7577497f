"""Templates for everybody, in English and Greek.

Each fits one GSM-7 segment with room for a name and the opt-out link. The Greek is in capitals, and
spelt with Latin look-alikes where GSM-7 lacks the letter, as `segments.gsm7_suggestion` does.
"""

from django.db import migrations

TEMPLATES = {
    "Welcome (English)": (
        "Welcome, {{first_name|friend}}! Show this SMS at the till for 10% off your next visit."
    ),
    "Weekend offer (English)": (
        "Hi {{first_name|there}}, this weekend only: 20% off everything in store. See you soon!"
    ),
    "We miss you (English)": (
        "We miss you, {{first_name|friend}}! Come by this week: the coffee is on us with this SMS."
    ),
    "Καλωσόρισμα (Ελληνικά)": (
        "KAΛΩΣ HPΘATE! ΔEIΞTE AYTO TO SMS ΣTO TAMEIO ΓIA -10% ΣTHN EΠOMENH AΓOPA ΣAΣ."
    ),
    "Προσφορά Σαββατοκύριακου (Ελληνικά)": (
        "MONO AYTO TO ΣABBATOKYPIAKO: -20% ΣE OΛA TA EIΔH ΣTO KATAΣTHMA. ΣAΣ ΠEPIMENOYME!"
    ),
    "Μας λείψατε (Ελληνικά)": (
        "MAΣ ΛEIΨATE! EΛATE AYTH THN EBΔOMAΔA KAI O KAΦEΣ EINAI KEPAΣMENOΣ ME AYTO TO SMS."
    ),
}


def create_templates(apps, schema_editor):
    template = apps.get_model("campaigns", "Template")
    template.objects.bulk_create(
        template(business=None, name=name, text=text) for name, text in TEMPLATES.items()
    )


def delete_templates(apps, schema_editor):
    apps.get_model("campaigns", "Template").objects.filter(
        business=None, name__in=TEMPLATES
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_ladder")]

    operations = [migrations.RunPython(create_templates, delete_templates)]
