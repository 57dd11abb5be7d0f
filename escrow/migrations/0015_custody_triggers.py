"""The guards of holds, closings, signatures, notices, commitments and of an account's life."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("escrow", "0014_write_down_what_there_is")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="closing",
            trigger=pgtrigger.compiler.Trigger(
                name="proposed_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('proposed_at', 'created_at')",
                    func="RETURN NULL;",
                    hash="dd7b548da954d85933920e60c06ff0a516e4da85",
                    operation='UPDATE OF "proposed_at", "created_at"',
                    pgid="pgtrigger_proposed_once_6df5f",
                    table="closings",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closing",
            trigger=pgtrigger.compiler.Trigger(
                name="ended_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('approved_by_id', 'executed_at', 'cancelled_at')",
                    func="RETURN NULL;",
                    hash="e359190886b0ff09377464397db7a6bac23ccc31",
                    operation='UPDATE OF "approved_by_id", "executed_at", "cancelled_at"',
                    pgid="pgtrigger_ended_once_d2567",
                    table="closings",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closing",
            trigger=pgtrigger.compiler.Trigger(
                name="figures_add_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="closing_figures_add_up()",
                    func="RETURN NULL;",
                    hash="f3cccce4b0035364093258d4d52d8cfa443699d1",
                    operation="INSERT",
                    pgid="pgtrigger_figures_add_up_3b1b1",
                    table="closings",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closing",
            trigger=pgtrigger.compiler.Trigger(
                name="passes_the_gate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="closing_passes_the_gate()",
                    func="RETURN NULL;",
                    hash="0342526e966d4bd67d70c447aca8599a2b65d031",
                    operation="UPDATE",
                    pgid="pgtrigger_passes_the_gate_653cf",
                    table="closings",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closing",
            trigger=pgtrigger.compiler.Trigger(
                name="releases_its_figures",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="closing_releases_its_figures()",
                    func="RETURN NULL;",
                    hash="94412e325d89a26133de9dee276f1c035b229dc7",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_releases_its_figures_aa681",
                    table="closings",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="escrowaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="life",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="escrow_account_life()",
                    func="RETURN NULL;",
                    hash="aef200d2ce1195e11c32d6951e6d5bc0d371c4cc",
                    operation='UPDATE OF "status", "metadata"',
                    pgid="pgtrigger_life_94bf1",
                    table="escrow_accounts",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="escrowledgerentry",
            trigger=pgtrigger.compiler.Trigger(
                name="custody",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="ledger_custody()",
                    func="RETURN NULL;",
                    hash="0774b226010a67af2e19e72820b9124fd4d4b50a",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_custody_2ec1b",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="escrow_ledger_entries",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_has_its_moment",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="commitment_has_its_moment()",
                    func="RETURN NULL;",
                    hash="bcaf834598dfb3376e27f7c61498501842840753",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_commitment_has_its_moment_ca06f",
                    table="investments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_written_down",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="commitment_is_written_down()",
                    func="RETURN NULL;",
                    hash="ccd78dadc553670efa3ec22b6f317d235368c505",
                    operation='INSERT OR UPDATE OF "investment_amount"',
                    pgid="pgtrigger_commitment_is_written_down_d1e4b",
                    table="investments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investment",
            trigger=pgtrigger.compiler.Trigger(
                name="within_maximum_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="commitments_within_maximum()",
                    func="RETURN NULL;",
                    hash="6cafe95c35c4bf6fde4fa59653db031a84d203ae",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_within_maximum_insert_d7eca",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="investments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="investment",
            trigger=pgtrigger.compiler.Trigger(
                name="within_maximum_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="commitments_within_maximum()",
                    func="RETURN NULL;",
                    hash="ae479d13835bfadd4f78bc892622a630cfa1c932",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_within_maximum_update_65f75",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="investments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="held_is_what_holds_say",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.kind = 'HELD')",
                    constraint="CONSTRAINT",
                    execute="held_is_what_holds_say()",
                    func="RETURN NULL;",
                    hash="232bc580542eba49872f85bd9f74b97c3d691923",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_held_is_what_holds_say_326a3",
                    table="ledger_accounts",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="096cf38e8284fd1e02be81ab48cfff508fe4c991",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_fec67",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="closing_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="d415da71b1734f95b105c4eb75b50c712f33619b",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_bc36c",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="closing_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="a3551f5d0ca22db5fe7c9eab04f5fd8764d030d0",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_2a8a6",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="closing_approvals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="9fbb68273143037a9bd4acaf6c76cf7be61cc4e1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_6547f",
                    table="closing_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="1007a26483f80299d2c512acd0a7b073c2068757",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_2e282",
                    table="closing_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="closingapproval",
            trigger=pgtrigger.compiler.Trigger(
                name="counts",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="closing_signature_counts()",
                    func="RETURN NULL;",
                    hash="fbdf9164dde1c50d6bcc2533bf49a25b0df90217",
                    operation="INSERT",
                    pgid="pgtrigger_counts_e9b92",
                    table="closing_approvals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="1836758f34b2b9326b69e7890a40f163b2ef87b6",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_b3368",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="commitments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="41f9a4873eccd9eef5dbe43af99fd9ba9f218c64",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_0208f",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="commitments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="142eaf52b468b459e6e87b9009f0c4e5964124a6",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_6ef35",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="commitments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="cdf9ee48438ac3dd540c9d1474fae8c8a16e19cc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_28996",
                    table="commitments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="bc9cac6103c87003d6abf474994b70aee2997571",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_d0400",
                    table="commitments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="follow_investments",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="commitments_follow_investments()",
                    func="RETURN NULL;",
                    hash="68825c630bf12c50e13c3145ec6503802f4c7b79",
                    operation="INSERT",
                    pgid="pgtrigger_follow_investments_c78d3",
                    table="commitments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="bcbf1b892ec6374ae39ed418628f0a6b79843e8d",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_a9779",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="early_closing_notices",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="12593038858ae3c850eaf16caf3add21eb939c0b",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_59f32",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="early_closing_notices",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="bb526ae1425eff4e254d025878dc1d0b8fa32e9c",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_08fdb",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="early_closing_notices",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="fe396f9c93c794a47923b823e4fc312b29d81070",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5d668",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="28ac1b213ee2824af1de318a43189f8d529ee963",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_8ee69",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="announced_in_time",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="early_closing_is_announced_in_time()",
                    func="RETURN NULL;",
                    hash="d98437e43f556aa14b14f6a5160c76237d24dec3",
                    operation="INSERT",
                    pgid="pgtrigger_announced_in_time_58d67",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="88f50a2bf711c6fee7aacaa9a8a12730e62ba9da",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_6e027",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="holds",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="56244523fec9c29f427c7ba92380596422705cf2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_92b95",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="holds",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="94557d17e0a6160c09d76c5dbbe04e5c8809041c",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_e9626",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="holds",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="ce7a39b60598c9b3b4ff5236aea0de6caccac15a",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_cfd32",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="cd9d76dd49d5c3d70c4846e032fdf7d0bf8f27a2",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_c8802",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('escrow_account_id', 'investor_id', 'amount', 'reason', 'reference', 'placed_by_id', 'placed_at', 'expires_at')",
                    func="RETURN NULL;",
                    hash="8c135cb5687aa682e45141787f69b4e54ac96502",
                    operation='UPDATE OF "escrow_account_id", "investor_id", "amount", "reason", "reference", "placed_by_id", "placed_at", "expires_at"',
                    pgid="pgtrigger_immutable_7f04c",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('ended_at')",
                    func="RETURN NULL;",
                    hash="d91f14b0a90cfa4348eafa19591c476860a66627",
                    operation='UPDATE OF "ended_at"',
                    pgid="pgtrigger_written_once_87dde",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'OPEN\', \'{"EXPIRED": [], "OPEN": ["EXPIRED", "RELEASED"], "RELEASED": []}\')',
                    func="RETURN NULL;",
                    hash="c0b75ef968382c70f20bf45119fc96bc7fb60ae6",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_44394",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="only_shrinks",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="hold_only_shrinks()",
                    func="RETURN NULL;",
                    hash="43e3ec7ec99438b1eb48ec419f561e5c6dcb6911",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_only_shrinks_c556a",
                    table="holds",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="held_is_what_holds_say",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="held_is_what_holds_say()",
                    func="RETURN NULL;",
                    hash="9e76807877d73e6b6d94942db1a7eb832ab48786",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_held_is_what_holds_say_af2b6",
                    table="holds",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
