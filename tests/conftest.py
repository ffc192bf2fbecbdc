"""Fixtures for every test.

They are made in needs.py (what the machine offers) and databases.py (databases of a test's own, dropped again).
"""

import os

import hypothesis

pytest_plugins = ["pytester", "tests.needs", "tests.databases", "tests.worlds"]

# A busy machine is no failure; and in CI the same examples run each time, so that a red run can be repeated.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("house")
