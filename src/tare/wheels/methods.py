"""The two ways in which a wheel's files are kept: as they are, or deflated."""

from __future__ import annotations

from typing import Final

STORED: Final = 0
DEFLATED: Final = 8
