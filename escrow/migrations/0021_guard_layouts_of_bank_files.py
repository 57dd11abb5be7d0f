"""Layouts are audited and never changed."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0002_guards"),
        ("escrow", "0020_save_layouts_of_bank_files"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="bankfilelayout",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="409143c63b694e25fd0ca9dc1a7f67836f4b1b99",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_8e753",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_file_layouts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankfilelayout",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="e6ac3db0a0fa55c3588d87f553dd749d482197e4",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_d05e1",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="bank_file_layouts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankfilelayout",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="64f86e306fbcd00d3d9c76c85651830062b16fc4",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_e491c",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="bank_file_layouts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankfilelayout",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="e3c2a34c7cb9058828fd181059f280643d690f68",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_aca6f",
                    table="bank_file_layouts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankfilelayout",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="faa5f29d1e0412510d1d6ce711ffddc6073a4e80",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_cb1af",
                    table="bank_file_layouts",
                    when="BEFORE",
                ),
            ),
        ),
    ]
