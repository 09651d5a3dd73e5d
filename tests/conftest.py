"""How do the property tests run on a machine that is busy with other things? Without a clock of their own."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("syncd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("syncd")
