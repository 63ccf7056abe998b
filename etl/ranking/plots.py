"""The three plots of a backtest, as SVG text to stand in a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE: Final = (6.4, 4.0)
_FIRST, _SECOND, _GRAY = "#0b6e4f", "#c8553d", "#8a8a8a"


def gains(result: dict[str, Any]) -> str:
    """Share of all losses found against the share of points visited."""
    figure, axes = _axes("share of points visited", "share of losses found")
    for curve, label, colour in _curves(result):
        visits, _, recall = curve
        axes.plot(
            [0.0, *(visit / result["points"] for visit in visits)], [0.0, *recall], color=colour, label=label
        )
    axes.plot([0, 1], [0, 1], color=_GRAY, linestyle="--", label="by chance")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return _svg(figure, axes)


def precision(result: dict[str, Any]) -> str:
    """Share of visits that find a loss, by the number of visits."""
    figure, axes = _axes("visits", "share of visits that find a loss")
    for curve, label, colour in _curves(result):
        visits, rate, _ = curve
        shown = [(visit, one) for visit, one in zip(visits, rate, strict=True) if visit >= 20]
        axes.plot([visit for visit, _ in shown], [one for _, one in shown], color=colour, label=label)
    axes.axhline(result["hits"] / result["points"], color=_GRAY, linestyle="--", label="by chance")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(0, 1)
    return _svg(figure, axes)


def calibration(result: dict[str, Any]) -> str:
    """What was promised against what was found, by tenths of the points."""
    figure, axes = _axes("probability that was promised", "share in which a loss was found")
    promised = [one[0] for one in result["calibration"]]
    found = [one[1] for one in result["calibration"]]
    below = [max(0.0, one[1] - one[2]) for one in result["calibration"]]
    above = [max(0.0, one[3] - one[1]) for one in result["calibration"]]
    most = max([0.05, *promised, *found]) * 1.15
    axes.plot([0, most], [0, most], color=_GRAY, linestyle="--", label="exact")
    axes.errorbar(
        promised, found, yerr=[below, above], fmt="o", color=_FIRST, capsize=3, label="tenths of the points"
    )
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return _svg(figure, axes)


def _curves(result: dict[str, Any]) -> list[tuple[Any, str, str]]:
    return [
        (result["curve"], "ranking", _FIRST),
        (result["written_curve"], "written rules alone", _SECOND),
    ]


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    # No pyplot: it keeps every figure of the process alive.
    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, color="#e4e4e4")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _svg(figure: Figure, axes: Axes) -> str:
    axes.legend(frameon=False)
    text = io.StringIO()
    # Without a date the same result gives the same page.
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
