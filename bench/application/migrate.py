"""Expands: what an older version reads and writes stays as it is."""

import os

import psycopg

version = os.environ["NOTES"].replace(".", "_")
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS note (id bigserial PRIMARY KEY, text text NOT NULL)")
    connection.execute(f"ALTER TABLE note ADD COLUMN IF NOT EXISTS since_{version} int")
