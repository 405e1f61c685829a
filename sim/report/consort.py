"""The CONSORT flow diagram of one simulated trial: the numbers that the 2009 paper does not give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.data.consort import IN_SCREENING, ArmFlow, Flow
from sim.report import style
from sim.report.lifeline import KEPT_OUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WORDS: Final = {reason or IN_SCREENING: words for reason, words in KEPT_OUT.items()}
DONE: Final = {"none": "no procedure", "sham": "had the sham procedure", "angioplasty": "had angioplasty"}
TOP, ENTERED, HUB, ALLOCATED, FOLLOWED, ENDED = 0.93, 0.63, 0.53, 0.41, 0.22, 0.06
MIDDLE, ASIDE, LINE = 0.5, 0.84, 1.2

Point = tuple[float, float]


def message(flow: Flow, randomised: bool) -> str:
    """Say what the diagram says, from its numbers."""
    word = "randomised" if randomised else "entered"
    if not flow.kept_out:
        return f"{flow.screened:,} screened, all of them {word}"
    reason = max(flow.kept_out, key=lambda name: flow.kept_out[name])
    share = style.percent(flow.kept_out[reason] / flow.screened)
    return f"{flow.screened:,} screened, {flow.entered:,} {word}; {share} were kept out for this: {WORDS[reason]}"


@style.drawn
def consort_figure(name: str, flow: Flow, trial: int, seed: int, randomised: bool = True) -> Figure:
    """Draw the flow of participants from top to bottom, an arm a column."""
    figure = style.new_figure(4.4 + 3.0 * max(len(flow.arms), 2), 7.0)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    style.headline(figure, message(flow, randomised))
    top = box(axes, MIDDLE, TOP, f"Screened\n{flow.screened:,}")
    entered = box(axes, MIDDLE, ENTERED, f"{'Randomised' if randomised else 'Entered'}\n{flow.entered:,}")
    arrow(axes, (MIDDLE, TOP), top, (MIDDLE, ENTERED), entered)
    if flow.kept_out:
        reasons = sorted(flow.kept_out.items(), key=lambda item: -item[1])
        lines = "\n".join(f"{n:,}  {WORDS[reason]}" for reason, n in reasons)
        height = (TOP + ENTERED) / 2.0
        kept_out = box(axes, ASIDE, height, f"Not entered: {flow.screened - flow.entered:,}\n{lines}", left=True)
        arrow(axes, (MIDDLE, height), None, (ASIDE, height), kept_out)
    columns = [(k + 0.5) / len(flow.arms) for k in range(len(flow.arms))]
    axes.plot([MIDDLE, MIDDLE], [ENTERED, HUB], color=style.GREY, linewidth=LINE, zorder=1)
    axes.plot([columns[0], columns[-1]], [HUB, HUB], color=style.GREY, linewidth=LINE, zorder=1)
    for x, arm in zip(columns, flow.arms, strict=True):
        column(axes, x, arm)
    style.footnote(figure, f"{name}, trial {trial} of seed {seed}.")
    return figure


def column(axes: Axes, x: float, arm: ArmFlow) -> None:
    """Draw one arm's boxes."""
    title = arm.arm.replace("_", " ")
    missed = f"\n{arm.not_received:,} left before it" if arm.procedure != "none" else ""
    had = box(axes, x, ALLOCATED, f"{title}: {arm.allocated:,}\n{arm.received:,} {DONE[arm.procedure]}{missed}")
    left = box(axes, x, FOLLOWED, f"{arm.discontinued:,} left early")
    ended = box(axes, x, ENDED, f"{arm.completed:,} followed to the end")
    arrow(axes, (x, HUB), None, (x, ALLOCATED), had)
    arrow(axes, (x, ALLOCATED), had, (x, FOLLOWED), left)
    arrow(axes, (x, FOLLOWED), left, (x, ENDED), ended)


def box(axes: Axes, x: float, y: float, words: str, left: bool = False) -> Text:
    """Write words in a box around (x, y)."""
    frame = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": style.INK, "linewidth": 1.0}
    side = "left" if left else "center"
    return axes.text(x, y, words, ha="center", va="center", multialignment=side, bbox=frame, zorder=3, linespacing=1.4)


def arrow(axes: Axes, start: Point, source: Text | None, end: Point, target: Text) -> None:
    """Draw an arrow from the edge of one box, or from a bare point, to the edge of another."""
    look = {"arrowstyle": "-|>", "color": style.GREY, "linewidth": LINE, "shrinkA": 0.0, "shrinkB": 1.0}
    boxes = {"patchA": source.get_bbox_patch() if source else None, "patchB": target.get_bbox_patch()}
    axes.annotate("", end, start, arrowprops=look | boxes, zorder=1)
