"""Masking rules: one file each, found by `greenroom.registry`. Modules whose names begin with `_` are helpers."""
