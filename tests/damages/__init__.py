"""Every damage that the doctor must find, each made for real in a home that runs, and the way out as it is printed.

A damage is a generator: it breaks something, yields where and in which words the doctor should say so, and then, given
what was said, follows the way out.
"""

from tests.damages import data, private, releases, running, store
from tests.damages.ground import DAMAGES

__all__ = ["DAMAGES", "data", "private", "releases", "running", "store"]
