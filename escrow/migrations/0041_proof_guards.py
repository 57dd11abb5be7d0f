"""The guards of proof snapshots: append-only, audited, and a chain."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0002_guards"),
        ("escrow", "0040_proofs"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / "0041_proof_guards.sql").read_text(encoding="utf-8"),
            (HERE / "0041_proof_guards_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="proofleaves",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('data')",
                    func="RETURN NULL;",
                    hash="931dba89cf86c66b01b7a9253c18edd825425554",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_72e50",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="proof_leaves",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofleaves",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('data')",
                    func="RETURN NULL;",
                    hash="3b8235198a450eb6c38edb379960fd3b7f5351b2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_6b596",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="proof_leaves",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofleaves",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('data')",
                    func="RETURN NULL;",
                    hash="bfea1b78c977529cc8ea77e98277200976b38683",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_d727c",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="proof_leaves",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofleaves",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="3716f728fb448ed93a6f57520d6421e7e9b1948b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c64dc",
                    table="proof_leaves",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofleaves",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="3ab41ac470db6e678e41aea154e3109a366e648f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_a530e",
                    table="proof_leaves",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="023a5c312e5ba088fe9a737fe8c85794eb9ccb96",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_80295",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="proof_snapshots",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="7bd80709131c0b47f10ebfc3493f7f5f34a0b315",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_1887c",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="proof_snapshots",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="f5e1b5cb99fa9aca55207ffd8c8536edb9056ebc",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_3a319",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="proof_snapshots",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="293cfa9ac7fb5aeec070c6ee7903a82d9eadeb65",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_03ede",
                    table="proof_snapshots",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="ecd200651c4b58407539869562802a4dfb5d007e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_b0a61",
                    table="proof_snapshots",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="proofsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="snapshots_follow",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="proof_snapshots_follow()",
                    func="RETURN NULL;",
                    hash="515762b9df304a76bbbc4f55bb47477269b69915",
                    operation="INSERT",
                    pgid="pgtrigger_snapshots_follow_7d4f3",
                    table="proof_snapshots",
                    when="BEFORE",
                ),
            ),
        ),
    ]
