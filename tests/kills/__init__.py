"""Greenroom broken on purpose: processes killed, paused and cut off while production changes in front of visitors."""
