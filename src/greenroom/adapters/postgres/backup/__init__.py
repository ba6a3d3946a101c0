"""Backups with PostgreSQL's own tools: base backups, the streamed log, a repository that is encrypted at rest."""
