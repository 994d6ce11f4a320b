"""The file: template, style, script and values become one HTML page that loads nothing and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

_STYLE = "style.css"
_SCRIPTS = ("values.js", "choice.js", "dom.js", "lanes.js", "overview.js", "links.js", "details.js", "main.js")


def make_page(values: dict[str, Any]) -> str:
    """The page that shows `values`; see `mdpr.pipeline.report_page.content`."""
    style = _asset(_STYLE)
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();\n"
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "POLICY": policy, "TITLE": html.escape(_printable(f"{values['run']} - who was where")),
        "STYLE": style, "VALUES": as_script_text(values), "SCRIPT": script,
    }  # fmt: skip
    page = _asset("page.html")
    pieces = page.split("%%")  # text, name, text, name, ..., text: what is filled in is never searched itself
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def as_script_text(values: Any) -> str:
    """JSON that no parser of HTML can take for the end of a script, in ASCII.

    >>> as_script_text("</script><!-- &")
    '"\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u0026"'
    """
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return files("mdpr.pipeline.report_page").joinpath("assets", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _printable(text: str) -> str:
    """`text` without halves of characters, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
