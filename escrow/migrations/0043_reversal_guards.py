"""The guards of journal reversals, and of the REVERSAL entries they allow."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0002_guards"),
        ("escrow", "0042_reversals"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / "0043_reversal_guards.sql").read_text(encoding="utf-8"),
            (HERE / "0043_reversal_guards_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="journalentry",
            trigger=pgtrigger.compiler.Trigger(
                name="reversal_is_approved",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.event = 'REVERSAL' OR NEW.reverses_id IS NOT NULL)",
                    execute="ledger_reversal_is_approved()",
                    func="RETURN NULL;",
                    hash="5cfb20a8ba57f76ee481dcc63d7899b8937a551d",
                    operation="INSERT",
                    pgid="pgtrigger_reversal_is_approved_5d636",
                    table="journal_entries",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="61bda3f70c35c2e1150b6a6c6d86adb3ec795933",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_1651b",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="journal_reversals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="d01d12ea850c2dbefc2279e6f75b1f370b48b2ca",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_4d01b",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="journal_reversals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="3f07754c87e3e651f0446e90153008c688cee4f4",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_9c0a8",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="journal_reversals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="a1e01b9410a7f41568c9c498278b9afc60f602bf",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_88cdd",
                    table="journal_reversals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="9c6847db393d4f904c4fb6102caeeea08b38c43d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_6bb8f",
                    table="journal_reversals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('journal_entry_id', 'reason', 'proposed_by_id', 'proposed_at')",
                    func="RETURN NULL;",
                    hash="2e55689de36a036c0807f1f0ec07a0adf40dba30",
                    operation='UPDATE OF "journal_entry_id", "reason", "proposed_by_id", "proposed_at"',
                    pgid="pgtrigger_immutable_b7c27",
                    table="journal_reversals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('approved_by_id', 'approved_at')",
                    func="RETURN NULL;",
                    hash="58c24339543db3d7bbec4098ba8745dd9057f7b2",
                    operation='UPDATE OF "approved_by_id", "approved_at"',
                    pgid="pgtrigger_written_once_82084",
                    table="journal_reversals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PROPOSED\', \'{"EXECUTED": [], "PROPOSED": ["EXECUTED", "REJECTED"], "REJECTED": []}\')',
                    func="RETURN NULL;",
                    hash="0a64f495c912dfee5054bf46318bceac9a332d86",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_fe715",
                    table="journal_reversals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalreversal",
            trigger=pgtrigger.compiler.Trigger(
                name="executed_is_posted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="journal_reversals_are_posted()",
                    func="RETURN NULL;",
                    hash="0091de9f48000e31a064b5ce89dc805d649df4b2",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_executed_is_posted_a2a8c",
                    table="journal_reversals",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
