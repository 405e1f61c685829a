"""What surveillance alone makes of restenosis and relapse, in patients in whom neither has to do with the other.

The same patients and veins under four settings: imaging on a schedule or after reported relapses too, by readers who
know nothing or who know of recent relapses. Veins do nothing, so what ties a detected restenosis to a relapse is how
it was looked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.errors import RunError, ShamtrialError
from sim.data.cohort import Cohort, restenosed, window
from sim.engines.want import Want
from sim.evidence import published
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Scenario
from sim.study.play import Play, for_many, scenario_digest
from sim.study.population import solved
from sim.study.power import MOST_TRIALS
from sim.study.runner import Failure, Pool, Watcher, Workers

Floats = NDArray[np.float64]

DEFAULT_TRIALS = 1000
PUBLISHED = "zamboni2009.restenosis_and_relapse"


class Setting(NamedTuple):
    """Whether reported relapses bring an imaging, and whether readers know of them."""

    name: str
    triggered: bool
    unblinded: bool


SETTINGS = (
    Setting("on a schedule, readers know nothing", False, False),
    Setting("after relapses too", True, False),
    Setting("on a schedule, readers over-read", False, True),
    Setting("after relapses too, readers over-read", True, True),
)


class Sums(NamedTuple):
    """One trial: patients with an opened vein; of them relapsed, narrow again in truth, detected, and both together.

    Relapses are reported ones; `relapsed_detected` have both; `relapsed_narrow` relapsed and truly have a restenosis;
    `detected_narrow` were found with one and truly have one.
    """

    treated: float
    relapsed: float
    narrow: float
    detected: float
    relapsed_detected: float
    relapsed_narrow: float
    detected_narrow: float


@dataclass(frozen=True)
class Tally:
    """Answers one trial's sums; picklable."""

    play: Play

    def __call__(self, trial: int) -> Sums:
        """Play trial number `trial`."""
        want = Want(frozenset(("reported",)), (), past=False)
        return tally(self.play.people(trial, want=want), self.play.scenario.study.follow_up_months)

    def warm(self) -> None:
        """Load, or compile, what the run needs."""
        self(0)


def tally(people: Cohort, months: float) -> Sums:
    """Count who relapsed and in whom a restenosis was, and was detected, from the procedure to these months after."""
    detected, narrow = (restenosed(people, found, months) for found in (True, False))
    treated = ~np.isnan(detected)
    relapsed = treated & (window(people, "reported", 0.0, months).counts > 0.0)
    found, true = detected == 1.0, narrow == 1.0
    groups = (treated, relapsed, true, found, relapsed & found, relapsed & true, found & true)
    return Sums(*(float(group.sum()) for group in groups))


@dataclass(frozen=True)
class Share:
    """A share and its Monte Carlo standard error (NaN where there is nothing to share)."""

    value: float
    mcse: float


@dataclass(frozen=True)
class SettingResult:
    """One setting: shares of the treated, conditional shares, and the replays in which all who relapsed were detected.

    `narrow` and `narrow_given_relapse` are of the truth, whoever looks; `narrow_given_detected` is the share of those
    found with a restenosis who have one.
    """

    name: str
    triggered: bool
    unblinded: bool
    relapse: Share
    detected: Share
    narrow: Share
    relapse_given_detected: Share
    detected_given_relapse: Share
    narrow_given_relapse: Share
    all_relapsed_detected: Share
    narrow_given_detected: Share


@dataclass(frozen=True)
class RestenosisResult:
    """The four settings beside each other, over the same patients."""

    name: str
    digest: str
    seed: int
    trials: int
    patients: int
    months: float
    settings: tuple[SettingResult, ...]
    published: str
    beliefs: Beliefs
    elapsed_s: float
    failed: tuple[Failure, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the four settings say of the published sentence, and what they can't say."""
        return tuple(_sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        names = ("digest", "seed", "trials", "patients", "months")
        failed = [f.to_dict() for f in self.failed]
        return {
            "scenario": self.name,
            **{n: getattr(self, n) for n in names},
            "settings": [asdict(s) for s in self.settings],
            "beliefs": self.beliefs.to_dict(),
            "published": {"id": PUBLISHED, "value": self.published},
            "sentences": list(self.sentences),
            "failed": failed,
        }

    def __repr__(self) -> str:
        head = f"{self.name}: {self.trials} replays of {self.patients} patients in four settings, seed {self.seed}"
        return "\n".join([head, *(f"  {s}" for s in self.sentences)])


def restenosis(
    scenario: Scenario,
    name: str = "",
    trials: int = DEFAULT_TRIALS,
    seed: int = 1,
    workers: Workers = 1,
    engine: str = "auto",
    watch: Callable[[str], Watcher] | None = None,
) -> RestenosisResult:
    """Play the four settings of a scenario with both kinds of imaging; ShamtrialError if it lacks either."""
    _refuse(scenario, trials)
    begun, chosen = time.perf_counter(), for_many(engine)
    ready, _ = solved(scenario, workers, None, chosen)
    found, failed = [], []
    for setting in SETTINGS:
        play = Play(under(ready, setting), seed, chosen)
        with Pool(Tally(play), seed, workers) as pool:
            answers = pool.run(range(trials), watch(setting.name) if watch else None)
        failed += [a for a in answers if isinstance(a, Failure)]
        good = np.array([a for a in answers if not isinstance(a, Failure)], dtype=float)
        if len(good) < 2:
            raise failed[0].error() if failed else RunError("restenosis: fewer than two trials were played")
        found.append(shares(setting, good))
    return RestenosisResult(
        name=name,
        digest=scenario_digest(scenario),
        seed=seed,
        trials=trials,
        patients=scenario.enrolment.target,
        months=scenario.study.follow_up_months,
        settings=tuple(found),
        published=published()[PUBLISHED].value,
        beliefs=beliefs_of(scenario),
        elapsed_s=time.perf_counter() - begun,
        failed=tuple(failed),
    )


def _refuse(scenario: Scenario, trials: int) -> None:
    """Raise ShamtrialError for a scenario in which the four settings would not be these four, or veins do something."""
    s = scenario.surveillance
    wrong = [
        ("study.design", scenario.study.design, "uncontrolled_before_after", scenario.before_after),
        ("arm", [a.procedure for a in scenario.arm], "angioplasty", scenario.arm[0].procedure == "angioplasty"),
        ("surveillance.enabled", s.enabled, "true", s.enabled),
        ("surveillance.on_relapse", s.on_relapse, "true", s.on_relapse),
        ("surveillance.reader", s.reader, "unblinded", s.reader == "unblinded"),
        ("surveillance.scheduled_months", s.scheduled_months, "a month at least", bool(s.scheduled_months)),
        ("effect.enabled", True, "false: nothing may tie relapses to veins", scenario.no_effect),
    ]
    for key, value, allowed, fits in wrong:
        if not fits:
            raise ShamtrialError(f"restenosis: {key}: found {value}; allowed: {allowed}")
    if not 2 <= trials <= MOST_TRIALS:
        raise ShamtrialError(f"--trials: found {trials}; allowed: 2 to {MOST_TRIALS:,}")


def under(scenario: Scenario, setting: Setting) -> Scenario:
    """Give the scenario with its two switches of surveillance set; all else, and all draws, stay."""
    on = {"triggered_imaging": setting.triggered, "unblinded_doppler": setting.unblinded}
    return scenario.model_copy(update={"switches": scenario.switches.model_copy(update=on)})


def shares(setting: Setting, table: Floats) -> SettingResult:
    """Give the shares of a setting from `Sums` of many trials, one row a trial."""
    treated, relapsed, narrow, detected, relapsed_detected, relapsed_narrow, detected_narrow = table.T
    some = relapsed > 0.0
    return SettingResult(
        *setting,
        relapse=ratio(relapsed, treated),
        detected=ratio(detected, treated),
        narrow=ratio(narrow, treated),
        relapse_given_detected=ratio(relapsed_detected, detected),
        detected_given_relapse=ratio(relapsed_detected, relapsed),
        narrow_given_relapse=ratio(relapsed_narrow, relapsed),
        all_relapsed_detected=ratio((some & (relapsed_detected == relapsed)).astype(float), some.astype(float)),
        narrow_given_detected=ratio(detected_narrow, detected),
    )


def ratio(part: Floats, whole: Floats) -> Share:
    """Give the ratio of sums over trials, with its linearised standard error."""
    total, n = float(whole.sum()), len(whole)
    if total == 0.0:
        return Share(math.nan, math.nan)
    value = float(part.sum()) / total
    influence = (part - value * whole) / total
    return Share(value, math.sqrt(n / (n - 1.0) * float((influence * influence).sum())))


def _of(setting: SettingResult) -> str:
    return f"{100.0 * setting.all_relapsed_detected.value:.1f}%"


def _false(setting: SettingResult) -> str:
    return f"{100.0 * (1.0 - setting.narrow_given_detected.value):.0f}%"


def _sentences(result: RestenosisResult) -> Iterator[str]:
    for s in result.settings:
        a, b, c = s.detected, s.detected_given_relapse, s.all_relapsed_detected
        yield (
            f"Imaged {s.name}: detected in {_with_error(a)} of the treated and in {_with_error(b)} of those who "
            f"relapsed; in all who relapsed in {_with_error(c)} of the replays"
        )
    first, triggered, over_read, both = result.settings
    yield (
        f"All who relapsed are found with a restenosis in {_of(both)} of replays with both, {_of(triggered)} with "
        f"imaging after relapses alone, {_of(over_read)} with over-reading alone, {_of(first)} with neither"
    )
    yield (
        f"Of those found with a restenosis {_false(first)} have none in truth under a schedule, {_false(both)} with "
        "both: an open vein was misread"
    )
    yield (
        f"In truth {_with_error(first.narrow_given_relapse)} of those who relapsed had a restenosis, as had "
        f"{_with_error(first.narrow)} of the treated: nothing ties one to the other here"
    )
    yield (
        f"Published ({PUBLISHED}): {result.published}. An exacerbation of symptoms need not be a relapse, and when "
        "patients were imaged and what readers knew is not reported: this shows what such looking can do, not that "
        "it did"
    )


def _with_error(share: Share) -> str:
    if math.isnan(share.value):
        return "none to count"
    return f"{100.0 * share.value:.1f}% (MCSE {100.0 * share.mcse:.1f})"
