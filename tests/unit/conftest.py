"""What the unit suites share: how many random cases each property sees.

No time limit for each, for the machine may be busy. `HYPOTHESIS_EXAMPLES=5000` digs deeper than every commit needs.
"""

import os

from hypothesis import settings

settings.register_profile("greenroom", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")))
settings.load_profile("greenroom")
