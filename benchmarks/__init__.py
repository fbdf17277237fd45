"""Measurements, printed as ratios within one run (docs/performance.md).

Modules are compiled once and not at each start, as where they are installed, whatever the environment says.
"""

import os

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
