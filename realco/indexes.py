"""Indexes that migrations build and drop while others write, however large the table."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

_IS_VALID = """
    SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relname = %s AND c.relnamespace = current_schema()::regnamespace
"""


class AddIndexBeside(AddIndexConcurrently):
    """
    Builds an index beside those who write, in a migration that is not atomic; harmless when it is tried again.

    ``manage.py migrate`` gives way where it would wait for others, and tries the same migration again. What
    PostgreSQL then left half built is dropped and built anew, and what is there already stays.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_IS_VALID, [self.index.name])
            found = cursor.fetchone()
        if found is None or not found[0]:
            if found is not None:
                quoted = schema_editor.connection.ops.quote_name(self.index.name)
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {quoted}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)
