"""Guards of bank matches and proposals."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("escrow", "0032_bank_match_rules")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="98cd0dcae4631db9f4b50497c7728be1d5820eab",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_1d46b",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_matches",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="944d7f7547de929baaa503943f540e3ab3b752fd",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_505d2",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="bank_matches",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="f35fa5eee1b8b463cff518974c8af1e953c0fa12",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_33a86",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="bank_matches",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f8c5fc9fdec0a0682639b632fa8450c39707233d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_37eea",
                    table="bank_matches",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="d0616c829360e0e0da74e6bf814d6b3b97bc52cb",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_fb4cf",
                    table="bank_matches",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="match_adds_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="bank_match_adds_up()",
                    func="RETURN NULL;",
                    hash="1f4f83feaf5d4bbf0b0ed54869a8e1b2901218ae",
                    operation="INSERT",
                    pgid="pgtrigger_match_adds_up_d8f67",
                    table="bank_matches",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatch",
            trigger=pgtrigger.compiler.Trigger(
                name="match_frees_parts",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="bank_match_frees_parts()",
                    func="RETURN NULL;",
                    hash="5ef4b1948a1c2de807601efbe233686fd89fd7be",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_match_frees_parts_bd62e",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_matches",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="017bc2029003968ba54e8c894471bcb19097bcb3",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_2ac82",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_match_entries",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="d6bc379a687898911b9f1e102a73f09f6169a3d6",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_d1c68",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="bank_match_entries",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="1fa54c9b81638599f534adca57f5bd28aafb42b0",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_58b93",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="bank_match_entries",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f68e02714c8d2a361e0e5ae86a2371d15bc46c55",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_3cc6b",
                    table="bank_match_entries",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="ee622c46e3542bfaf2bb3a826801c578636f80d5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_04230",
                    table="bank_match_entries",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="part_is_freed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="bank_match_part_is_freed()",
                    func="RETURN NULL;",
                    hash="2a116bd9c5bd328d36c8c2abb3658270252828b2",
                    operation="UPDATE",
                    pgid="pgtrigger_part_is_freed_e3563",
                    table="bank_match_entries",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchentry",
            trigger=pgtrigger.compiler.Trigger(
                name="part_fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="bank_match_entries_fit()",
                    func="RETURN NULL;",
                    hash="e5d4c59f7620e060b262a0a5f40e3dfdaab3d232",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_part_fits_fc2a4",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_match_entries",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="cda75f4f282168b38c1f01955713eae961d580e3",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_9ff8c",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_match_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="a9b76538ccf3fe7da75a2fe3730767141265e43b",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_930f7",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="bank_match_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="6cef95f1011deeff1c90c719a0d609a0dd7502c2",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_21434",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="bank_match_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="e1fdd93f1acb5e36b6d0b479c1a3acef0321c318",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_e2e79",
                    table="bank_match_lines",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="3d9a830a948cacebfc637107dacd725c23a286d4",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_f367b",
                    table="bank_match_lines",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="part_is_freed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="bank_match_part_is_freed()",
                    func="RETURN NULL;",
                    hash="5c1d4ad5749390607e8fff80b2d9632bf25b3d75",
                    operation="UPDATE",
                    pgid="pgtrigger_part_is_freed_3d714",
                    table="bank_match_lines",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankmatchline",
            trigger=pgtrigger.compiler.Trigger(
                name="part_fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="bank_match_lines_fit()",
                    func="RETURN NULL;",
                    hash="e0a06f4260884e445c189fe3ba29e1a3ccaddbba",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_part_fits_5acea",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_match_lines",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="1ab4f57a404b0567c8b4e0725119297a91fbfd21",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_ff42a",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="bank_proposals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="d4767f56e5ee37a5426aebc745957ece1ed235bf",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_84ec0",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="bank_proposals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="737f8bebde9e84658b8f867177357aa515db7722",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_23c62",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="bank_proposals",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="2fe068c531a805239f9aa90fbe526dac1b0a3a56",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_d2e38",
                    table="bank_proposals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f736bcb2c8b7a5c6baea534933f26f937d6304f8",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_ef782",
                    table="bank_proposals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('escrow_account_id', 'kind', 'line_id', 'investor_id', 'amount', 'source', 'line_ids', 'entry_ids', 'reason', 'proposed_by_id', 'proposed_at')",
                    func="RETURN NULL;",
                    hash="c3f8d72b9d16562a7c015af0c0088b75721d6ad8",
                    operation='UPDATE OF "escrow_account_id", "kind", "line_id", "investor_id", "amount", "source", "line_ids", "entry_ids", "reason", "proposed_by_id", "proposed_at"',
                    pgid="pgtrigger_immutable_530e6",
                    table="bank_proposals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('decided_by_id', 'decided_at', 'decided_reason', 'match_id', 'journal_entry_id')",
                    func="RETURN NULL;",
                    hash="816cc552696e98bb0ac17cd05b14a58e96550b7e",
                    operation='UPDATE OF "decided_by_id", "decided_at", "decided_reason", "match_id", "journal_entry_id"',
                    pgid="pgtrigger_written_once_e7927",
                    table="bank_proposals",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="bankproposal",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PROPOSED\', \'{"APPROVED": [], "PROPOSED": ["APPROVED", "REJECTED"], "REJECTED": []}\')',
                    func="RETURN NULL;",
                    hash="22561f8c6f9960628bade2607bb36511ac984759",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_b6d14",
                    table="bank_proposals",
                    when="BEFORE",
                ),
            ),
        ),
    ]
