"""What a replay says in words, composed from its figures: the finding, its numbers, the design that prevents it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sim.study.judge import verdict

if TYPE_CHECKING:
    from sim.study.replay import ReplayResult, Side

EVENTS = ("relapses", "new_gd_lesions")
"""Counts of what a patient may have more than once: so many in, not of, the patients."""


def published_words(judged: dict[str, Any]) -> str:
    """Write a published figure: "9-10 of 35", "4 in 9", "0.12"."""
    low, high = judged["published"]
    said = f"{low:g}" if low == high else f"{low:g}-{high:g}"
    joint = "in" if judged["quantity"] in EVENTS else "of"
    return f"{said} {joint} {judged['total']}" if judged["counted"] else said


def predicted_words(judged: dict[str, Any]) -> str:
    """Write what the replays give: median, and the middle 90%."""
    low, high = judged["interval"]
    return f"{_short(judged['median'])} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    """Write a number to three digits, below 10 to two."""
    return f"{value:.3g}" if abs(value) >= 10.0 else f"{value:.2g}"


def label(judged: dict[str, Any]) -> str:
    """Name a figure: its quantity in words, and its arm."""
    return f"{judged['words']}, {judged['arm']}" if judged["arm"] else str(judged["words"])


def figure_words(judged: dict[str, Any]) -> str:
    """Put a figure beside its replays, in a line."""
    return (
        f"{label(judged)}: published {published_words(judged)}, replayed {predicted_words(judged)}, "
        f"mid-PIT {judged['mid_pit']:.2f}" + (" (used to choose the scenario)" if judged["used_for_fit"] else "")
    )


def share_words(share: float, error: float, n: int) -> str:
    """Write a share of replays with its standard error."""
    if not share:
        return f"none of {n} replays"
    digits = 1 if share >= 0.001 else 2  # one of 2,000 is not none
    return f"{100.0 * share:.{digits}f}% of replays (MCSE {100.0 * error:.{digits}f})"


def sentences(result: ReplayResult) -> Iterator[str]:
    """Give three sentences: the finding, its numbers, and the design that would have prevented it (or did)."""
    if not result.figures:
        left = "; ".join(f"{f['id']}: {f['reason']}" for f in result.left_out)
        yield f"{result.study}: none of its published figures can be replayed ({left})."
        return
    yield _finding(result)
    yield _numbers(result)
    yield _design(result)


def _under(side: Side) -> str:
    return "with no true effect" if side.no_effect else "with the effect put in"


def verdict_of(side: Side) -> str:
    """Say of all figures together whether they are ordinary, rare or at the edge; empty without a test."""
    tail = side.joint["tail_probability"]
    return "" if tail is None else verdict(tail, side.joint["mcse"])


def _finding(result: ReplayResult) -> str:
    tests = [f for f in result.figures if not f["used_for_fit"]]
    reported = "; ".join(f"{label(f)} {published_words(f)}" for f in tests or result.figures)
    said = f"{result.study} reported {reported}"
    found, under = verdict_of(result.null), _under(result.null)
    if not found:
        return f"{said}: all of it was used to choose the scenario, so nothing is left to test."
    how = "judged jointly" if len(tests) > 1 else "one figure"
    if found == "ordinary":
        return f"{said}: {under} such a result is ordinary ({how})."
    worst = _worst(tests)
    more = "more" if worst["mid_pit"] < 0.5 else "less"
    strange = "rare" if found == "rare" else "at the edge of the rare"
    return (
        f"{said}: {under} such a result is {strange} ({how}), most of all for {label(worst)}, of which the replays "
        f"give {more} (mid-PIT {worst['mid_pit']:.3f})."
    )


def _worst(judged: list[dict[str, Any]]) -> dict[str, Any]:
    return max(judged, key=lambda f: abs(f["mid_pit"] - 0.5))


def _numbers(result: ReplayResult) -> str:
    parts = [f"{_under(result.null).capitalize()}: {_tail(result.null)}"]
    rise = result.null.joint["rise"]
    if rise:
        low, high = rise["published"]
        said = share_words(rise["share"], rise["mcse"], result.trials)
        parts.append(f"{said} show a rise of {low:g} or more relapse-free patients (published: {low:g} to {high:g})")
    parts += [_contrast(c, result.trials) for c in result.null.joint["contrasts"][:2]]
    if result.claimed:
        parts.append(f"with the effect claimed ({result.claim.words}): {_tail(result.claimed)}")
    elif not result.claim.words:
        parts.append("its authors claimed no effect of which the evidence here tells, so none is put in")
    return "; ".join(parts) + "."


def _tail(side: Side) -> str:
    joint = side.joint
    if joint["tail_probability"] is None:
        return "no joint rank, for want of a figure that was not used to choose the scenario"
    said = share_words(joint["tail_probability"], joint["mcse"], joint["replays"])
    return f"{said} lie as far out as the published figures"


def _contrast(c: dict[str, Any], trials: int) -> str:
    names = [f"{x[0]:g}" if x[0] == x[1] else f"{x[0]:g}-{x[1]:g}" for x in c["published"]]
    sizes = [f" in {t}" if t else "" for t in c["total"]]
    pair = " v ".join(f"{n}{t} ({a})" for n, t, a in zip(names, sizes, c["arms"], strict=True))
    one = share_words(c["share_in_direction"], c["mcse"]["share_in_direction"], trials)
    both = share_words(c["share_either"], c["mcse"]["share_either"], trials)
    return f"{c['words']} {pair}, or more unequal: {one} in that direction, {both} in either"


def _design(result: ReplayResult) -> str:
    if result.scenario.before_after:
        return _control_group(result)
    if result.scenario.case_control:
        return _readers(result)
    if any(a.procedure == "sham" for a in result.scenario.arm):
        return _sham(result)
    return _open(result)


def _sham(result: ReplayResult) -> str:
    """Say whether the arms differ by more than chance gives; of what is alike in both, a sham arm takes care."""
    rows, begun = result.null.joint["contrasts"], "A sham arm stood beside the treated one"
    if not rows:
        return f"{begun}, but no published figure by arm can be replayed: nothing is said of what it prevented."
    shares = ", ".join(
        f"{c['words']}: {share_words(c['share_either'], c['mcse']['share_either'], result.trials)}" for c in rows
    )
    chance = all(verdict(c["share_either"], c["mcse"]["share_either"]) == "ordinary" for c in rows)
    if chance:
        return (
            f"{begun}, which keeps chance from being taken for an effect: {_under(result.null)} arms differ by as "
            f"much by chance ({shares}), so none of the differences has to be an effect; "
            "figures that both arms miss alike are the scenario's affair."
        )
    return f"{begun}; {_under(result.null)} arms seldom differ by as much in all figures ({shares}): that is left open."


def _open(result: ReplayResult) -> str:
    s = result.scenario
    blind = "nobody was" if s.belief.patient == s.belief.physician == s.belief.assessor == "open" else "not all were"
    return (
        "A sham procedure and concealed random allocation, of more patients, would have kept such a difference from "
        f"being taken for an effect: here {blind} blinded, the order of allocation was "
        f"{s.randomisation.kind.replace('_', ' ')}, and {_few(result)}."
    )


def _few(result: ReplayResult) -> str:
    rows = result.null.joint["contrasts"]
    if not rows:
        return f"there were {result.patients} patients"
    share = share_words(rows[-1]["share_in_direction"], rows[-1]["mcse"]["share_in_direction"], result.trials)
    return f"with {result.patients} patients {share} show as large a difference of the {rows[-1]['words']} by chance"


def _control_group(result: ReplayResult) -> str:
    side = result.null
    free = {f["quantity"]: f for f in side.figures if f["quantity"].startswith("relapse_free_")}
    if not side.no_effect or len(free) < 2:
        return "A randomised sham arm would have shown what happens without the treatment."
    before, after = (free[f"relapse_free_{w}"]["median"] for w in ("before", "after"))
    if after <= before:
        return "No rise is there to be prevented: the replays show none without an effect."
    return (
        "A randomised sham arm would have kept the rise in relapse-free patients from being taken for an effect: with "
        f"veins that do nothing the treated go from {before:g} to "
        f"{after:g} of {result.patients} relapse-free (medians), and so would a sham arm chosen and observed alike."
    )


def _readers(result: ReplayResult) -> str:
    screening, switches = result.scenario.screening, result.scenario.switches
    leans = screening.reader == "unblinded" and switches.unblinded_doppler and screening.reader_lean_logits != 0.0
    if leans and screening.control_ccsvi_prob is None:
        return (
            "Readers who did not know who had MS would have prevented the difference between the groups: in this "
            "scenario nothing else sets them apart."
        )
    if not leans and verdict_of(result.null) == "ordinary":
        return (
            "A difference made by readers was prevented: they were blinded, and the groups differ no more "
            "than groups that are alike do."
        )
    return "Readers were blinded here; what the replays miss lies in the scenario or in chance."
