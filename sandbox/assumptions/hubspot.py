"""Not sorted yet."""

from __future__ import annotations

from sandbox.assumptions.kinds import Assumption

ASSUMPTIONS: tuple[Assumption, ...] = ()
