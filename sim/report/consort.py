"""The CONSORT flow diagram, of one simulated trial or of the mean of many.

It has the numbers that the 2009 paper does not give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from sim.data.consort import IN_SCREENING, ArmFlow, Flow
from sim.report import style
from sim.report.life import KEPT_OUT
from sim.study.consort import Mean, RunFlow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Count = int | Mean
Point = tuple[float, float]

WORDS: Final = {reason or IN_SCREENING: words for reason, words in KEPT_OUT.items()}
DONE: Final = {"none": "no procedure", "sham": "had the sham procedure", "angioplasty": "had angioplasty"}
HAD: Final = {
    "lack_of_benefit": "… of them for lack of benefit",
    "medication_started": "started medication",
    "medication_stopped": "stopped medication",
    "medication_escalated": "escalated medication",
    "outside": "had angioplasty elsewhere",
    "second_procedure": "had the second procedure",
    "retreated": "were treated again",
    "missed_visit": "missed a visit",
}
"""The lines of the follow-up box, in the field names of `ArmFlow`."""

FIGURE_SPACE: Final = "\u2007"  # as wide as a digit
MIDDLE, ASIDE, LINE = 0.5, 0.83, 1.2
LINE_INCHES, BOX_INCHES, GAP_INCHES = 0.205, 0.25, 0.3


@dataclass(frozen=True)
class Diagram:
    """What is written into the boxes; an arm is a column of three boxes, and `kept_out` may be empty."""

    message: str
    screened: str
    kept_out: str
    entered: str
    columns: tuple[tuple[str, str, str], ...]
    source: str


def size(count: Count) -> float:
    """Give a count as a number."""
    return count.mean if isinstance(count, Mean) else float(count)


def said(count: Count) -> str:
    """Write a count; a mean with its Monte Carlo standard error."""
    return f"{count.mean:,.1f} ({style.number(count.mcse)})" if isinstance(count, Mean) else f"{count:,}"


def message(flow: Flow[Count], randomised: bool) -> str:
    """Say what the diagram says, from its numbers."""
    word = "randomised" if randomised else "entered"
    screened, entered = (f"{size(n):,.0f}" for n in (flow.screened, flow.entered))
    if not flow.kept_out:
        return f"{screened} screened, all of them {word}"
    reason = max(flow.kept_out, key=lambda name: size(flow.kept_out[name]))
    share = style.percent(size(flow.kept_out[reason]) / size(flow.screened))
    return f"{screened} screened, {entered} {word}; {share} were kept out for this: {WORDS[reason]}"


def intercurrent(flow: Flow[Count]) -> list[str]:
    """Give the fields that count an intercurrent event which anybody had, or a leaving for lack of benefit."""
    return [name for name in HAD if any(size(getattr(arm, name)) for arm in flow.arms)]


def trial_diagram(name: str, flow: Flow[int], trial: int, seed: int, randomised: bool) -> Diagram:
    """Write the boxes of one trial."""
    total = f": {flow.screened - flow.entered:,}"
    return _diagram(message(flow, randomised), flow, total, {}, f"{name}, trial {trial} of seed {seed}.", randomised)


def run_diagram(name: str, found: RunFlow, seed: int, randomised: bool) -> Diagram:
    """Write the boxes of the mean of many trials."""
    source = f"{name}, seed {seed}: means over {found.trials} trials, Monte Carlo standard errors in brackets."
    analysed = {arm: f"\n{said(n)} analysed" for arm, n in found.analysed.items()}
    told = f"Mean of {found.trials} trials: {message(found.flow, randomised)}"
    return _diagram(told, found.flow, "", analysed, source, randomised)


def _diagram(
    told: str, flow: Flow[Count], total: str, analysed: dict[str, str], source: str, randomised: bool
) -> Diagram:
    """Write the boxes; `total` goes behind "Excluded", `analysed` below who of an arm was followed to the end."""
    reasons = sorted(flow.kept_out.items(), key=lambda item: -size(item[1]))
    lines = listed([(n, WORDS[reason]) for reason, n in reasons])
    happened = intercurrent(flow)
    return Diagram(
        message=told,
        screened=f"Assessed for eligibility (screened)\n{said(flow.screened)}",
        kept_out=f"Excluded{total}\n{lines}" if reasons else "",
        entered=f"{'Randomised' if randomised else 'Entered'}\n{said(flow.entered)}",
        columns=tuple(
            _column(arm, happened, analysed.get(arm.arm, "")) if flow.followed else _group(arm) for arm in flow.arms
        ),
        source=f"{source} Of what came between, patients with at least one are counted." if happened else source,
    )


def _column(arm: ArmFlow[Count], happened: Sequence[str], analysed: str) -> tuple[str, str, str]:
    """Write one arm's boxes: what was done, what came between, who was followed to the end."""
    missed = f"\n{said(arm.left_waiting)} left before it" if arm.procedure != "none" else ""
    if size(arm.still_waiting):
        missed += f"\n{said(arm.still_waiting)} still waiting at the end"
    done = f"{arm.arm.replace('_', ' ')}: {said(arm.allocated)}\n{said(arm.received)} {DONE[arm.procedure]}{missed}"
    between = [(getattr(arm, name), HAD[name]) for name in happened]
    left = listed([(arm.discontinued, "left early"), *between])
    return done, left, f"{said(arm.completed)} followed to the end{analysed}"


def _group(arm: ArmFlow[Count]) -> tuple[str, str, str]:
    """Write the only box of a group that is looked at once."""
    return f"{arm.arm.replace('_', ' ')}: {said(arm.allocated)}\nexamined once", "", ""


def listed(counts: Sequence[tuple[Count, str]]) -> str:
    """Write counts below each other, a line each, the figures in a column."""
    figures = [said(n) for n, _ in counts]
    width = max(map(len, figures), default=0)
    words = (what for _, what in counts)
    return "\n".join(f"{n.rjust(width, FIGURE_SPACE)}  {what}" for n, what in zip(figures, words, strict=True))


@style.drawn
def consort_figure(diagram: Diagram) -> Figure:
    """Draw the flow of participants from top to bottom, an arm a column."""
    top, aside, entered, hub, *below = heights(diagram)
    figure = style.new_figure(4.4 + 3.0 * max(len(diagram.columns), 2), 1.2 - below[-1])
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(below[-1] - 0.4, 0.0)
    style.headline(figure, diagram.message)
    first = box(axes, MIDDLE, top, diagram.screened)
    second = box(axes, MIDDLE, entered, diagram.entered)
    arrow(axes, (MIDDLE, top), first, (MIDDLE, entered), second)
    if diagram.kept_out:
        kept_out = box(axes, ASIDE, aside, diagram.kept_out, left=True)
        arrow(axes, (MIDDLE, aside), None, (ASIDE, aside), kept_out)
    columns = [(k + 0.5) / len(diagram.columns) for k in range(len(diagram.columns))]
    axes.plot([MIDDLE, MIDDLE], [entered, hub], color=style.GREY, linewidth=LINE, zorder=1)
    axes.plot([columns[0], columns[-1]], [hub, hub], color=style.GREY, linewidth=LINE, zorder=1)
    for x, words in zip(columns, diagram.columns, strict=True):
        column(axes, x, (hub, *below), words)
    style.footnote(figure, diagram.source)
    return figure


def heights(diagram: Diagram) -> list[float]:
    """Give the middles of the rows, in inches below the top: screened, kept out, entered, the fork, three an arm."""
    words = [[diagram.screened], [diagram.kept_out], [diagram.entered], [""], *zip(*diagram.columns, strict=True)]
    lines = [max(text.count("\n") + 1 if text else 0 for text in row) for row in words]
    tall = [n * LINE_INCHES + BOX_INCHES if n else 0.0 for n in lines]
    ends = list(accumulate(t + GAP_INCHES for t in tall))
    return [-(end - t / 2.0) for end, t in zip(ends, tall, strict=True)]


def column(axes: Axes, x: float, rows: Sequence[float], words: tuple[str, str, str]) -> None:
    """Draw one arm's boxes below the fork."""
    before: Text | None = None
    for k, text in enumerate(words):
        if not text:
            continue
        here = box(axes, x, rows[k + 1], text, left=k == 1 and "\n" in text)
        arrow(axes, (x, rows[k]), before, (x, rows[k + 1]), here)
        before = here


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
