"""The maximum of the two-arm NB2 likelihood, found by statsmodels and accepted only if it is one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from sim.analysis.arrays import BoolArray, FloatArray

__all__ = ["maximise"]

# An accepted maximum lies within sqrt(1e-8) = 1e-4 standard errors of the stationary point (Newton decrement). Newton's
# last step usually leaves it at 1e-20; the room is for rounding in the score of k, which is divided by k^2.
_DECREMENT: Final = 1e-8


def maximise(
    counts: FloatArray, years: FloatArray, treated: BoolArray, start: tuple[float, float, float]
) -> tuple[FloatArray, FloatArray] | None:
    """Return (parameters, their covariance) at an inner maximum near `start`, or None if there is none to be found.

    Parameters are (log control rate, log rate ratio, dispersion k > 0); the covariance (3, 3) is the inverse observed
    joint information. Newton starts from `start` (default optimisers stop 3e-6 off); should it leave the region k > 0,
    slower ones bring it nearer. Warnings of statsmodels are contained. All inputs finite, years above 0.
    """
    from statsmodels.discrete.discrete_model import NegativeBinomial

    design = np.column_stack([np.ones_like(counts), treated])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = NegativeBinomial(counts, design, offset=np.log(years), check_rank=False)
        _forbid_negative_dispersion(model)
        for params in _attempts(model, np.array(start)):
            covariance = None if params is None else _covariance(model, params)
            if params is not None and covariance is not None:
                return params, covariance
    return None


def _forbid_negative_dispersion(model: Any) -> None:
    """Stop Newton where it leaves k > 0: there scipy's zeta sums |1/k| terms for each patient, minutes of them."""
    hessian = model.hessian

    def guarded(params: FloatArray) -> FloatArray:
        if not params[-1] > 0.0:
            raise ArithmeticError("negative dispersion")
        return np.asarray(hessian(params), dtype=np.float64)

    model.hessian = guarded


def _attempts(model: Any, start: FloatArray) -> Iterator[FloatArray | None]:
    """Yield where Newton ends from `start` and then, more patiently, from where slower optimisers arrive."""
    yield _optimise(model, start, "newton")
    for method in ("bfgs", "nm"):
        nearer = _optimise(model, start, method)
        yield None if nearer is None else _optimise(model, nearer, "newton")


def _optimise(model: Any, start: FloatArray, method: str) -> FloatArray | None:
    """Return where one statsmodels optimiser ends, or None if it breaks down on the way."""
    maxiter = 50 if method == "newton" else 2000
    try:
        result = model.fit(start, method=method, maxiter=maxiter, disp=0, warn_convergence=False, skip_hessian=True)
    except (ArithmeticError, ValueError):  # LinAlgError is a ValueError
        return None
    return np.asarray(result.params, dtype=np.float64)


def _covariance(model: Any, params: FloatArray) -> FloatArray | None:
    """Return the inverse observed joint information if `params` is an inner maximum, else None."""
    if not (np.all(np.isfinite(params)) and params[-1] > 0.0):
        return None
    information = -model.hessian(params)
    gradient = np.asarray(model.score(params), dtype=np.float64)
    try:
        np.linalg.cholesky(information)  # positive definite, or it raises
        covariance: FloatArray = np.linalg.inv(information).astype(np.float64)
    except np.linalg.LinAlgError:
        return None
    return covariance if float(gradient @ covariance @ gradient) < _DECREMENT else None
