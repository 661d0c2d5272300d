"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is no defect; what must be fast is measured by `make bench`.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
