"""What was submitted stays as it is until it is void, foots, and is overridden only by two people; guards of the lines."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__)
CREATE = HERE.with_suffix(".sql").read_text()
DROP = HERE.with_name("0022_numbers_stay_as_signed_reverse.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("distributions", "0021_deductions_and_overrides")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(CREATE, DROP),
        guards.AddGuard(
            model_name="distribution",
            trigger=pgtrigger.compiler.Trigger(
                name="stays_as_submitted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="distributions_stay_as_submitted()",
                    func="RETURN NULL;",
                    hash="97d859384f2b4bfa13002d3a18dcf31e8d4e7c2d",
                    operation="UPDATE",
                    pgid="pgtrigger_stays_as_submitted_cdde7",
                    table="distributions",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable_override",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('withholding_amount', 'calculated', 'override_reason', 'overridden_by_id')",
                    func="RETURN NULL;",
                    hash="07290315abd71d466502f62af44850fe867d92cb",
                    operation='UPDATE OF "withholding_amount", "calculated", "override_reason", "overridden_by_id"',
                    pgid="pgtrigger_immutable_override_4a4a1",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('override_confirmed_by_id', 'override_confirmed_at')",
                    func="RETURN NULL;",
                    hash="edf800c827547054ac527d9d9ef691fa46c76a62",
                    operation='UPDATE OF "override_confirmed_by_id", "override_confirmed_at"',
                    pgid="pgtrigger_written_once_fda10",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="is_drawn_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.status IN ('PENDING', 'CANCELLED'))",
                    execute="distributions_allocation_is_drawn_up()",
                    func="RETURN NULL;",
                    hash="12840bb4cc25685b02d75bfc2cfbe99042c57ec1",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_is_drawn_up_eec96",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="8a5ce1c97aafcef5af4a1a59dee5fcd5d88a0323",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_46599",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="allocation_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="11c886a618f3cb716a50d893aeac7eb449ad7095",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_049bd",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="allocation_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="15be4c9d4472668821f42b734b6b3a5a042d2618",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_21cac",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="allocation_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationline",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="141ecf9ce029259dc15b3e0804a026982d28db5e",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f6d18",
                    table="allocation_lines",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="allocationline",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="d6dc47990bf17fb7cafc6aa6d7931df6d093d308",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_15388",
                    table="allocation_lines",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="withholdingrate",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="9d6b24455803af5158ab4cca726a5cd2052dc606",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_fa7e5",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="withholding_rates",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="withholdingrate",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="b912de20b0d93b313e4b0caebf67f97c815d0233",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_f9730",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="withholding_rates",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="withholdingrate",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="ca1b56bbbc0201ed05cb5e134a545ae4a237060f",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_8fb26",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="withholding_rates",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="withholdingrate",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f72bf17d0b9e4ef8b0c8905663c237c89eed407b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_3aca9",
                    table="withholding_rates",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="withholdingrate",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f21fe81705d4a4dd777261a669855b38fa925d37",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_b9205",
                    table="withholding_rates",
                    when="BEFORE",
                ),
            ),
        ),
    ]
