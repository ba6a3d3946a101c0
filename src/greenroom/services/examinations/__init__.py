"""What `greenroom doctor` looks at: one file for each examination, in `services/doctor.py` in their order.

Each is a function `look(app)` that yields what it found. None changes anything. A `next` is a way out that works when
it is followed as it is written: `tests/journeys/test_doctor.py` makes every damage and follows it.
"""
