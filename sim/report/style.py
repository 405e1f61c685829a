"""The house style of every picture, and how a picture is written: the same figure is the same bytes twice.

Colours are those of Okabe and Ito (2008, Color Universal Design), safe for colour-blind readers; wherever a colour
carries meaning, a hatch, a marker or a line style carries it too, so that a picture survives a black-and-white print.
Figures are made through matplotlib's object interface: no window, no global state, and nothing imported until drawn.
"""

from __future__ import annotations

import io
import math
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec

from sim.core.errors import ShamtrialError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
INK: Final = "#222222"
GREY: Final = "#666666"
PALE: Final = "#DDDDDD"

SMALL, BODY, LARGE, HUGE = 9.0, 10.5, 14.0, 26.0
DPI: Final = 150
Z95: Final = 1.959963984540054

_RC: Final[dict[str, Any]] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": ["DejaVu Sans", "sans-serif"],  # the first comes with matplotlib; an SVG may need the second
    "font.size": BODY,
    "axes.titlesize": BODY,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": BODY,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "hatch.linewidth": 0.7,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",  # text stays text: small files that can be searched and read aloud
    "axes.unicode_minus": True,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How one noun is drawn in every picture: by colour, and again by hatch, marker and line for a print in grey."""

    colour: str
    hatch: str
    marker: str
    line: str


YES: Final = Look(BLUE, "", "o", "-")
NO: Final = Look(PALE, "////", "o", "--")
BEFORE: Final = Look(SKY, "////", "s", "--")
AFTER: Final = Look(BLUE, "", "o", "-")
PUBLISHED: Final = Look(VERMILLION, "", "D", "-")


@contextmanager
def house() -> Iterator[None]:
    """Hold matplotlib to the house style for a while."""
    import matplotlib as mpl
    import seaborn as sns

    settings: Any = {**sns.axes_style("ticks"), **sns.plotting_context("notebook"), **_RC}
    with mpl.rc_context(settings):
        yield


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Turn a drawing function into one that draws in the house style and settles the layout once and for all."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with house():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # a second layout pass would move things by a hair
        return figure

    return styled


def new_figure(width: float, height: float) -> Figure:
    """Give an empty figure of this size in inches, tied to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    FigureCanvasAgg(figure)
    return figure


def title(axes: Axes, text: str, inches: float) -> None:
    """Title a panel that is so wide, in as many lines as that takes: beside it may be another one."""
    axes.set_title("\n".join(textwrap.wrap(text, max(12, int(10.5 * (inches - 0.9))))))


def headline(figure: Figure, message: str, width: int = 88) -> None:
    """Write the picture's message on top, at the left, in lines of at most `width` letters."""
    text = "\n".join(textwrap.wrap(message, width))
    figure.suptitle(text, x=0.012, ha="left", fontsize=LARGE, fontweight="bold", linespacing=1.3)


def footnote(figure: Figure, text: str, width: int = 150) -> None:
    """Write below the picture, small, where its numbers come from."""
    lines = "\n".join(textwrap.wrap(text, width))
    figure.supxlabel(lines, x=0.012, ha="left", fontsize=SMALL, color=GREY, linespacing=1.4)


def capital(words: str) -> str:
    """Begin a sentence with these words."""
    return words[:1].upper() + words[1:]


def bare(axes: Axes, keep: str = "bottom left") -> None:
    """Take away the frame, except the sides named."""
    import seaborn as sns

    sides = ("top", "right", "left", "bottom")
    sns.despine(ax=axes, **{side: side not in keep for side in sides})
    if "left" not in keep:
        axes.tick_params(left=False)
    if "bottom" not in keep:
        axes.tick_params(bottom=False)


RATIO_TICKS: Final = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0, 100.0),
)


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """Make the x axis one of ratios from `low` to `high`: logarithmic, so that halving is as far as doubling."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    within = [t for t in RATIO_TICKS if low <= t <= high]
    room = math.log(high / low) / 14.0  # labels nearer than this would touch
    ticks: list[float] = [1.0] if low <= 1.0 <= high else []
    for tick in sorted(within, key=lambda t: abs(math.log(t))):
        if all(abs(math.log(tick / t)) > room for t in ticks):
            ticks.append(tick)
    axes.set_xticks(sorted(ticks), [f"{t:g}" for t in sorted(ticks)])
    axes.minorticks_off()


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """Write a number with a true minus sign; `sign` writes the plus too, and "n/a" stands for what does not exist.

    What rounds to zero is never negative.
    """
    if math.isnan(value):
        return "n/a"
    rounded = round(value, digits) + 0.0  # -0.0 + 0.0 is 0.0
    return f"{rounded:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def upright(axes: Axes, x: float, height: float, words: str, look: tuple[str, str], side: str) -> None:
    """Draw an upright line through `axes` and name it at `height` (0 to 1), on its "left" or "right" side.

    `look` is (colour, line style).
    """
    colour, line = look
    axes.axvline(x, color=colour, linestyle=line, linewidth=2.0, zorder=3)
    axes.annotate(
        words,
        (x, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(5 if side == "right" else -5, 0),
        textcoords="offset points",
        ha="left" if side == "right" else "right",
        va="top",
        color=colour,
        fontweight="bold",
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},  # another line may run behind the words
    )


def percent(share: float, digits: int = 0) -> str:
    """Write a share in percent; never 0% or 100% for a share that is neither."""
    if math.isnan(share):
        return "n/a"
    least = 10.0**-digits / 2.0
    if 0.0 < 100.0 * share <= least:
        return f"<{2.0 * least:g}%"
    if 100.0 - least <= 100.0 * share < 100.0:
        return f">{100.0 - 2.0 * least:g}%"
    return f"{100.0 * share:.{digits}f}%"


def save(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """Write `name.svg` and `name.png` (150 dpi) into `folder`, made if it is not there; the same bytes every time.

    A file appears whole or not at all. Raises ShamtrialError, naming the path, where nothing can be written.
    """
    home = Path(folder)
    pictures = {home / f"{name}.{kind}": _rendered(figure, name, kind) for kind in ("svg", "png")}
    for path, content in pictures.items():
        _write(path, content)
    return list(pictures)


def _rendered(figure: Figure, name: str, kind: str) -> bytes:
    import matplotlib as mpl

    # Hash salt by name: names inside the SVG are fixed, and differ between pictures that share an HTML page.
    metadata = {"Date": None, "Creator": None, "Title": _title(figure)} if kind == "svg" else {"Software": None}
    page = io.BytesIO()
    with house(), mpl.rc_context({"svg.hashsalt": f"shamtrial {name}"}):
        figure.savefig(page, format=kind, dpi=DPI, metadata=metadata)
    return page.getvalue()


def _title(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        scratch.replace(path)
    except OSError as error:
        scratch_is_left = path.parent.is_dir() and scratch.exists()
        if scratch_is_left:
            scratch.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise ShamtrialError(f"can't write {path}: {reason}; allowed: a folder that can be written to") from None
