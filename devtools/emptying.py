"""Empties the database of DATABASE_URL, run inside the virtual environment; refuses one that holds tables."""

import os
import sys

import psycopg


def main(permission: str) -> int:
    """Drop everything in the schema public when it is empty anyway or the reader has said so."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        if row is None or row[0] == 0:
            return 0
        if permission != "wipe":
            print("The demo starts on an empty database, and the one of DATABASE_URL holds data: ./dev demo --wipe")
            return 1
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
