"""One trial as tables: exactly trial K of the power run with that seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.errors import ShamtrialError
from sim.engines.records import TrialRecords
from sim.scenario.beliefs import Beliefs, beliefs_of
from sim.scenario.schema import Scenario
from sim.study.play import Play, for_many, for_one
from sim.study.population import solved
from sim.study.runner import Workers

if TYPE_CHECKING:
    import pandas as pd

    from sim.data.consort import Flow
    from sim.study.blinding import TrialGuesses


@dataclass(frozen=True, repr=False)
class SimulatedTrial:
    """One trial: its records, and its tables on demand.

    They are adsl, adrel, visits, veins, procedures, events, truth, imaging.
    """

    name: str
    scenario: Scenario
    seed: int
    records: TrialRecords

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        from sim.data.tables import tables

        return tables(self.scenario, self.records)

    @property
    def beliefs(self) -> Beliefs:
        """Which finding the effects of belief follow."""
        return beliefs_of(self.scenario)

    @property
    def consort(self) -> Flow[int]:
        """The flow of participants."""
        from sim.data.consort import flow

        return flow(self.scenario, self.records)

    @property
    def guesses(self) -> list[TrialGuesses]:
        """The treatment guesses, a question an entry; none where they are not asked."""
        from sim.study.blinding import trial_guesses

        return trial_guesses(self.scenario, self.records)

    @property
    def on_medication(self) -> dict[str, int]:
        """How many of each arm were on medication when they entered."""
        from sim.data.at_entry import on_medication

        return on_medication(self.scenario, self.records)

    @property
    def relapses(self) -> tuple[int, int]:
        """How many relapses those who entered had from study day 1 on, and before; pseudo-relapses left out."""
        from sim.data.at_entry import relapses

        return relapses(self.records)

    def to_frame(self, table: str = "adsl") -> pd.DataFrame:
        """Give one table; ShamtrialError names the tables there are."""
        from sim.data.tables import TABLES

        if table not in TABLES:
            raise ShamtrialError(f"table: found {table!r}; allowed: {', '.join(TABLES)}")
        return self.tables[table]

    def __repr__(self) -> str:
        s = self.records.subjects
        entered = int((s["entry_number"] >= 0).sum())
        on_study, before = self.relapses
        return (
            f"{self.name}: trial {self.records.trial} of seed {self.seed}, {len(s)} screened, {entered} entered; "
            f"these had {on_study:,} relapses on study and {before:,} before it; {len(self.records.events):,} events\n"
            f"  {self.beliefs.words}"
        )


def simulate(
    scenario: Scenario, name: str = "", trial: int = 0, seed: int = 1, workers: Workers = 1, engine: str = "auto"
) -> SimulatedTrial:
    """Play trial number `trial` (from 0) of a scenario under `seed`."""
    if not 0 <= trial < 2**63:
        raise ShamtrialError(f"--trial: found {trial}; allowed: a whole number from 0 to 2^63 - 1")
    ready, _ = solved(scenario, workers, engine=for_many(engine))
    return SimulatedTrial(name, ready, seed, Play(ready, seed, for_one(engine)).records(trial))
