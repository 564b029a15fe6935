"""The page of results in HTML."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from ._errors import InvalidInput
from ._library import page

if TYPE_CHECKING:
    from ._localization import Localization


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


def rendered(result: Localization, heading: str | None) -> str:
    """The page of a result."""
    try:
        import pystache
    except ImportError as error:
        raise ImportError("the page of results needs pystache: pip install pystache") from error
    shown, template = content(result)
    if heading is not None:
        # What the page shows is HTML already.
        shown["heading"] = escape(heading)
    html: str = pystache.Renderer(missing_tags="ignore").render(template, shown)
    return html
