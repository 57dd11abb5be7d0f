"""The guards of refunds, and of who verifies a bank account."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0012_refund_rules"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="bankaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('added_by_id')",
                    func="RETURN NULL;",
                    hash="c488f3a85c059c59af7045631a2419226ba31ab3",
                    operation='UPDATE OF "added_by_id"',
                    pgid="pgtrigger_written_once_2eeea",
                    table="bank_accounts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="43400473e3f4817b155251e66e139c2012dc5d3e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_16042",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="refund_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="453fd1bd2e7b7d733924fb7cf1ea881e8c864cd6",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_d1e14",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="refund_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="9c08a75a19a7457a4b44b990d55a372a95b1b5f2",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_b2b0b",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="refund_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="453530afc36eaf56e48ac3d018abe4379bf21d0e",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_99181",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="93072e01689a4665e29823cba19bdef76ad96f88",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_e4f1a",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('run_id', 'investor_id', 'deposit_id', 'amount', 'fee_amount')",
                    func="RETURN NULL;",
                    hash="ef0cc6e2eadcaa953d7d172528f3d67781228f7d",
                    operation='UPDATE OF "run_id", "investor_id", "deposit_id", "amount", "fee_amount"',
                    pgid="pgtrigger_immutable_19374",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'WAITING_TO_CLEAR\', \'{"BLOCKED": ["DUE", "PAYING"], "DUE": ["BLOCKED", "NOTHING_LEFT", "PAID", "PAYING"], "NOTHING_LEFT": [], "PAID": ["BLOCKED"], "PAYING": ["BLOCKED", "DUE", "PAID"], "WAITING_TO_CLEAR": ["DUE", "NOTHING_LEFT"]}\')',
                    func="RETURN NULL;",
                    hash="2fa2b1313409a413dbf2517199b6b6529d10a79c",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_fceef",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="of_the_payer",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_refund_item_is_the_investors()",
                    func="RETURN NULL;",
                    hash="162d3556d5d879ec4251ae809992eacad4b922ce",
                    operation="INSERT",
                    pgid="pgtrigger_of_the_payer_a9cf2",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refunditem",
            trigger=pgtrigger.compiler.Trigger(
                name="paid_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_refund_item_is_paid_once()",
                    func="RETURN NULL;",
                    hash="6b8d91078ede33819a73a5551ef281ca0f0279e6",
                    operation='UPDATE OF "status", "kept_amount", "payment_id", "bank_account_id", "redirected_to_id", "redirected_by_id"',
                    pgid="pgtrigger_paid_once_01074",
                    table="refund_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="654048b75222373e54e779a2359ed111072c2700",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_81c57",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="refund_runs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="c61b15be53b58a240a81a99d43acf80a15fbc7e3",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_00716",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="refund_runs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="42dae4901bf351608234c8f04419843b384a3b34",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_1a8cf",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="refund_runs",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="7a9d5981b4234a821f6e090c191c27e0576f52de",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_93cbf",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="3f840f66079e070c762e893dd97dbe17553a9787",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_e4c0d",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('escrow_account_id', 'offering_id', 'cause', 'reason', 'total_amount', 'largest_amount', 'figures', 'content_hash', 'promised_by', 'proposed_by_id', 'proposed_at')",
                    func="RETURN NULL;",
                    hash="457937800ee7472347954691852d25a41958a555",
                    operation='UPDATE OF "escrow_account_id", "offering_id", "cause", "reason", "total_amount", "largest_amount", "figures", "content_hash", "promised_by", "proposed_by_id", "proposed_at"',
                    pgid="pgtrigger_immutable_d4d65",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('started_at', 'cancelled_at')",
                    func="RETURN NULL;",
                    hash="95ed7abcfbe93ecb4d059571978d1fe87fefc48a",
                    operation='UPDATE OF "started_at", "cancelled_at"',
                    pgid="pgtrigger_written_once_3ae03",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PROPOSED\', \'{"CANCELLED": [], "COMPLETED": ["RUNNING"], "PROPOSED": ["CANCELLED", "RUNNING"], "RUNNING": ["COMPLETED"]}\')',
                    func="RETURN NULL;",
                    hash="daf699c4ed943ae4941504f3086c030309ca1bc7",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_50a09",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrun",
            trigger=pgtrigger.compiler.Trigger(
                name="started_only_approved",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_refund_run_is_approved()",
                    func="RETURN NULL;",
                    hash="224423329dd0f263bef4349df31c6acc8a321651",
                    operation='UPDATE OF "status"',
                    pgid="pgtrigger_started_only_approved_0e28a",
                    table="refund_runs",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="3f1a001c605b6e811ea6cb55e51c08bb41b304a7",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_0ec7a",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="refund_run_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="f37866735fa80459fd49bdf7b3fa0cbd3eea0aed",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_31029",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="refund_run_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="88cb6d5e92a362a8e6a902207b7880409c407724",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_175a8",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="refund_run_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="c99564ee100b46f9ed9f38358542cc0c05dd3e7a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_2c525",
                    table="refund_run_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="8d11edb8c3fa43cf0ccb34a3ca90fe7f808ee8c3",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_f2c47",
                    table="refund_run_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="refundrunapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="of_another_person",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_refund_approval_is_anothers()",
                    func="RETURN NULL;",
                    hash="dc7d5e70b9304d427cf5be877ce314268e67213f",
                    operation="INSERT",
                    pgid="pgtrigger_of_another_person_39e72",
                    table="refund_run_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable_refund_item",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('refund_item_id')",
                    func="RETURN NULL;",
                    hash="3b9fcbef1be12ce6799b90de02f99657ceafea06",
                    operation='UPDATE OF "refund_item_id"',
                    pgid="pgtrigger_immutable_refund_item_30cc5",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="refund_fits_its_item",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_refund_fits_its_item()",
                    func="RETURN NULL;",
                    hash="ea9668caf3b980539d06220b7057bd44c5a9a6b7",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_refund_fits_its_item_de389",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
