from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0007_schedule")]

    operations = [
        migrations.AddField(
            model_name="broadcast",
            name="is_asked_for",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Answers somebody who asked: no frequency cap holds it, nor does it count.",
            ),
        ),
    ]
