"""What the database lets pass of write-offs, and their guards: two people, an allocation that waits, and both ends at once."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__)
CREATE = HERE.with_suffix(".sql").read_text(encoding="utf-8")
DROP = HERE.with_name("0052_rules_of_write_offs_reverse.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("distributions", "0051_write_offs")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(CREATE, DROP),
        guards.AddGuard(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="is_written_off",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="distributions_allocation_is_written_off()",
                    func="RETURN NULL;",
                    hash="ea31b711aae0836c58fcfedcc8cd9366c32cad43",
                    operation='UPDATE OF "written_off_at"',
                    pgid="pgtrigger_is_written_off_1e007",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="a93304975c11603ac4f26241ae6c97f7983cba0d",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_4dc9a",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="allocation_write_offs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="2edd9f03d587a340d30144dab0070cbf1bd270c2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_8a58f",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="allocation_write_offs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="6115d9145a0f9c225e8a938cd6ac30ab41cc7352",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_2230c",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="allocation_write_offs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="adcd9ea26b160b442d8e0629bb8eb534322f0014",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_d39f2",
                    table="allocation_write_offs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="1af03aeb9f1ae8340d3e5482fc9bcbfe08567f09",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_0e43a",
                    table="allocation_write_offs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('allocation_id', 'amount', 'reason', 'proposed_by_id', 'created_at')",
                    func="RETURN NULL;",
                    hash="f7510bf2ec891b4bc4de6139186c41e2117d6f9c",
                    operation='UPDATE OF "allocation_id", "amount", "reason", "proposed_by_id", "created_at"',
                    pgid="pgtrigger_immutable_f2d9b",
                    table="allocation_write_offs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PROPOSED\', \'{"EXECUTED": [], "PROPOSED": ["EXECUTED", "WITHDRAWN"], "WITHDRAWN": []}\')',
                    func="RETURN NULL;",
                    hash="ed8a75692d9d777fa716509a169c9ffb1b3b0460",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_196c4",
                    table="allocation_write_offs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="allocation_write_off_fits()",
                    func="RETURN NULL;",
                    hash="cf2a4ec673f53b69b29ced6e41295f4e8293794f",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_fits_4e06b",
                    table="allocation_write_offs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationwriteoff",
            trigger=pgtrigger.compiler.Trigger(
                name="ends",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="allocation_write_off_ends()",
                    func="RETURN NULL;",
                    hash="77969c91e5bf33cea2e163725741138061d9114b",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_ends_6a998",
                    table="allocation_write_offs",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
