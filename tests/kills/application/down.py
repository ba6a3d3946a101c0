"""Takes back what `migrate.py` of this version did, all of it or the half that was done."""

import os

import psycopg

version = os.environ["NOTES"].replace(".", "_")
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute(f"DROP TABLE IF EXISTS half_{version}")
    connection.execute(f"ALTER TABLE note DROP COLUMN IF EXISTS since_{version}")
