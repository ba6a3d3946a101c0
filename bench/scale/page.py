"""The figures as a picture and a page: `docs/images/scale.svg`, and the tables of `docs/contribute/scale.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

Figures = Mapping[int, Mapping[str, float]]

DOCS = Path(__file__).parents[2] / "docs"
QUICK = ("one decision", "status", "work list", "release list", "a page of the ledger", "a worker that looks for work")
WHOLE = ("proving the ledger, s", "garbage collection, s")
BY_PATH = ("one decision", "status", "a worker that looks for work")


def write(grown: Figures, paths: Figures) -> None:
    """Replace the picture, and what stands between the marks of the page."""
    draw(grown, paths, DOCS / "images" / "scale.svg")
    page = DOCS / "contribute" / "scale.md"
    text = page.read_text()
    text = _between(text, "grown", table(grown, "ledger entries"))
    page.write_text(_between(text, "paths", table(paths, "environments on the path")))


def draw(grown: Figures, paths: Figures, to: Path) -> None:
    """Three plots side by side, both axes logarithmic: what does not grow is flat, slope 1 is in proportion."""
    mpl.rcParams.update({"svg.hashsalt": "greenroom", "font.size": 9, "svg.fonttype": "none"})
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
    for name in QUICK:
        left.plot(list(grown), [grown[n][f"{name}, ms"] for n in grown], marker="o", label=name)
    left.axhline(5, color="grey", linestyle=":", label="goal for a decision: 5 ms")
    for name in WHOLE:
        middle.plot(list(grown), [grown[n][name] for n in grown], marker="o", label=name.removesuffix(", s"))
    for name in BY_PATH:
        right.plot(list(paths), [paths[n][f"{name}, ms"] for n in paths], marker="o", label=name)
    for axes, title, across, up in (
        (left, "What is asked all day", "ledger entries", "ms"),
        (middle, "What looks at everything", "ledger entries", "s"),
        (right, "A longer path", "environments on the path", "ms"),
    ):
        axes.set(xscale="log", yscale="log", title=title, xlabel=across, ylabel=up)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(to, metadata={"Date": None})
    plt.close(figure)
    to.write_text("\n".join(line.rstrip() for line in to.read_text().splitlines()) + "\n")


def table(figures: Figures, across: str) -> str:
    """A row for each figure, a column for each size."""
    lines = [f"| | {' | '.join(f'{n:,}' for n in figures)} |", f"|---|{'---:|' * len(figures)}"]
    for name in next(iter(figures.values())):
        lines.append(f"| {name} | {' | '.join(_short(figures[n][name]) for n in figures)} |")
    return f"By {across}:\n\n" + "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _between(text: str, mark: str, new: str) -> str:
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{new}\n{end}", text, flags=re.DOTALL)
