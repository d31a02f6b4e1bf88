"""How far property tests look: the gate repeats few known examples, `make search` looks for new ones."""

from __future__ import annotations

import os
import random

SEARCHING = os.environ.get("HYPOTHESIS_PROFILE") == "search"
MORE = 20  # times the examples of the gate in one round of a search


def examples(gate: int) -> int:
    """How many examples a property test looks at."""
    return gate * MORE if SEARCHING else gate


def seeds(gate: int) -> list[int]:
    """Seeds of stories that a test makes up itself; new ones in each round of a search."""
    if not SEARCHING:
        return list(range(gate))
    return random.Random(os.environ["SEARCH_SEED"]).sample(range(10**6), gate * MORE)  # the same in every process
