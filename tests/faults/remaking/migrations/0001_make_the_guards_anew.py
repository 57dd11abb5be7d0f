"""Drop and make again each guard of the tables that postings write to, as a migration that changes them does."""

from typing import Any

from django.db import migrations

from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount


def make_anew(_: Any, schema_editor: Any) -> None:
    # In the order in which a posting takes them, or the two could wait for each other.
    for model in (EscrowAccount, LedgerAccount, JournalEntry, EscrowLedgerEntry):
        for trigger in vars(model._meta)["triggers"]:
            made = trigger.compile(model)
            schema_editor.execute(made.uninstall_sql)
            schema_editor.execute(made.install_sql)


class Migration(migrations.Migration):
    dependencies = [("escrow", "0050_leave_room_beside_hot_rows")]
    operations = [migrations.RunPython(make_anew, migrations.RunPython.noop)]
