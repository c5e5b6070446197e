"""The one answer to "is it known?"."""

from __future__ import annotations

MAGIC = -9999.0  # astroNN's mark for a missing label
