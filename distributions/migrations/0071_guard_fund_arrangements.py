"""The rules of funds: drawn up by one, activated by another, an offering in one fund at most, never changed."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__)
CREATE = HERE.with_suffix(".sql").read_text(encoding="utf-8")
DROP = HERE.with_name("0071_guard_fund_arrangements_reverse.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("distributions", "0070_fund_arrangements")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(CREATE, DROP),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="9b93802d6c7ef160bd3d7daff88b79deed25e3f1",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_ccac1",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="fund_deals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="1a5e68d5ceb93750d0e0f0b7ce6991c819776be3",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_3c8cd",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="fund_deals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="e858c42c92d003f268e89699e3f6e39df4ad24b2",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_3c922",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="fund_deals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="92e0cb7490aa2203a95ebb7a73f05454ef66235a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0d92e",
                    table="fund_deals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="e90deaea4e47d019a0c723ba208887dd15e901b1",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_509bc",
                    table="fund_deals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="funddeal",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="fund_deal_fits()",
                    func="RETURN NULL;",
                    hash="3d5c227b1d089cc73a3a3012f5e60a5503d77174",
                    operation="INSERT",
                    pgid="pgtrigger_fits_c78a7",
                    table="fund_deals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="97d692846f72631dc3fe8ae3a0d498e23d315937",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_60490",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="fund_arrangements",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="e4e8d37adf9a314e97db3adf42e6a0b30a276b9f",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_19257",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="fund_arrangements",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="28803acae38f383b28dff172860d25161c755450",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_7142d",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="fund_arrangements",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f1a6d35cf20016e636b3fdfecf4faa36afa19b01",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_81f46",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="0129caaa670bf1ab995a7f10eb938a8fa3e37057",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_77608",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('organization_id', 'name', 'version', 'terms_id', 'tax_rate', 'note', 'created_by_id', 'created_at')",
                    func="RETURN NULL;",
                    hash="92ce3d082ea6bff56734faa3efc6e081d50e2212",
                    operation='UPDATE OF "organization_id", "name", "version", "terms_id", "tax_rate", "note", "created_by_id", "created_at"',
                    pgid="pgtrigger_immutable_637d1",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('activated_by_id', 'activated_at', 'content_hash', 'superseded_at')",
                    func="RETURN NULL;",
                    hash="8f399316225f3e56903aa997d8c0646173cf7ce6",
                    operation='UPDATE OF "activated_by_id", "activated_at", "content_hash", "superseded_at"',
                    pgid="pgtrigger_written_once_8520a",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'DRAFT\', \'{"ACTIVE": ["SUPERSEDED"], "DRAFT": ["ACTIVE", "WITHDRAWN"], "SUPERSEDED": [], "WITHDRAWN": []}\')',
                    func="RETURN NULL;",
                    hash="364cfab02bad9443ac3d681c6a6fefa31e0c9368",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_3862c",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="stands",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="fund_arrangement_stands()",
                    func="RETURN NULL;",
                    hash="0651725bf17c35956fbc7d9872c6086d436b3213",
                    operation='UPDATE OF "status"',
                    pgid="pgtrigger_stands_95bf0",
                    table="fund_arrangements",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="fundarrangement",
            trigger=pgtrigger.compiler.Trigger(
                name="follows_on",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="fund_arrangement_follows_on()",
                    func="RETURN NULL;",
                    hash="fa4da5a4d89f4ac0fdc3ab06f5a18d5700488ca7",
                    operation='UPDATE OF "status"',
                    pgid="pgtrigger_follows_on_8909e",
                    table="fund_arrangements",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
