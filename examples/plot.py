"""Plots of the examples: small SVG files on no background, in greys and colours that can be read on white and on
black."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "assay", "font.family": "sans-serif", "font.size": 9})
GREY = "#808890"
COLOURS = ("#1f8fdd", "#d9822b", "#3aa655", "#b05fc0", "#808890")


def draw(path: Path, title: str, across: str, up: str, lines: dict[str, list[tuple[float, float]]], *, doubling: bool = False) -> None:
    """Draw lines of (x, y), y a share from 0 to 1, with a legend; with doubling each x is twice the one before."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.4))
    for (name, points), colour in zip(lines.items(), COLOURS, strict=False):
        axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, linewidth=1.6, label=name)
    if doubling:
        ticks = sorted({x for points in lines.values() for x, _ in points})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set(title=title, xlabel=across, ylabel=up, ylim=(0, 1.02))
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.tick_params(colors=GREY)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(GREY)
    for side, spine in axes.spines.items():
        spine.set(color=GREY, visible=side in ("left", "bottom"))
    axes.legend(frameon=False, labelcolor=GREY, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
