"""Pictures of a model's sensitivity: a tornado at one time and a heat map over times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UP, _DOWN, _TEXT = "#1b6ca8", "#c2571a", "#222222"
MOST_BARS = 20


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def tornado(
    file: Path,
    names: Sequence[str],
    values: NDArray[np.float64],
    label: str,
    title: str,
    errors: NDArray[np.float64] | None = None,
) -> None:
    """Bars by parameter, the longest on top, at most MOST_BARS of them; `errors` are half-widths of intervals."""
    order = np.argsort(-np.abs(np.nan_to_num(values)))[:MOST_BARS][::-1]
    figure, axes = _figure(7.2, 1.4 + 0.27 * len(order))
    shown = values[order]
    colours = [_UP if v >= 0 else _DOWN for v in shown]
    bars = {} if errors is None else {"xerr": errors[order], "error_kw": {"ecolor": _TEXT, "elinewidth": 1}}
    axes.barh(np.arange(len(order)), shown, color=colours, height=0.72, **bars)
    axes.set_yticks(np.arange(len(order)), [names[i] for i in order], fontsize=8)
    axes.axvline(0, color=_TEXT, linewidth=0.8)
    axes.set_xlabel(label, fontsize=9)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if len(order) < len(names):
        axes.annotate(
            f"{len(names) - len(order)} smaller ones not shown",
            (1, 0),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=7,
            color=_TEXT,
        )
    figure.savefig(file)


def heat_map(
    file: Path, names: Sequence[str], times: NDArray[np.float64], values: NDArray[np.float64], label: str, title: str,
    time_label: str,
) -> None:  # fmt: skip
    """Elasticities (time, parameter) as colours: times across, parameters down, the strongest on top."""
    strength = np.nanmax(np.abs(np.nan_to_num(values)), axis=0)
    order = np.argsort(-strength)[:MOST_BARS]
    figure, axes = _figure(7.2, 1.6 + 0.27 * len(order))
    most = float(np.nanmax(np.abs(np.nan_to_num(values[:, order])))) or 1.0
    picture = axes.pcolormesh(
        _edges(times), np.arange(len(order) + 1), values[:, order].T, cmap="RdBu_r", vmin=-most, vmax=most
    )
    axes.set_yticks(np.arange(len(order)) + 0.5, [names[i] for i in order], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(time_label, fontsize=9)
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(axis="y", length=0)
    figure.colorbar(picture, ax=axes, label=label, shrink=0.8)
    figure.savefig(file)


def _edges(times: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(times) == 1:
        return np.array([times[0] - 0.5, times[0] + 0.5])
    middle = (times[1:] + times[:-1]) / 2
    return np.concatenate([[times[0]], middle, [times[-1]]])
