"""How properties are tested: without a limit on time, and with the same examples on every CI run of a commit."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("untimed")
