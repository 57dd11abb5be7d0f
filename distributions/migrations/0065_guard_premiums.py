"""The guards of premiums that are paid on."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("distributions", "0064_rules_of_premiums")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="d9ce2c132977529b01cd220cbf9e5fda1699809d",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_b5ea2",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="premiums_paid_on",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="8e8ddcf0c9b93249a6eebdf2cfe2ccd654f35955",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_aa7d8",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="premiums_paid_on",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="559f8fb958abc20084c6f7dbdc08585dc69b00b8",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_da65f",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="premiums_paid_on",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="41bc2e579af8c41d23859fb4e4f45a700570cde8",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_dd00a",
                    table="premiums_paid_on",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="89d68f9785e4cac8db01be3d6b68432fa6beece5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_c6a2d",
                    table="premiums_paid_on",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('distribution_id', 'item_id', 'amount', 'created_at')",
                    func="RETURN NULL;",
                    hash="e25dafc0e199f899c899fcce41ad6b1140228370",
                    operation='UPDATE OF "distribution_id", "item_id", "amount", "created_at"',
                    pgid="pgtrigger_immutable_7ec2d",
                    table="premiums_paid_on",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('freed_at')",
                    func="RETURN NULL;",
                    hash="6449cf060bf3b9ab57f8bb6d90e767e32e062cfe",
                    operation='UPDATE OF "freed_at"',
                    pgid="pgtrigger_written_once_ed80e",
                    table="premiums_paid_on",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="premiumpaidon",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="premium_paid_on_fits()",
                    func="RETURN NULL;",
                    hash="3f353d3661718368e2de6cd0349c04d5adfb456e",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_fits_07809",
                    table="premiums_paid_on",
                    when="BEFORE",
                ),
            ),
        ),
    ]
