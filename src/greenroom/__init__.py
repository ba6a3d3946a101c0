"""Greenroom: one sealed release travels from a git commit to production, which changes only when its gates say yes."""

__version__ = "0.1.0"
