"""The guards of terms: activated by a second person over an example, in force one after the other, never changed."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("distributions", "0010_terms_are_activated"), ("realco", "0002_guards")]

    operations = [
        migrations.RunSQL(
            (HERE / "0011_terms_stand.sql").read_text(encoding="utf-8"),
            (HERE / "0011_terms_stand_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="waterfallterms",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="771a3239ea7ffc6ba82100f05fbb23a1e20ba9c6",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_21d29",
                    table="waterfall_terms",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallterms",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('offering_id', 'version', 'created_by_id', 'created_at', 'taken_over')",
                    func="RETURN NULL;",
                    hash="54c9f9cd0694fd1aaa7ef13054e39ad206288186",
                    operation='UPDATE OF "offering_id", "version", "created_by_id", "created_at", "taken_over"',
                    pgid="pgtrigger_immutable_6d3c0",
                    table="waterfall_terms",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallterms",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'DRAFT\', \'{"ACTIVE": ["SUPERSEDED"], "DRAFT": ["ACTIVE", "WITHDRAWN"], "SUPERSEDED": [], "WITHDRAWN": []}\')',
                    func="RETURN NULL;",
                    hash="db6e68ee8604adf684f53420ae450cf217d75ca3",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_f15ac",
                    table="waterfall_terms",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallterms",
            trigger=pgtrigger.compiler.Trigger(
                name="terms_stand",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="waterfall_terms_stand()",
                    func="RETURN NULL;",
                    hash="fdfcd3d7b3c04678e084dd864c60a9eee0be6afc",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_terms_stand_6a65a",
                    table="waterfall_terms",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallterms",
            trigger=pgtrigger.compiler.Trigger(
                name="follow_on",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    execute="waterfall_terms_follow_on()",
                    func="RETURN NULL;",
                    hash="3a92e5a7321894f26170b11bd1b55c5f18041304",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_follow_on_a0a0c",
                    table="waterfall_terms",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfalltier",
            trigger=pgtrigger.compiler.Trigger(
                name="never_updated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="81aa4d13d765772f788dc4028828b4532e996ce1",
                    operation="UPDATE",
                    pgid="pgtrigger_never_updated_832c6",
                    table="waterfall_tiers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfalltier",
            trigger=pgtrigger.compiler.Trigger(
                name="of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="waterfall_terms_are_drafted()",
                    func="RETURN NULL;",
                    hash="764b1a9f1fb2d9027965031da73b3fabc90f6ca5",
                    operation="INSERT OR DELETE",
                    pgid="pgtrigger_of_a_draft_131c5",
                    table="waterfall_tiers",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="831d918377dafcbf330ce48b78486dd29f5c5e51",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_b6d5b",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="waterfall_examples",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="9d5b8e3e485a3809736f950039a473b4133d2382",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_79a75",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="waterfall_examples",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="4d0b1774b98db6d4459aeccb02e14f1f0d2757b5",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_3d8df",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="waterfall_examples",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="f7caaf02245f09dc8cb05ef9913fa7679e200040",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_46472",
                    table="waterfall_examples",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="never_updated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="b46fd182111f08c8c4914755fdeb150dcb899893",
                    operation="UPDATE",
                    pgid="pgtrigger_never_updated_f4b1c",
                    table="waterfall_examples",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="waterfallexample",
            trigger=pgtrigger.compiler.Trigger(
                name="of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="waterfall_terms_are_drafted()",
                    func="RETURN NULL;",
                    hash="2bff173ce8282cf8db02988ec9cea8a346c516cf",
                    operation="INSERT OR DELETE",
                    pgid="pgtrigger_of_a_draft_262c1",
                    table="waterfall_examples",
                    when="BEFORE",
                ),
            ),
        ),
    ]
