"""Switches: each turns one mechanism off by name, so that its share of an apparent benefit can be measured."""

from __future__ import annotations

from sim.core.params import Table, param


def _switch(meaning: str) -> bool:
    switch: bool = param(True, unit="-", meaning=meaning, source="design")
    return switch


class Switches(Table):
    """False turns a mechanism off; everything else and all draws stay as they were.

    The last two move no patient: they act on the ledger's chance of a success alone.
    """

    self_referral: bool = _switch("false: a recent relapse brings nobody to a site")
    selection: bool = _switch("false: relapse criteria are not applied at entry")
    decline: bool = _switch("false: the relapse rate is level from screening on")
    placebo: bool = _switch("false: belief does not move quality of life")
    rater_bias: bool = _switch("false: belief moves no rating and no confirmation")
    under_reporting: bool = _switch("false: every relapse is reported and nothing else is")
    recall: bool = _switch("false: the past is recalled as it was")
    medication: bool = _switch("false: nobody starts medication")
    practice: bool = _switch("false: nobody does better on the MSFC for having done it before")
    contamination: bool = _switch("false: nobody has angioplasty elsewhere")
    attrition: bool = _switch("false: nobody leaves early and all are analysed")
    unblinded_doppler: bool = _switch(
        "false: readers of Doppler examinations know and believe nothing, at screening and in surveillance"
    )
    effect: bool = _switch("false: open veins do nothing")
    triggered_imaging: bool = _switch("false: a relapse brings no imaging; what is scheduled stays")
    foreseen_allocation: bool = _switch("false: nobody foresees the next allocation")
    picking: bool = _switch("false: only the primary endpoint counts as a success, in all patients (ledger of chances)")
    publication: bool = _switch("false: one study is done, and published whatever it finds (ledger of chances)")
