"""The page of results in HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ._errors import InvalidInput
from ._library import page

if TYPE_CHECKING:
    from ._localization import Localization


def warned(texts: Sequence[str]) -> str:
    """Warnings below a result, folded."""
    listed = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<details><summary>{len(texts)} warnings</summary><ul>{listed}</ul></details>" if listed else ""


def content(result: Localization) -> tuple[dict[str, Any], str]:
    """What the page of a result shows, and its template in Mustache; both are kept with the result."""
    texts = result._texts
    if "page.json" not in texts and result._result is not None:
        made = page([result._result])
        texts["page.json"], texts["page.template"] = made.text("json"), made.text("template")
    shown, template = texts["page.json"], texts["page.template"]
    if shown is None or template is None:
        raise InvalidInput("page: found nothing of it in this result")
    return json.loads(shown), template


def rendered(shown: dict[str, Any], template: str, heading: str | None) -> str:
    """A page of what it shows and a template; `heading` in the place of its own."""
    try:
        import pystache
    except ImportError as error:
        raise ImportError("the page of results needs pystache: pip install pystache") from error
    if heading is not None:
        # What the page shows is HTML already.
        shown["heading"] = escape(heading)
    html: str = pystache.Renderer(missing_tags="ignore").render(template, shown)
    return html
