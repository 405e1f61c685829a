"""Inversion: one uniform in, one variate out, monotone, so that draws stay aligned when a parameter moves."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

from sim.core.logarithm import natural_log
from sim.core.rules import rule
from sim.core.units import WHOLE

Floats = tuple[float, ...]

MIDDLE_LOW = 0.0625
MIDDLE_STEPS = 512.0  # in 1
TAIL_LOW = -8.25  # beyond the normal scores of the smallest and the largest double that a draw can be
TAIL_STEPS = 528
TAIL_PER_UNIT = 32.0
MOST_SUMMED = 500.0
LEAST_TERM = 1e-18


@rule
def exponential(u: float) -> float:
    """Unit-rate exponential variate at upper-tail probability u: -log(u), falling in u."""
    return -natural_log(u)


@rule
def logistic(x: float) -> float:
    """Probability with log odds x, without overflow for any finite x."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@rule
def poisson(u: float, mean: float) -> float:
    """Poisson variate with this mean at lower-tail probability u: the smallest count whose lower tail reaches u.

    Up to a mean of 500 the tail is added up term by term, until terms no longer count beside the spacing of u near 1.
    Above, it is the Cornish-Fisher quantile of third order, which is within one count (tested).
    """
    if mean > MOST_SUMMED:
        z = normal(u)
        root = math.sqrt(mean)
        x = mean + root * z + (z * z - 1.0) / 6.0 + (z - z * z * z) / (72.0 * root) - 0.5
        return x if x >= WHOLE else float(math.ceil(x))
    count = 0.0
    term = math.exp(-mean)
    total = term
    while total < u and (count < mean or term > LEAST_TERM):
        count += 1.0
        term *= mean / count
        total += term
    return count


@rule
def normal(u: float) -> float:
    """Standard normal quantile of u in (0, 1), relative error about 1e-16.

    Source: Wichura (1988), Algorithm AS 241 (PPND16), Applied Statistics 37:477-484.
    """
    q = u - 0.5
    if math.fabs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 2.5090809287301226727e3
        for c in (
            3.3430575583588128105e4,
            6.7265770927008700853e4,
            4.5921953931549871457e4,
            1.3731693765509461125e4,
            1.9715909503065514427e3,
            1.3314166789178437745e2,
            3.3871328727963666080e0,
        ):
            top = top * r + c
        bottom = 5.2264952788528545610e3
        for c in (
            2.8729085735721942674e4,
            3.9307895800092710610e4,
            2.1213794301586595867e4,
            5.3941960214247511077e3,
            6.8718700749205790830e2,
            4.2313330701600911252e1,
            1.0,
        ):
            bottom = bottom * r + c
        return q * top / bottom
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        r = r - 1.6
        top = 7.74545014278341407640e-4
        for c in (
            2.27238449892691845833e-2,
            2.41780725177450611770e-1,
            1.27045825245236838258e0,
            3.64784832476320460504e0,
            5.76949722146069140550e0,
            4.63033784615654529590e0,
            1.42343711074968357734e0,
        ):
            top = top * r + c
        bottom = 1.05075007164441684324e-9
        for c in (
            5.47593808499534494600e-4,
            1.51986665636164571966e-2,
            1.48103976427480074590e-1,
            6.89767334985100004550e-1,
            1.67638483018380384940e0,
            2.05319162663775882187e0,
            1.0,
        ):
            bottom = bottom * r + c
    else:
        r = r - 5.0
        top = 2.01033439929228813265e-7
        for c in (
            2.71155556874348757815e-5,
            1.24266094738807843860e-3,
            2.65321895265761230930e-2,
            2.96560571828504891230e-1,
            1.78482653991729133580e0,
            5.46378491116411436990e0,
            6.65790464350110377720e0,
        ):
            top = top * r + c
        bottom = 2.04426310338993978564e-15
        for c in (
            1.42151175831644588870e-7,
            1.84631831751005468180e-5,
            7.86869131145613259100e-4,
            1.48753612908506148525e-2,
            1.36929880922735805310e-1,
            5.99832206555887937690e-1,
            1.0,
        ):
            bottom = bottom * r + c
    x = top / bottom
    return -x if q < 0.0 else x


@rule
def gamma_lower(x: float, shape: float, log_gamma_shape: float) -> float:
    """Regularised lower incomplete gamma function P(shape, x), by series or continued fraction.

    Source: Press et al. (2007), Numerical Recipes, 3rd ed., section 6.2.
    """
    if x <= 0.0:
        return 0.0
    # Near x = shape both need about 8 * sqrt(shape) steps: 20,000 serve every shape up to 1e6.
    front = math.exp(-x + shape * math.log(x) - log_gamma_shape)
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        a = shape
        for _ in range(20000):
            a += 1.0
            term *= x / a
            total += term
            if term < total * 1e-17:
                break
        return total * front
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    h = d
    for i in range(1, 20000):
        an = -i * (i - shape)
        b += 2.0
        d = an * d + b
        if math.fabs(d) < 1e-300:
            d = 1e-300
        c = b + an / c
        if math.fabs(c) < 1e-300:
            c = 1e-300
        d = 1.0 / d
        step = d * c
        h *= step
        if math.fabs(step - 1.0) < 1e-16:
            break
    return 1.0 - front * h


@rule
def gamma(u: float, shape: float, log_gamma_shape: float) -> float:
    """Quantile u of the gamma distribution with this shape and scale 1, by bracketed Halley steps.

    `log_gamma_shape` is log Gamma(shape), worked out once where a scenario is planned; shapes up to 1e6. The answer is
    good to about 1e-12 relative, or to the spacing of u where that is coarser (u near 1); for tiny shapes it may
    underflow to 0. Start: Press et al. (2007), section 6.2.1.
    """
    if shape > 1.0:
        z = normal(u)
        ninth = 1.0 / (9.0 * shape)
        w = 1.0 - ninth + z * math.sqrt(ninth)
        x = shape * w * w * w
        if x < 1e-3:
            x = 1e-3
    else:
        t = 1.0 - shape * (0.253 + shape * 0.12)
        if u < t:
            x = math.exp(math.log(u / t) / shape)
        else:
            x = 1.0 - math.log(1.0 - (u - t) / (1.0 - t))
    low = 0.0
    high = 1e300
    for _ in range(200):
        if x <= 0.0:
            return 0.0
        error = gamma_lower(x, shape, log_gamma_shape) - u
        if error > 0.0:
            high = x
        else:
            low = x
        density = math.exp(-x + (shape - 1.0) * math.log(x) - log_gamma_shape)
        new = -1.0
        if density > 0.0:
            step = error / density
            bend = step * ((shape - 1.0) / x - 1.0)
            new = x - step / (1.0 - 0.5 * min(1.0, bend))
            if math.fabs(new - x) <= 1e-6 * x:
                return new  # the next correction is of the third order in this one
        if new <= low or new >= high:
            new = 0.5 * (low + high) if high < 1e300 else 2.0 * x
        x = new
    return x


@rule
def gamma_tabulated(u: float, middle: Floats, tails: Floats) -> float:
    """Quantile u of the gamma distribution with mean 1 whose tables these are (`gamma_tables`).

    Within 1e-7 of the quantile, relative to it or to 1 where it is smaller (tested); much quicker than `gamma`.
    """
    if u < MIDDLE_LOW or u >= 1.0 - MIDDLE_LOW:
        place = (normal(u) - TAIL_LOW) * TAIL_PER_UNIT
        return math.exp(_cubic(place, tails))
    return _cubic((u - MIDDLE_LOW) * MIDDLE_STEPS, middle)


@rule
def _cubic(place: float, table: Floats) -> float:
    """Read a table of four numbers a step at this place, counted in steps."""
    step = math.floor(place)
    t = place - step
    i = 4 * step
    return table[i] + t * (table[i + 1] + t * (table[i + 2] + t * table[i + 3]))


@lru_cache(maxsize=512)  # of some 100 kB: a run may draw as many populations
def gamma_tables(shape: float) -> tuple[Floats, Floats]:
    """Tabulate the gamma quantile (mean 1, this shape): over u in the middle, its logarithm over normal scores outside.

    Cubic Hermite, steps of 1/512 and 1/32, with exact slopes. For shapes from 0.05 to 1e6.
    """
    from scipy.special import ndtri

    steps = round((1.0 - 2.0 * MIDDLE_LOW) * MIDDLE_STEPS)
    middle, tails = [], []
    for k in range(steps + 1):
        z = float(ndtri(MIDDLE_LOW + k / MIDDLE_STEPS))
        value, slope = _log_gamma_quantile(z, shape)
        x = math.exp(value)
        density_z = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        middle.append((x, x * slope / density_z / MIDDLE_STEPS))
    for k in range(TAIL_STEPS + 1):
        value, slope = _log_gamma_quantile(TAIL_LOW + k / TAIL_PER_UNIT, shape)
        tails.append((value, slope / TAIL_PER_UNIT))
    return _hermite(middle), _hermite(tails)


def _log_gamma_quantile(z: float, shape: float) -> tuple[float, float]:
    """Give log of the quantile (mean 1) at the normal score z, and its slope there."""
    from scipy.special import gammainccinv, gammaincinv, ndtr

    tail = float(ndtr(-abs(z)))
    log_x = (
        math.log(tail) + math.lgamma(shape + 1.0)
    ) / shape  # the lower tail's first term, all of it where x is tiny
    if z >= 0.0 or log_x > -30.0:
        log_x = math.log(float((gammaincinv if z < 0.0 else gammainccinv)(shape, tail)))
    bend = -0.5 * z * z - 0.5 * math.log(2.0 * math.pi) - shape * log_x + math.exp(log_x) + math.lgamma(shape)
    return log_x - math.log(shape), math.exp(bend)


def _hermite(nodes: list[tuple[float, float]]) -> Floats:
    """Give the cubic of each step from values and slopes (a step) at its ends."""
    table: list[float] = []
    for (a, slope_a), (b, slope_b) in pairwise(nodes):
        rise = b - a
        table += [a, slope_a, 3.0 * rise - 2.0 * slope_a - slope_b, slope_a + slope_b - 2.0 * rise]
    return tuple(table)
