"""How those who entered stood at entry: on medication or not, and with how many relapses behind and before them."""

from __future__ import annotations

import numpy as np

from sim.core.events import Kind
from sim.engines.records import TrialRecords
from sim.scenario.schema import Scenario


def on_medication(scenario: Scenario, records: TrialRecords) -> dict[str, int]:
    """Count by arm the patients whose last start of medication, up to their entry, was followed by no stop."""
    s, e = records.subjects, records.events
    own = s[s["entry_number"] >= 0]
    entry = dict(zip(((own["site"] << 32) | own["arrival"]).tolist(), own["entry_time"].tolist(), strict=True))
    changes = e[np.isin(e["rank"], (int(Kind.MEDICATION_START), int(Kind.MEDICATION_STOP)))]
    last: dict[int, int] = {}
    for word, time, rank in zip(*(changes[name].tolist() for name in ("patient", "time", "rank")), strict=True):
        if time <= entry.get(word, -np.inf):
            last[word] = rank  # events are sorted by time
    on_it = [last.get(word) == Kind.MEDICATION_START for word in entry]
    return {arm.name: int(np.sum(on_it & (own["arm"] == k))) for k, arm in enumerate(scenario.arm)}


def relapses(records: TrialRecords) -> tuple[int, int]:
    """Count the relapses of those who entered, from study day 1 on and before; pseudo-relapses are none."""
    s, r = records.subjects, records.relapses[records.relapses["pseudo"] == 0]
    own = s[s["entry_number"] >= 0]
    day_1 = dict(zip(zip(own["site"].tolist(), own["arrival"].tolist(), strict=True), own["day_1"], strict=True))
    onsets = zip(r["site"].tolist(), r["arrival"].tolist(), r["onset"].tolist(), strict=True)
    on_study = [onset >= day_1[site, arrival] for site, arrival, onset in onsets if (site, arrival) in day_1]
    return sum(map(bool, on_study)), len(on_study) - sum(map(bool, on_study))
