"""Fixtures for every test.

They are made in needs.py (what the machine offers), databases.py (databases of a test's own, dropped again), worlds.py
(a small company) and browsers.py (a real browser before it).
"""

import os

import hypothesis

pytest_plugins = [
    "pytester",
    "tests.needs",
    "tests.databases",
    "tests.worlds",
    "tests.browsers",
    "tests.contracts.counting",
]

# A busy machine is no failure; and in CI the same examples run each time, so that a red run can be repeated.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("house")
