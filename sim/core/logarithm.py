"""The natural logarithm, written out: the same bits on every machine, and several at once where a loop allows it.

A library's logarithm differs in the last bit from one machine to the next, and a call of it is never told for several
numbers at once. Source: fdlibm's e_log.c (Sun Microsystems, 1993): x = 2^e m with m near 1, a polynomial in
f / (2 + f) with f = m - 1; the error is below one unit in the last place.
"""

from __future__ import annotations

import math

from sim.core.rules import rule

HALF_ROOT = 0.70710678118654757  # sqrt(2) / 2; m lies between it and its double
LN2_HIGH = 6.93147180369123816490e-01  # its last 32 bits are 0: a whole number times it is exact
LN2_LOW = 1.90821492927058770002e-10


@rule
def split(x: float) -> tuple[float, float]:
    """Give m and e with x = m 2^e and m in [sqrt(2) / 2, sqrt(2)), for a positive normal double."""
    m, e = math.frexp(x)
    if m < HALF_ROOT:
        return 2.0 * m, e - 1.0
    return m, float(e)


@rule
def natural_log(x: float) -> float:
    """Natural logarithm of a positive normal double."""
    m, e = split(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half_square = 0.5 * f * f
    return e * LN2_HIGH - ((half_square - (s * (half_square + (odd + even)) + e * LN2_LOW)) - f)
