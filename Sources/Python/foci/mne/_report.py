"""Results in reports of MNE-Python."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import InvalidInput
from ._result import Localization

if TYPE_CHECKING:
    import mne

#: Columns of the table: name, heading, factor and digits.
_COLUMNS = (
    ("peak_nAm", "peak (nAm)", 1, "{:.3g}"),
    ("peak_time_s", "at (ms)", 1000, "{:.0f}"),
    ("share_percent", "power (%)", 1, "{:.1f}"),
    ("extent_mm", "patch (mm)", 1, "{:.0f}"),
    ("half_axis_1_mm", "± (mm)", 1, "{:.0f}"),
    ("probability", "probability (%)", 100, "{:.0f}"),
    ("found_fraction", "found again (%)", 100, "{:.0f}"),
)
_MARKS = {"ok": ("#2e7d32", "ok"), "look": ("#b26a00", "look"), "wrong": ("#b3261e", "wrong")}


def add_to_report(
    result: Localization,
    report: mne.Report,
    *,
    title: str | None = None,
    tags: Sequence[str] = ("source-localization",),
    replace: bool = False,
) -> None:
    """Add a localization to a report of MNE: sources, time courses, the choice of λ, checks and warnings.

    Parameters
    ----------
    result : Localization
    report : mne.Report
        It is changed.
    title : str or None
        Title of the section; by default of the subject and the condition.
    tags : sequence of str
        Tags of its parts.
    replace : bool
        Whether parts of the same title and section are replaced.

    Raises
    ------
    InvalidInput
        For what is no localization.
    """
    if not isinstance(result, Localization):
        raise InvalidInput(f"result: found {type(result).__name__}, expected what localize returned")
    section = title or f"Sources: {result._title}"
    shared: dict[str, Any] = {"tags": tuple(tags), "section": section, "replace": replace}
    report.add_html(_summary(result), title="Sources", **shared)
    figures = (("sources", "Where"), ("timecourses", "When"), ("sensors", "On the sensors"))
    for name, what in figures:
        report.add_html(_figure(result.svg(name)), title=what, **shared)
    choice = _figure(result.svg("selection"))
    if result.stability is not None:
        choice += _figure(result.svg("stability"))
    report.add_html(choice, title="Choice of λ", **shared)
    report.add_html(_checks(result), title="Checks and settings", **shared)


def _figure(svg: str) -> str:
    # As an image of its own: ids within it cannot meet those of another.
    from base64 import b64encode

    data = b64encode(svg.encode()).decode()
    return f'<p><img style="width:100%;max-width:900px" alt="" src="data:image/svg+xml;base64,{data}"></p>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    heading = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="table table-sm table-striped"><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>'


def _summary(result: Localization) -> str:
    parts = [f"<p>{escape(result._fit)}.</p>"]
    if result.warnings:
        listed = "".join(f"<li>{escape(text)}</li>" for text in result.warnings)
        parts.append(f'<div class="alert alert-warning"><ul class="mb-0">{listed}</ul></div>')
    columns = [column for column in _COLUMNS if column[0] in result.columns]
    head = ["", "hemisphere", f"x, y, z (mm, {result.frame})", *(column[1] for column in columns)]
    rows = []
    for source in result.sources:
        place = ", ".join(f"{source[name]:.0f}" for name in ("x_mm", "y_mm", "z_mm"))
        cells = [str(source["rank"]), source["hemisphere"], place]
        for name, _, factor, digits in columns:
            value = source[name]
            cells.append(digits.format(factor * value) if np.isfinite(value) else "–")
        rows.append([escape(cell) for cell in cells])
    parts.append(_table(head, rows) if rows else "<p>No source explains more than noise does.</p>")
    return "".join(parts)


def _checks(result: Localization) -> str:
    rows = []
    for check in result.checks:
        colour, word = _MARKS.get(check["mark"], ("inherit", check["mark"]))
        advice = f"<br>→ {escape(check['advice'])}" if check["advice"] else ""
        rows.append(
            [
                f'<strong style="color:{colour}">{escape(word)}</strong>',
                escape(check["name"]),
                escape(check["finding"]) + advice,
            ]
        )
    settings = [[escape(name), escape(str(value))] for name, value in result.settings.items()]
    return _table(["", "what", "what was found"], rows) + "<details><summary>Settings</summary>" + (
        _table(["setting", "value"], settings) + "</details>"
    )
