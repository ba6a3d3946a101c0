"""Greenroom: every release is rehearsed on a copy of production before production changes."""

__version__ = "0.1.0"
