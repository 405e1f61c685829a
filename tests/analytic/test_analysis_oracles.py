"""Analytic evidence: our analyses answer as R does, data set by data set (tests/golden/oracles: programs, data, logs).

The stored answers have 16 digits. Maxima of likelihoods agree to 1e-7 of themselves, for both programs stop short of
the very top; closed forms to 1e-9. One test runs the stored programs anew, if R is there.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sim.analysis.ancova import ancova_change
from sim.analysis.before_after import paired_t
from sim.analysis.binary import mcnemar_exact, risk_difference
from sim.analysis.cox_regression import cox_regression
from sim.analysis.estimate import Estimate
from sim.analysis.negbin import fit_negbin, negbin_rate_ratio
from sim.analysis.negbin_regression import RegressionFit, negbin_regression
from sim.analysis.survival import cox, first_relapse_estimates, log_rank

ORACLES = Path(__file__).parent.parent / "golden" / "oracles"
MAXIMUM = 1e-7
CLOSED_FORM = 1e-9
SMALLEST = 1e-13  # below this a figure is 0 but for rounding

Floats = NDArray[np.float64]
Row = dict[str, Any]


@cache
def data(family: str) -> dict[int, pd.DataFrame]:
    """Give the data sets of a family by number."""
    return {int(number): own for number, own in pd.read_csv(ORACLES / f"{family}_data.csv").groupby("set")}


@cache
def answers(family: str) -> dict[int, Row]:
    """Give R's answers of a family, a row a data set."""
    rows: list[Row] = pd.read_csv(ORACLES / f"{family}.csv").to_dict("records")
    return {int(row["set"]): row for row in rows}


@cache
def terms(family: str) -> dict[int, pd.DataFrame]:
    """Give R's coefficients of each data set, a row a term."""
    rows = pd.read_csv(ORACLES / f"{family}_terms.csv")
    return {int(number): own.set_index("term") for number, own in rows.groupby("set")}


def agree(found: float, expected: float, relative: float, where: object) -> None:
    """Assert that two figures agree to so much of the expected one; `where` names the data set."""
    assert found == pytest.approx(expected, rel=relative, abs=SMALLEST), where


def arm(own: pd.DataFrame) -> NDArray[np.bool_]:
    """Give who is treated."""
    return np.asarray(own["treated"] == 1)


def column(own: pd.DataFrame, name: str) -> Floats:
    """Give a column as floats."""
    return np.asarray(own[name], dtype=float)


def covariates(own: pd.DataFrame, *, intercept: bool) -> Floats:
    """Give the design of a data set with strata and baseline, the columns in R's order."""
    dummies = [column(own, "stratum") == level for level in (2, 3)]
    columns = [column(own, "treated"), *dummies, column(own, "baseline")]
    return np.column_stack([np.ones(len(own)), *columns] if intercept else columns).astype(float)


# ---- negative binomial regression -----------------------------------------------------------------------------------

TWO_ARMS = [number for number, row in answers("negbin").items() if row["terms"] == 2]


def two_arms(number: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Give counts, years and arm of a data set."""
    own = data("negbin")[number]
    return column(own, "y"), column(own, "years"), arm(own)


def test_the_stored_data_sets_are_many_and_hard() -> None:
    """R answered at least 60 two-arm data sets and 20 with covariates inside, and more at the boundary or near it."""
    inside = {number for number, row in answers("negbin").items() if row["outcome"] == "ok"}
    assert len(inside & set(TWO_ARMS)) >= 60
    assert len(inside - set(TWO_ARMS)) >= 20
    assert len(answers("negbin")) - len(inside) >= 20
    smallest = sorted(terms("negbin")[number].loc["dispersion", "estimate"] for number in inside)
    assert smallest[2] < 1e-4
    assert smallest[-2] > 5.0
    assert sum(row["events"] < 10 for row in answers("negbin").values()) >= 10


@pytest.mark.parametrize("number", TWO_ARMS)
def test_two_arm_fits_are_those_of_r(number: int) -> None:
    """Outcome, log rate ratio, control rate, dispersion and their observed standard errors are R's, to 1e-7."""
    fit, said = fit_negbin(*two_arms(number)), terms("negbin")[number]
    assert fit.outcome == answers("negbin")[number]["outcome"]
    agree(fit.log_rate_ratio, said.loc["arm", "estimate"], MAXIMUM, number)
    agree(fit.standard_error, said.loc["arm", "se_observed"], MAXIMUM, number)
    agree(math.log(fit.rate_control), said.loc["intercept", "estimate"], MAXIMUM, number)
    if fit.outcome == "ok":
        agree(fit.dispersion, said.loc["dispersion", "estimate"], MAXIMUM, number)
        agree(fit.dispersion_standard_error, said.loc["dispersion", "se_observed"], MAXIMUM, number)


def test_glm_nb_itself_is_as_near_as_it_goes() -> None:
    """Unpolished, glm.nb's rate ratio is within 1e-5 standard errors, and its standard error our expected one."""
    compared = 0
    for number in TWO_ARMS:
        row = answers("negbin")[number]
        if row["outcome"] == "ok":
            ours = negbin_rate_ratio(*two_arms(number), se="expected")
            assert abs(ours.value - row["glmnb_arm"]) < 1e-5 * ours.standard_error, number
            agree(ours.standard_error, row["glmnb_se"], 2e-5, number)
            compared += 1
    assert compared >= 60


def test_other_standard_errors_are_those_of_r() -> None:
    """The expected and the sandwich standard error of the log rate ratio are R's, at the boundary too."""
    for number in TWO_ARMS:
        said = terms("negbin")[number].loc["arm"]
        expected = negbin_rate_ratio(*two_arms(number), se="expected")
        sandwich = negbin_rate_ratio(*two_arms(number), se="sandwich")
        agree(expected.standard_error, said["se_expected"], MAXIMUM, number)
        agree(sandwich.standard_error, said["se_sandwich"], MAXIMUM, number)


def test_likelihood_ratio_and_score_tests_are_those_of_r() -> None:
    """The p of the likelihood-ratio test and of the score test by expected information are R's."""
    for number in TWO_ARMS:
        row = answers("negbin")[number]
        agree(negbin_rate_ratio(*two_arms(number), test="likelihood_ratio").p, row["lr_p"], 1e-6, number)
        score = negbin_rate_ratio(*two_arms(number), test="score").p
        agree(score, chi_square_tail(row["score_expected"]), MAXIMUM, number)


def chi_square_tail(statistic: float) -> float:
    """Give the upper tail of chi-square with one degree of freedom."""
    return math.erfc(math.sqrt(statistic / 2.0))


WITH_COVARIATES = [number for number in answers("negbin") if number not in TWO_ARMS]


def regression(number: int, **choices: Any) -> RegressionFit:
    """Fit a data set with arm, strata and baseline (those it has)."""
    own = data("negbin")[number]
    X = covariates(own, intercept=True)
    return negbin_regression(
        column(own, "y"), column(own, "years"), X[:, : answers("negbin")[number]["terms"]], **choices
    )


@pytest.mark.parametrize("number", WITH_COVARIATES)
def test_regressions_on_covariates_are_those_of_r(number: int) -> None:
    """All coefficients, their observed standard errors, dispersion, its error and log-likelihood are R's, to 1e-7."""
    fit, said, row = regression(number), terms("negbin")[number], answers("negbin")[number]
    assert fit.estimate.outcome == row["outcome"]
    coefficients = said.drop(index="dispersion", errors="ignore")
    assert len(fit.coefficients) == len(coefficients) == 5
    for place, name in enumerate(coefficients.index):
        agree(float(fit.coefficients[place]), said.loc[name, "estimate"], MAXIMUM, name)
        agree(float(fit.standard_errors[place]), said.loc[name, "se_observed"], MAXIMUM, name)
        agree(float(fit.covariance[place, place]), said.loc[name, "se_observed"] ** 2, 2.0 * MAXIMUM, name)
    assert (fit.estimate.value, fit.estimate.standard_error) == (fit.coefficients[1], fit.standard_errors[1])
    agree(fit.log_likelihood, row["loglik"], MAXIMUM, number)
    if row["outcome"] == "ok":
        agree(fit.dispersion, said.loc["dispersion", "estimate"], MAXIMUM, number)
        agree(fit.dispersion_standard_error, said.loc["dispersion", "se_observed"], MAXIMUM, number)


def test_regressions_take_the_other_errors_and_tests_of_r() -> None:
    """Expected and sandwich standard errors of every coefficient, likelihood-ratio and score p of the arm are R's."""
    for number in WITH_COVARIATES:
        said, row = terms("negbin")[number].drop(index="dispersion", errors="ignore"), answers("negbin")[number]
        for se in ("expected", "sandwich"):
            found = regression(number, se=se).standard_errors
            assert found == pytest.approx(said[f"se_{se}"].to_numpy(), rel=MAXIMUM), (number, se)
        agree(regression(number, test="likelihood_ratio").estimate.p, row["lr_p"], 1e-6, number)
        score = regression(number, test="score").estimate.p
        agree(score, chi_square_tail(row["score_expected"]), MAXIMUM, number)


def test_two_arms_are_a_regression_on_the_arm() -> None:
    """Two-arm data given as a design matrix have R's answers too."""
    for number in TWO_ARMS:
        fit, said = regression(number), terms("negbin")[number]
        agree(fit.estimate.value, said.loc["arm", "estimate"], MAXIMUM, number)
        agree(fit.estimate.standard_error, said.loc["arm", "se_observed"], MAXIMUM, number)
        agree(fit.log_likelihood, answers("negbin")[number]["loglik"], MAXIMUM, number)


# ---- time to a first event ------------------------------------------------------------------------------------------

DETERMINED = [number for number, row in answers("survival").items() if not row["monotone"]]


def watched(number: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Give times, events and arm of a data set."""
    own = data("survival")[number]
    return column(own, "time"), column(own, "event"), arm(own)


def test_the_stored_times_are_tied_and_untied() -> None:
    """R answered data sets with no tied event, with some and with many, with and without covariates."""
    tied = [row["tied"] / row["events"] for row in answers("survival").values()]
    assert sum(share == 0.0 for share in tied) >= 20
    assert sum(share > 0.5 for share in tied) >= 20
    sizes = [len(terms("survival")[number]) for number in DETERMINED]
    assert (sizes.count(1), sizes.count(4)) == (72, 30)


@pytest.mark.parametrize("number", answers("survival"))
def test_log_rank_tests_are_those_of_r(number: int) -> None:
    """Observed minus expected over its variance, the variance, and p are survdiff's, where hazard ratios end too."""
    ours, said = log_rank(*watched(number)), answers("survival")[number]
    agree(ours.value, said["observed_minus_expected"] / said["variance"], CLOSED_FORM, number)
    agree(ours.standard_error, 1.0 / math.sqrt(said["variance"]), CLOSED_FORM, number)
    agree(ours.p, said["p"], CLOSED_FORM, number)


@pytest.mark.parametrize("number", DETERMINED)
def test_cox_regressions_are_those_of_r(number: int) -> None:
    """Log hazard ratio and standard error of the arm are coxph's with Efron's ties, adjusted or not."""
    said = terms("survival")[number]
    X = covariates(data("survival")[number], intercept=False)[:, 1:] if len(said) > 1 else None
    ours = cox(*watched(number), X)
    assert ours.outcome == "ok"
    agree(ours.value, said.loc["arm", "estimate"], MAXIMUM, number)
    agree(ours.standard_error, said.loc["arm", "se"], MAXIMUM, number)


def test_cox_regressions_have_all_coefficients_of_r() -> None:
    """Every coefficient, its standard error and both log partial likelihoods are coxph's."""
    adjusted = [number for number in DETERMINED if len(terms("survival")[number]) == 4]
    assert len(adjusted) >= 20
    for number in adjusted:
        own, said, row = data("survival")[number], terms("survival")[number], answers("survival")[number]
        fit = cox_regression(column(own, "time"), column(own, "event"), covariates(own, intercept=False))
        assert fit.coefficients == pytest.approx(said["estimate"].to_numpy(), rel=MAXIMUM), number
        assert fit.standard_errors == pytest.approx(said["se"].to_numpy(), rel=MAXIMUM), number
        agree(fit.log_likelihood, row["loglik"], MAXIMUM, number)
        agree(fit.null_log_likelihood, row["loglik_null"], MAXIMUM, number)


def test_the_first_relapse_has_the_ratio_of_coxph_and_the_p_of_survdiff() -> None:
    """The endpoint's analysis gives both answers of R at once, many data sets in a call."""
    chosen = [number for number in DETERMINED if len(terms("survival")[number]) == 1]
    parts = [watched(number) for number in chosen]
    first = np.cumsum([0] + [len(times) for times, _, _ in parts])
    times, events, treated = (np.concatenate([own[i] for own in parts]) for i in range(3))
    ours = first_relapse_estimates(times, events, treated.astype(bool), first)
    for place, number in enumerate(chosen):
        agree(float(ours.value[place]), terms("survival")[number].loc["arm", "estimate"], MAXIMUM, number)
        agree(float(ours.standard_error[place]), terms("survival")[number].loc["arm", "se"], MAXIMUM, number)
        agree(float(ours.p[place]), answers("survival")[number]["p"], CLOSED_FORM, number)


def test_where_coxph_warns_of_an_infinite_ratio_we_name_it() -> None:
    """Four data sets have hazard ratio 0 or infinite: coxph stops far out, we say "monotone"."""
    endless = [number for number in answers("survival") if number not in DETERMINED]
    assert len(endless) == 4
    for number in endless:
        assert abs(terms("survival")[number].loc["arm", "estimate"]) > 20.0
        assert cox(*watched(number)).outcome == "monotone"


# ---- tables and scores ----------------------------------------------------------------------------------------------


def of_table(row: Row) -> tuple[Floats, NDArray[np.bool_]]:
    """Give the patients of a two-by-two table: outcome and arm."""
    cells = [row["x1"], row["n1"] - row["x1"], row["x0"], row["n0"] - row["x0"]]
    return np.repeat([1.0, 0.0, 1.0, 0.0], cells), np.repeat([True, True, False, False], cells)


def of_pairs(row: Row) -> tuple[Floats, Floats]:
    """Give the pairs of a table: outcome before and after."""
    cells = [row["both"], row["gained"], row["lost"], row["neither"]]
    return np.repeat([1.0, 0.0, 1.0, 0.0], cells), np.repeat([1.0, 1.0, 0.0, 0.0], cells)


def test_exact_tests_are_those_of_r() -> None:
    """Fisher's p is fisher.test's and McNemar's exact p binom.test's, on 80 tables, small ones and large."""
    assert len(data("tables")) >= 60
    for number, own in data("tables").items():
        row, said = own.iloc[0].to_dict(), answers("tables")[number]
        agree(risk_difference(*of_table(row)).p, said["fisher_p"], CLOSED_FORM, number)
        agree(mcnemar_exact(*of_pairs(row)).p, said["mcnemar_p"], CLOSED_FORM, number)


def five(estimate: Estimate) -> tuple[float, ...]:
    """Give value, standard error, interval and p."""
    return estimate.value, estimate.standard_error, estimate.lower, estimate.upper, estimate.p


@pytest.mark.parametrize(
    ("analysis", "columns"),
    [
        ("t", ("t_mean", "t_se", "t_lower", "t_upper", "t_p")),
        ("ancova", ("ancova_arm", "ancova_se", "ancova_lower", "ancova_upper", "ancova_p")),
    ],
)
def test_changes_of_a_score_are_those_of_r(analysis: str, columns: tuple[str, ...]) -> None:
    """Value, standard error, interval and p of the paired t test and of the ANCOVA are those of t.test and lm."""
    assert len(data("change")) >= 20
    for number, own in data("change").items():
        before, after = column(own, "before"), column(own, "after")
        ours = paired_t(before, after) if analysis == "t" else ancova_change(before, after, arm(own))
        for figure, name in zip(five(ours), columns, strict=True):
            agree(figure, answers("change")[number][name], CLOSED_FORM, (number, name))


# ---- the programs run anew ------------------------------------------------------------------------------------------


def rscript() -> str:
    """Give R's interpreter; without it skip by name, or fail where continuous integration has to have it."""
    found = shutil.which("Rscript")
    if found:
        return found
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail("Rscript is not installed: continuous integration needs r-base-core (.ci/run)")
    pytest.skip("Rscript is not installed (r-base-core)")


def run_r(program: str, folder: Path, own: pd.DataFrame, *outputs: str) -> list[pd.DataFrame]:
    """Run a stored program on these data and give its tables; a failing one tells why."""
    own.to_csv(folder / "data.csv", index=False)
    command = [rscript(), "--vanilla", str(ORACLES / f"{program}.R"), "data.csv", *outputs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [pd.read_csv(folder / name) for name in outputs]


SOME = {"negbin": [5, 14, 101, 110], "survival": [4, 11, 80], "tables": [3, 20], "change": [2, 9]}


@pytest.mark.parametrize("family", SOME)
def test_r_gives_the_stored_answers(family: str, tmp_path: Path) -> None:
    """Run anew, R's program gives the stored answers of a few data sets, to 1e-9."""
    own = pd.concat([data(family)[number] for number in SOME[family]])
    names = [f"{family}.csv", f"{family}_terms.csv"] if family in ("negbin", "survival") else [f"{family}.csv"]
    for name, told in zip(names, run_r(family, tmp_path, own, *names), strict=True):
        stored = pd.read_csv(ORACLES / name)
        stored = stored[stored["set"].isin(SOME[family])].reset_index(drop=True)
        kept = [c for c in stored if c != "decrement" and not c.startswith("glmnb")]
        pd.testing.assert_frame_equal(told[kept], stored[kept], check_dtype=False, rtol=1e-9, atol=SMALLEST)


def test_r_and_we_agree_on_a_data_set_that_is_not_stored(tmp_path: Path) -> None:
    """Counts made here and now, 30 patients: R's program finds our log rate ratio, standard error and dispersion."""
    place = np.arange(30)
    own = pd.DataFrame(
        {"set": 1, "y": (place * place) % 7 // (1 + place % 2), "years": 0.5 + 0.1 * (place % 11)}
        | {"treated": place % 2, "stratum": 1, "baseline": 0}
    )
    _, told = run_r("negbin", tmp_path, own, "sets.csv", "terms.csv")
    said = told.set_index("term")
    fit = fit_negbin(column(own, "y"), column(own, "years"), arm(own))
    assert fit.outcome == "ok"
    agree(fit.log_rate_ratio, said.loc["arm", "estimate"], MAXIMUM, "live")
    agree(fit.standard_error, said.loc["arm", "se_observed"], MAXIMUM, "live")
    agree(fit.dispersion, said.loc["dispersion", "estimate"], MAXIMUM, "live")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_r_the_live_test_is_skipped_by_name_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    """Where R is missing the live test names the package: skipped on a desk, failed under continuous integration."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="r-base-core"):
        rscript()
