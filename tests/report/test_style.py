"""The house style: files whose bytes repeat, refusals that name the path, numbers written for readers."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from sim.core.errors import ShamtrialError
from sim.report import style


@style.drawn
def small() -> Figure:
    """Draw a picture with everything whose bytes could wander: hatches, clips, markers, text."""
    figure = style.new_figure(4.0, 3.0)
    axes = figure.subplots()
    style.headline(figure, "A small message")
    axes.bar([1, 2], [3, 4], hatch="////")
    axes.plot([1, 2], [3, 4], marker="o")
    style.upright(axes, 1.5, 0.9, "here", (style.INK, ":"), "right")
    style.bare(axes)
    style.footnote(figure, "a source")
    return figure


def test_same_bytes(tmp_path: Path) -> None:
    """A figure saved twice, and the same figure made anew, give the same bytes."""
    figure = small()
    first, again, anew = (style.save(f, tmp_path / place, "picture") for f, place in
                          ((figure, "a"), (figure, "b"), (small(), "c")))  # fmt: skip
    assert [p.name for p in first] == ["picture.svg", "picture.png"]
    for one, two, three in zip(first, again, anew, strict=True):
        assert one.read_bytes() == two.read_bytes() == three.read_bytes()


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Another process, with another hash seed, writes the same bytes."""
    here = style.save(small(), tmp_path / "here", "picture")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        f"from pathlib import Path\nimport importlib.util as u\n"
        f"s = u.spec_from_file_location('t', {__file__!r}); m = u.module_from_spec(s); s.loader.exec_module(m)\n"
        f"from sim.report import style\nstyle.save(m.small(), Path({str(tmp_path / 'there')!r}), 'picture')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONHASHSEED": "7", "MPLBACKEND": "svg"})
    for path in here:
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes()


def test_no_leftovers(tmp_path: Path) -> None:
    """Only the two files are left in the folder, which is made where it is missing."""
    style.save(small(), tmp_path / "deep" / "down", "picture")
    assert sorted(p.name for p in (tmp_path / "deep" / "down").iterdir()) == ["picture.png", "picture.svg"]


def test_svg_is_dateless_and_readable(tmp_path: Path) -> None:
    """The SVG holds no date, its text is text, and its title is the message."""
    svg = style.save(small(), tmp_path, "picture")[0].read_text()
    assert "<dc:date>" not in svg
    assert "<title>A small message</title>" in svg
    assert ">here<" in svg


def test_png_is_150_dpi(tmp_path: Path) -> None:
    """The PNG has 150 dots an inch of figure."""
    png = style.save(small(), tmp_path, "picture")[1].read_bytes()
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (600, 450)


def test_unwritable_folder(tmp_path: Path) -> None:
    """A folder that can't be written is refused by name, and nothing is left behind."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ShamtrialError, match=r"file/pictures/small\.svg"):
        style.save(small(), blocked / "pictures", "small")
    assert blocked.read_text() == "in the way"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_target_is_a_folder(tmp_path: Path) -> None:
    """A folder where the file should be is refused by name, and no half-written file stays."""
    (tmp_path / "small.svg").mkdir()
    with pytest.raises(ShamtrialError, match=r"small\.svg"):
        style.save(small(), tmp_path, "small")
    assert [p.name for p in tmp_path.iterdir()] == ["small.svg"]


def test_style_is_left_behind() -> None:
    """Drawing leaves matplotlib's global settings as they were."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    small()
    assert dict(mpl.rcParams) == before


def test_light_import() -> None:
    """Importing the pictures imports neither matplotlib nor seaborn."""
    files = ["style", "replay", "power", "three_arms", "lifeline", "monthly_rate"]
    modules = ", ".join(f"sim.report.{name}" for name in files)
    code = f"import sys, {modules}; print({{'matplotlib', 'seaborn'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0%"), (0.001, "<1%"), (0.005, "<1%"), (0.5, "50%"), (0.999, ">99%"), (1.0, "100%"), (math.nan, "n/a")],
)
def test_percent(share: float, written: str) -> None:
    """0% is written for none and 100% for all, and for nothing else."""
    assert style.percent(share) == written


def test_number() -> None:
    """Numbers have a true minus sign, and a plus where asked for."""
    assert style.number(-0.5) == "−0.50"
    assert style.number(0.5, 1, sign=True) == "+0.5"
    assert [style.number(-0.04, 1), style.number(-0.0), style.number(-0.04, 1, sign=True)] == ["0.0", "0.00", "+0.0"]
    assert style.number(-0.06, 1) == "−0.1"
    assert style.number(math.nan) == "n/a"


@pytest.mark.parametrize(("low", "high"), [(0.3, 1.2), (0.9, 1.1), (0.02, 30.0), (1.4, 2.6)])
def test_ratio_axis(low: float, high: float) -> None:
    """A ratio axis is logarithmic and has between 2 and 15 ticks, 1 among them where it is in range."""
    axes = style.new_figure(4.0, 3.0).subplots()
    style.ratio_axis(axes, low, high)
    ticks = list(axes.get_xticks())
    assert axes.get_xscale() == "log"
    assert 2 <= len(ticks) <= 15
    assert (1.0 in ticks) is (low <= 1.0 <= high)
