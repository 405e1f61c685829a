"""Worlds evidence for lesions: scans change nothing but what they show, and so do the ratios that act on them alone."""

from __future__ import annotations

import numpy as np

from sim.core.events import Kind
from tests.helpers import changed_kinds, play
from tests.worlds.cohorts import FIXED, RECRUITING, fields, words

SCANNED: dict[str, object] = {"lesions": {"enabled": True, "scan_months": [0.0, 6.0, 12.0, 24.0]}}
GD, T2 = {"gd_lesions", "gd_lesions_latent"}, {"new_t2", "new_t2_latent"}
OPEN_VEINS: dict[str, object] = {
    "veins": {"success_prob": 1.0, "ijv_restenosis_18m_prob": 0.0, "azygos_restenosis_18m_prob": 0.0, "wait_days": 7.0}
}


def test_scans_change_nothing_else() -> None:
    """With scans, of a fixed cohort and of a recruiting trial, lesions appear; no event and no other field changes."""
    for base in (FIXED, RECRUITING, FIXED | {"activity.kind": "log_ou", "clock.resolution_days": 1}):
        on, off = play("sham_rct", base | SCANNED), play("sham_rct", base)
        assert not changed_kinds(on, off)
        assert fields(on, off) == {"visits": GD | T2, "subjects": {"lesion_factor"}}
        assert np.isnan(off.visits["gd_lesions"]).all()


def test_no_lesion_moves_another_scan() -> None:
    """Scans left out in between leave Gd lesions at the others as they were, and add their T2 lesions to the next."""
    few: dict[str, object] = {"lesions": {"enabled": True, "scan_months": [0.0, 24.0]}}
    a, b = play("sham_rct", FIXED | SCANNED).visits, play("sham_rct", FIXED | few).visits
    last, ends = a["visit"] == 4, a["visit"] % 4 == 0
    for field in GD:
        assert np.array_equal(a[field][ends], b[field][ends])
    seen = {(int(v["site"]), int(v["arrival"])): 0.0 for v in a[last]}
    for v in a:
        if (key := (int(v["site"]), int(v["arrival"]))) in seen and v["visit"] in (1, 2, 4):
            seen[key] += float(v["new_t2_latent"])
    assert np.allclose(list(seen.values()), b["new_t2_latent"][last], rtol=1e-12, atol=0.0)


def test_open_veins_remove_lesions_and_nothing_else() -> None:
    """A lesion ratio alone changes lesions of the treated after the procedure, all downwards, and nothing else."""
    base = FIXED | SCANNED | OPEN_VEINS | {"effect.rate_ratio": 1.0}
    none, some = play("sham_rct", base), play("sham_rct", base | {"effect.gd_ratio": 0.3})
    assert not changed_kinds(none, some)
    assert fields(none, some) == {"visits": GD | T2}
    assert (some.visits["gd_lesions"] <= none.visits["gd_lesions"])[~np.isnan(none.visits["gd_lesions"])].all()
    assert (some.visits["new_t2"] <= none.visits["new_t2"])[~np.isnan(none.visits["new_t2"])].all()
    changed = some.visits["gd_lesions_latent"] < none.visits["gd_lesions_latent"]
    assert set(none.visits["visit"][changed]) == {1, 2, 4}  # never the baseline
    assert (none.visits["patency"][changed] == 1.0).all()
    ratio = some.visits["gd_lesions_latent"][changed] / none.visits["gd_lesions_latent"][changed]
    assert np.allclose(ratio, 0.3, rtol=1e-12, atol=0.0)
    off = play("sham_rct", base | {"effect.gd_ratio": 0.3, "switches.effect": False})
    assert not fields(off, none)


def test_medication_removes_lesions_and_nothing_else() -> None:
    """A lesion ratio of medication changes lesions of those on it, and nothing else; off, it is that of nobody."""
    base = FIXED | SCANNED | {"medication": {"enabled": True, "start_prob": 0.8, "gd_ratio": 1.0}}
    none, some = play("sham_rct", base), play("sham_rct", base | {"medication.gd_ratio": 0.25})
    assert (none.events["rank"] == Kind.MEDICATION_START).any()
    assert not changed_kinds(none, some)
    assert fields(none, some) == {"visits": GD | T2}
    started = dict(zip(words(none.subjects), none.subjects["medication_time"], strict=True))
    on_it = np.array([v["time"] > started[word] for v, word in zip(none.visits, words(none.visits), strict=True)])
    scanned = ~np.isnan(none.visits["gd_lesions"])
    ratio = some.visits["gd_lesions_latent"] / none.visits["gd_lesions_latent"]
    assert np.allclose(ratio[scanned & on_it], 0.25, rtol=1e-12, atol=0.0)
    assert (ratio[scanned & ~on_it] == 1.0).all()
    off = {"switches.medication": False}
    assert not fields(play("sham_rct", base | off), play("sham_rct", base | off | {"medication.gd_ratio": 0.25}))
