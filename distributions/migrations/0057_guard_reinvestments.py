"""The guards of elections and reinvestments."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("distributions", "0056_rules_of_reinvestments")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="0a3fb282035690fb48e2266f4f4c1a0aea4b91cd",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_a9324",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="reinvestment_elections",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="bef387ef9266765969c3a9aad1161ab08276fbcd",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_179ac",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="reinvestment_elections",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="2c405acfa3b25c795fd014f73489a4dbbbf2ad91",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_19402",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="reinvestment_elections",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="2ad3721069983658e0bff1c80d0889e79462b636",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_60ed5",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="7d703146767321af19c961159c88222b5b3e9221",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_35b9b",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('investor_id', 'investment_id', 'target_offering_id', 'basis', 'rate', 'amount', 'elected_by_id', 'elected_at')",
                    func="RETURN NULL;",
                    hash="15255b65a1a840a4ff3b50eae29add81bb5f1e9e",
                    operation='UPDATE OF "investor_id", "investment_id", "target_offering_id", "basis", "rate", "amount", "elected_by_id", "elected_at"',
                    pgid="pgtrigger_immutable_8b358",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('ended_by_id', 'ended_at')",
                    func="RETURN NULL;",
                    hash="c80f3195e69e70f75979505c91493e69b9db378a",
                    operation='UPDATE OF "ended_by_id", "ended_at"',
                    pgid="pgtrigger_written_once_9d7ee",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'ACTIVE\', \'{"ACTIVE": ["ENDED", "WITHDRAWN"], "ENDED": [], "WITHDRAWN": []}\')',
                    func="RETURN NULL;",
                    hash="a41875c52e657db53183e3b15aa3bb10fe21ab1b",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_89835",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestmentelection",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="reinvestment_election_fits()",
                    func="RETURN NULL;",
                    hash="4cc0fd848288bafb2c7566dab82bad877f9f5f27",
                    operation="INSERT",
                    pgid="pgtrigger_fits_aee76",
                    table="reinvestment_elections",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="f80cd0a7e33eb3653f5b8d91d6c605697eb90669",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_0a918",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="reinvestments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="889e202cad3f73c8e7301511788729db78e299b2",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_ad54f",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="reinvestments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_audit('')",
                    func="RETURN NULL;",
                    hash="2669c07a32b328dfc9073d7564053bde5f536482",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_audit_delete_a879a",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="reinvestments",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="32e7f05559a129030cd0073844cbe5d77a3995ae",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_ace7b",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="never_truncated",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="512fae19084a639c2aa291170554be87b1bb37cf",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_never_truncated_ebd7d",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('allocation_id', 'election_id', 'target_offering_id', 'amount', 'created_at')",
                    func="RETURN NULL;",
                    hash="b8ad81bf1afeb7cd68d3f9c18d2b78259ab8552c",
                    operation='UPDATE OF "allocation_id", "election_id", "target_offering_id", "amount", "created_at"',
                    pgid="pgtrigger_immutable_82b95",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('outbound_id')",
                    func="RETURN NULL;",
                    hash="7f622a7993be31269040169185da69c13b5f33dd",
                    operation='UPDATE OF "outbound_id"',
                    pgid="pgtrigger_written_once_e6536",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PLANNED\', \'{"CANCELLED": [], "CASH": [], "DONE": ["REVERSED"], "MOVING": ["CASH", "DONE"], "PLANNED": ["CANCELLED", "CASH", "MOVING"], "REVERSED": []}\')',
                    func="RETURN NULL;",
                    hash="f6c531a0a711ec3ddbfa421a2534660a6f0f391b",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_06ead",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="reinvestment_fits()",
                    func="RETURN NULL;",
                    hash="388a405b2cc0f9c98cf7705a3479c3f34952af6a",
                    operation='INSERT OR UPDATE OF "status", "outbound_id"',
                    pgid="pgtrigger_fits_ecb9b",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
    ]
