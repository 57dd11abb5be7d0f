"""Two indexes that every posting paid for go: nobody asks for entries by distribution, nor for who posted."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0095_post_by_the_rows_of_a_batch"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="journalentry", name="journal_entries_created_by"),
        migrations.RemoveIndex(model_name="escrowledgerentry", name="escrow_entries_distribution"),
    ]
