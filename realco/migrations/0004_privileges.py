"""Audit of who is given which privilege: Django's own tables, which have no model of ours to carry a guard."""

from django.db import migrations

TABLES = ("auth_group", "auth_group_permissions", "users_groups", "users_user_permissions")
REFERENCING = {"INSERT": "NEW TABLE AS new_rows", "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
REFERENCING["DELETE"] = "OLD TABLE AS old_rows"


class Migration(migrations.Migration):
    dependencies = [("realco", "0003_triggers"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER realco_audit_{verb.lower()} AFTER {verb} ON {table} REFERENCING {rows}"
            " FOR EACH STATEMENT EXECUTE FUNCTION realco_audit('')",
            f"DROP TRIGGER realco_audit_{verb.lower()} ON {table}",
        )
        for table in TABLES
        for verb, rows in REFERENCING.items()
    ]
