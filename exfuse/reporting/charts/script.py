"""What draws the charts in the page: Vega, Vega-Lite, Vega-Embed and the page's own few lines, as one script."""

import re
from functools import cache

import vl_convert
from markupsafe import Markup

ENDINGS = re.compile(r"<(?=!--|/?script)", re.IGNORECASE)
"""What would end a script's element, or begin another."""


@cache
def bundle(own: str) -> Markup:
    """A script to stand in the page as it is; it needs no other and loads nothing.

    Args:
        own: the lines that use ``vegaEmbed``.
    """
    return Markup(ENDINGS.sub(r"\\x3C", vl_convert.javascript_bundle(own)))
