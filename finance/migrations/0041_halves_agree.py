"""The rule of two payments that are halves of one movement, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("finance", "0040_link_the_halves_of_a_movement")]
    operations = [
        migrations.RunSQL(
            (HERE / "0041_halves_agree.sql").read_text(encoding="utf-8"),
            (HERE / "0041_halves_agree_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
