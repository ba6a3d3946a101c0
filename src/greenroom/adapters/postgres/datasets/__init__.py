"""Copies of production's data on this machine.

vault.py       masks what was rebuilt into a dataset, examines it, keeps it
candidates.py  a cluster made ready beside an environment's own, and the exchange of the two
"""
