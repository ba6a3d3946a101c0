"""How cost grows with a long life behind it: `python -m bench.scale` makes stores of growing size and measures each."""
