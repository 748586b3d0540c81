"""Settings of all tests: the same random cases in every run, others where they are asked for.

HOMING_TESTS=random python -m pytest    draws new ones and prints how to see a failure again
"""

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.register_profile("random", print_blob=True)
settings.load_profile(os.environ.get("HOMING_TESTS", "fixed"))
