"""Writes kernels/processor/constants.h: the polynomials of exp, erf, log(erfc) and tanh, by Chebyshev's approximation.

Usage: fit.py           writes the file
       fit.py --check   compares instead, and fails where it differs

Needs mpmath. Each polynomial says on which interval it holds, and its largest error there before rounding.
"""

import sys
from pathlib import Path

from mpmath import chebyfit, erf, erfc, exp, log, mp, mpf, sqrt, tanh

FILE = Path(__file__).resolve().parent.parent / "processor" / "constants.h"
HALF_LOG_2 = log(mpf(2)) / 2
SMALL = mpf(1) / 10 ** 9


def over_root(function):
    """Return function(√t) / √t, whose polynomial in t = x² gives an odd function of x."""
    return lambda t: function(sqrt(max(t, SMALL))) / sqrt(max(t, SMALL))


FITS = {
    "EXP": (exp, (-HALF_LOG_2, HALF_LOG_2), 7, "exp(x)"),
    "ERF": (over_root(erf), (0, 1), 7, "erf(√t) / √t"),
    "LOG_ERFC": (lambda x: log(erfc(x)), (1, 6), 12, "log(erfc(x))"),
    "TANH": (over_root(tanh), (0, mpf("0.4")), 6, "tanh(√t) / √t"),
}


def text() -> str:
    """Return the file."""
    lines = ["// Made by kernels/tools/fit.py. Highest powers first.", "#pragma once"]
    for name, (function, (low, high), count, what) in FITS.items():
        constants, error = chebyfit(function, [low, high], count, error=True)
        values = ", ".join(f"{float(value):.8e}f" for value in constants)
        lines += [f"// {what} from {float(low):.4g} to {float(high):.4g}, within {float(error):.1e}",
                  f"static const float {name}[{count}] = {{{values}}};"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write or compare."""
    mp.dps = 40
    made = text()
    if "--check" not in sys.argv:
        FILE.write_text(made, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != made:
        sys.exit(f"{FILE} differs from what fit.py makes")


if __name__ == "__main__":
    main()
