"""How far a number may be from the reference's."""

import math

TOLERANCE = 1e-4
"""Of a number up to 1; of a larger one it is relative."""


def apart(have: float, want: float, terms: int = 1) -> float:
    """Return the difference as a share of what a tolerance is multiplied by: the size of want where it is above 1, and
    the root of the terms that were added up, since their errors add up so."""
    return abs(have - want) / (max(1.0, abs(want)) * math.sqrt(terms))
