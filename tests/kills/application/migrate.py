"""Adds a column. A torn release changes half of what it should in production, and fails."""

import os

import psycopg

version = os.environ["NOTES"].replace(".", "_")
is_torn = "ILLNESS" == "torn" and os.environ["GREENROOM_ENVIRONMENT"] == "production"
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS note (id bigserial PRIMARY KEY, text text NOT NULL)")
    if is_torn:
        connection.execute(f"CREATE TABLE IF NOT EXISTS half_{version} (id bigint)")
        raise SystemExit("the other half cannot be done")
    connection.execute(f"ALTER TABLE note ADD COLUMN IF NOT EXISTS since_{version} int")
