"""The triggers of capital calls and transfers."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("distributions", "0041_rules_of_calls_and_transfers")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="389bc06808519b9b1c81ca335cdcbea67dd655d1",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_54cbe",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="capital_calls",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="19c21fffaa46533e31a389d43eccd3480fb5d3ff",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_02b8a",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="capital_calls",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="0a03733f57b3a7511ce153235edada0b4920de45",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_1035f",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="capital_calls",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="19bb96402c713c89d7001ffbaa153b101189492a",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_ae817",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="3b3ac49556af9b3a6d64b57701114e1d0f0c3c9d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_1cc06",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('offering_id', 'call_number', 'kind', 'notice_date', 'due_date', 'notice_days', 'total_amount', 'purpose', 'interest_rate', 'premium_rate', 'day_count', 'created_by_id', 'created_at')",
                    func="RETURN NULL;",
                    hash="dd77e10bc21b2112cf51f52eb857297ee2674760",
                    operation='UPDATE OF "offering_id", "call_number", "kind", "notice_date", "due_date", "notice_days", "total_amount", "purpose", "interest_rate", "premium_rate", "day_count", "created_by_id", "created_at"',
                    pgid="pgtrigger_immutable_888d5",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('approved_by_id', 'approved_at', 'completed_at', 'cancelled_at')",
                    func="RETURN NULL;",
                    hash="f26f37bd38aae3a574af27e71c11c65a90ad2122",
                    operation='UPDATE OF "approved_by_id", "approved_at", "completed_at", "cancelled_at"',
                    pgid="pgtrigger_written_once_5b600",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'DRAFT\', \'{"CANCELLED": [], "COMPLETED": [], "DRAFT": ["CANCELLED", "PENDING_APPROVAL"], "NOTICED": ["CANCELLED", "COMPLETED"], "PENDING_APPROVAL": ["CANCELLED", "NOTICED"]}\')',
                    func="RETURN NULL;",
                    hash="03aae434219edb2b69fd7213c6ea41ab08c2e423",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_1322b",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="passes",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="capital_call_passes()",
                    func="RETURN NULL;",
                    hash="42ec190a333bb4ec6783b7afa130d62f15db389a",
                    operation='UPDATE OF "status"',
                    pgid="pgtrigger_passes_576b3",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="37370e9a81b97616ac00572f8e8a8acfc0a41f84",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_ec865",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="capital_call_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="63b52fb09c0de8f178ba7f9bc2372d706b72d6f9",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_f998b",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="capital_call_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="c73bdee238f3b936b409c7f0492600d3c96bfb8b",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_234e8",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="capital_call_items",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="6798d762ef57d1bfe30a236b9ec02a7655cec695",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_e2b8f",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="4c24faf730c4ad77942584ed09f99ed6fc9ec4ee",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_18941",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('call_id', 'investment_id', 'investor_id', 'commitment_amount', 'amount', 'premium_amount', 'created_at')",
                    func="RETURN NULL;",
                    hash="a5d0cb86175419d123f0e8ae5307ebdd56f83f26",
                    operation='UPDATE OF "call_id", "investment_id", "investor_id", "commitment_amount", "amount", "premium_amount", "created_at"',
                    pgid="pgtrigger_immutable_08419",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'OPEN\', \'{"CANCELLED": [], "OPEN": ["CANCELLED", "PAID"], "PAID": []}\')',
                    func="RETURN NULL;",
                    hash="f6cc3b0fb740ef9e051508abdb06c91c68c793e0",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_2a2cb",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="capital_call_item_fits()",
                    func="RETURN NULL;",
                    hash="31016e8deb53ac2f7ead92017cea9fbadefb8995",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_fits_af4de",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="releases",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="capital_call_item_releases()",
                    func="RETURN NULL;",
                    hash="1e9aa459beac710a2ca54238f3f6f583a7f211f8",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_releases_fba91",
                    table="capital_call_items",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="44e53d91b4436f6946bb6f4713f6441d424320c1",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_75f84",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="capital_call_payments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="996bdd7162ac932c061d8fedf5124f26c14eb172",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_79e55",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="capital_call_payments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="9dafb1ceb0093694b5263f759a208736154cef78",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_d8329",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="capital_call_payments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="4e8dbb60d2eb25cdf76ebb925eb60bd4444d1ab1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_84760",
                    table="capital_call_payments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="377ddeb1414d5e757d20bd0ab5d15aaa62c5d57b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_e6079",
                    table="capital_call_payments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="capitalcallpayment",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="capital_call_payment_fits()",
                    func="RETURN NULL;",
                    hash="efbeae03f7ca5db52c2b7e259f7ee164107c3b88",
                    operation="INSERT",
                    pgid="pgtrigger_fits_36867",
                    table="capital_call_payments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="25d969f3cb92db4eac7e916edfd7899e6be30a6e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_e5d75",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="investment_transfers",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="4d362bc88b86c5b98fc86a6f8f0d2d31b93ea98e",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_c5bcd",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="investment_transfers",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="b9310c1060301fc371a36caa30a9983d013bfc6a",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_df022",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="investment_transfers",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="9414609393d9944f1fb0360f5172130e2ea37e2d",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_69a80",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="ebf10f0b08e65405db3479dc02e17264a64b88e1",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_2fe49",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('offering_id', 'seller_investment_id', 'buyer_id', 'part', 'effective_date', 'document_reference', 'proposed_by_id', 'proposed_at', 'created_at')",
                    func="RETURN NULL;",
                    hash="6b4dc893c054d9dddafeaa1e17def05c771de0b2",
                    operation='UPDATE OF "offering_id", "seller_investment_id", "buyer_id", "part", "effective_date", "document_reference", "proposed_by_id", "proposed_at", "created_at"',
                    pgid="pgtrigger_immutable_a0e8d",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('approved_by_id', 'executed_at', 'cancelled_at', 'buyer_investment_id')",
                    func="RETURN NULL;",
                    hash="386e84f17d549ce13fe49dc2c7c15369c377bd1a",
                    operation='UPDATE OF "approved_by_id", "executed_at", "cancelled_at", "buyer_investment_id"',
                    pgid="pgtrigger_written_once_fe3b7",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PROPOSED\', \'{"CANCELLED": [], "EXECUTED": [], "PROPOSED": ["CANCELLED", "EXECUTED"]}\')',
                    func="RETURN NULL;",
                    hash="16de34f052ee92eb2499a3a68edc7fad2946dcb3",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_9b11b",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="investment_transfer_fits()",
                    func="RETURN NULL;",
                    hash="eb7365f8c6e81d700179be7007f039a3866e5482",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_fits_1963e",
                    table="investment_transfers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investmenttransfer",
            trigger=pgtrigger.compiler.Trigger(
                name="moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="investment_transfer_moves()",
                    func="RETURN NULL;",
                    hash="0bf8963352fe54d65a2001be197e614e7aa6a1f4",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_moves_4e01b",
                    table="investment_transfers",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
