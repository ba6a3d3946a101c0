"""The masked copy: one database into an empty one, masked where it is read, moved as binary COPY, rebuilt whole.

model.py      what the catalog says, as values          catalog.py       reads it
choices.py    pure: which rule stands on which column   statements.py    pure: the SQL that reads, tests and writes
plan.py       pure: the order of everything             subset.py        the smaller dataset
ends.py       the two sides                             relay.py         moves bytes
rows.py       carries the rows                          rebuilding.py    schema, indexes, constraints
copying.py    the whole procedure
verification.py  compares both sides afterwards
leaks.py      the leak check, before the copy is published
"""
