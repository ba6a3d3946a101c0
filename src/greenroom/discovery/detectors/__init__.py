"""Detectors: one kind of personal data, one file each, found by `greenroom.registry`. Modules whose names begin with
`_` are helpers."""
