"""Figures of results, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._localization import Localization

#: Colours that stay apart for colour-blind readers and in print (after Okabe & Ito 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#444444")
_WEAK, _QUIET, _BRAIN, _OUTLINE = "#8a8a8a", "#5a5a5a", "#f1f1f1", "#b5b5b5"
#: Views: name, component and direction to the right, likewise upwards, and what stands left, right, above and below.
_VIEWS = (
    ("from the left", (1, -1), (2, 1), "APSI"),
    ("from behind", (0, 1), (2, 1), "LRSI"),
    ("from above", (0, 1), (1, 1), "LRAP"),
)


def _colour(rank: int, most: int) -> str:
    return _COLOURS[rank] if rank < min(most, len(_COLOURS)) else _WEAK


def _ink(colour: str) -> str:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return "#222222" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.28 else "white"


def _outline(axes: Axes, points: NDArray[np.float64]) -> None:
    """The outline of the candidates: their cloud, its gaps closed."""
    from scipy import ndimage

    cell, pad = 1.0, 16
    low = points.min(axis=0) - pad
    shape = np.ceil((points.max(axis=0) + pad - low) / cell).astype(int) + 1
    grid = np.ones(shape)
    grid[tuple(np.round((points - low) / cell).astype(int).T)] = 0
    reach, margin = 11.0, 4.0
    grown = ndimage.distance_transform_edt(grid) * cell <= reach
    whole = ndimage.binary_fill_holes(grown)
    # The grown shape shrunk again, but for a margin: the level line of the distance to the outside.
    inside = ndimage.gaussian_filter(ndimage.distance_transform_edt(whole) * cell, 1.5)
    xs, ys = (low[k] + cell * np.arange(shape[k]) for k in (0, 1))
    level = reach - margin
    if inside.max() > level:
        axes.contourf(xs, ys, inside.T, levels=[level, inside.max() + 1], colors=[_BRAIN], zorder=0)
        axes.contour(xs, ys, inside.T, levels=[level], colors=[_OUTLINE], linewidths=1.1, zorder=1)


def _view(axes: Axes, result: Localization, candidates: NDArray[np.float64], view: tuple[Any, ...], most: int) -> None:
    name, (across, mirror), (up, _), letters = view
    flip = np.array([mirror, 1.0])
    shadow = 1000 * candidates[:, [across, up]] * flip
    _outline(axes, shadow)
    axes.scatter(
        shadow[:, 0], shadow[:, 1], s=0.6, color="#d0d0d0", linewidths=0, zorder=1.5, rasterized=len(shadow) > 3000
    )
    sources = result.sources
    places = 1000 * result.positions[:, [across, up]] * flip
    largest = sources["share_percent"].max() if len(sources) else 1
    for k in reversed(range(len(sources))):
        colour = _colour(k, most)
        is_named = colour != _WEAK
        size = 40 + 190 * sources["share_percent"][k] / largest
        axes.scatter(
            places[k, 0],
            places[k, 1],
            s=size,
            color=colour,
            edgecolors="white",
            linewidths=0.9,
            zorder=4 if is_named else 3,
        )
        if is_named:
            axes.annotate(
                str(k + 1),
                places[k],
                ha="center",
                va="center",
                fontsize=7.5,
                color=_ink(colour),
                weight="bold",
                zorder=5,
            )
    axes.set_aspect("equal")
    axes.axis("off")
    style: dict[str, Any] = {"fontsize": 9, "color": _QUIET, "weight": "bold", "transform": axes.transAxes}
    axes.text(-0.02, 0.5, letters[0], ha="right", va="center", **style)
    axes.text(1.02, 0.5, letters[1], ha="left", va="center", **style)
    axes.text(0.5, 1.01, letters[2], ha="center", va="bottom", **style)
    axes.text(0.5, -0.01, f"{letters[3]}\n", ha="center", va="top", **style)
    axes.text(0.5, -0.01, f"\n{name}", ha="center", va="top", **{**style, "weight": "normal"})


def plot(result: Localization, candidates: NDArray[np.float64], most: int, show: bool) -> Figure:
    """Three views of the brain with the sources, and their amplitudes over time."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(9.6, 6.8), layout="constrained")
    # Of their own, so that the legend of the time courses takes no room from the brain.
    above, below = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=[1.35, 1])))
    extent = np.ptp(1000 * candidates, axis=0) + 20
    widths = [extent[across] for _, (across, _), _, _ in _VIEWS]
    for axes, view in zip(above.subplots(1, 3, width_ratios=widths), _VIEWS, strict=True):
        _view(axes, result, candidates, view, most)
    axes = below.subplots()
    times = 1000 * result.times
    for k in reversed(range(len(result.sources))):
        colour = _colour(k, most)
        is_named = colour != _WEAK
        source = result.sources[k]
        side = "" if source["hemisphere"] == "n/a" else f"{source['hemisphere']} "
        place = f"({source['x_mm']:.0f}, {source['y_mm']:.0f}, {source['z_mm']:.0f})".replace("-", "−")
        label = f"{k + 1}  {side}{place} mm, {source['share_percent']:.1f} %"
        axes.plot(
            times,
            1e9 * result.magnitudes[k],
            color=colour,
            lw=1.8 if is_named else 0.8,
            ls="-" if k < len(_COLOURS) // 2 or not is_named else (0, (5, 2)),
            label=label if is_named else None,
            zorder=3 if is_named else 2,
            marker="o" if len(times) == 1 else None,
        )
    axes.set(xlabel="time (ms)", ylabel="amplitude (nAm)")
    if len(times) > 1:
        axes.set_xlim(times[0], times[-1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(0, color=_OUTLINE, lw=0.8, zorder=1)
    if len(result.sources):
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1],
            labels[::-1],
            fontsize=8.5,
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            title="share of the power",
            title_fontsize=8.5,
        )
    weaker = len(result.sources) - min(most, len(_COLOURS), len(result.sources))
    note = f"; {weaker} weaker in grey" if weaker else ""
    figure.suptitle(f"{result._title}: {result._fit}{note}", fontsize=11)
    if show:
        plt.show()
    return figure


def plot_selection(result: Localization, show: bool) -> Figure:
    """The criterion over λ with its choice, and how many sources are active."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    points = result.selection
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(6.4, 5.2), sharex=True, layout="constrained", height_ratios=[2, 1]
    )
    chosen = points[points["chosen"]][0]
    # Where each source has a λ of its own, points follow the evaluations.
    is_path = len(np.unique(points["lambda_ratio"])) == len(points)
    across = points["lambda_ratio"] if is_path else np.arange(1, len(points) + 1)
    place = chosen["lambda_ratio"] if is_path else across[points["chosen"]][0]
    for axes, name, label in ((above, "criterion", result.summary["criterion"]), (below, "active", "active sources")):
        axes.plot(across, points[name], ".-", color=_COLOURS[0], lw=1.4)
        axes.axvline(place, color=_COLOURS[1], lw=1.2, ls="--", zorder=0)
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e8e8e8", lw=0.7)
    below.yaxis.set_major_locator(MaxNLocator(integer=True))
    if is_path:
        below.set_xscale("log")
        below.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        below.xaxis.set_minor_formatter(NullFormatter())
        below.set_xlabel("λ / λ_max")
    else:
        below.set_xlabel("evaluation")
    figure.suptitle(f"{result._title}: λ = {chosen['lambda_ratio']:.3g} λ_max", fontsize=11)
    if show:
        plt.show()
    return figure
