"""The report as one HTML page that needs nothing else: tables, and pictures inside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2228; background: #fff; max-width: 1200px;
       margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin-top: 2em }
pre { background: #f4f5f7; padding: .8em 1em; overflow-x: auto; border-radius: 4px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25em .9em; text-align: right; border-bottom: 1px solid #dde1e5 }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
img { max-width: 100%; height: auto; border: 1px solid #dde1e5; border-radius: 4px }
.wide { overflow-x: auto }
"""


class Page:
    """Collects the parts of a page.

    Args:
        title: of the page.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[str] = []

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def lines(self, lines: Sequence[str]) -> None:
        """Lines as they are, in a font of equal widths."""
        self._parts.append(f"<pre>{escape(chr(10).join(lines))}</pre>")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A table whose first row is its head."""
        head, *body = rows
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        lines = [f"<tr>{cells}</tr>"]
        lines += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body]
        self._parts.append(f'<div class="wide"><table>{"".join(lines)}</table></div>')

    def picture(self, png: bytes, alternative: str) -> None:
        """A picture, inside the page.

        Args:
            png: the file.
            alternative: what it shows, for those who cannot see it.
        """
        data = base64.b64encode(png).decode("ascii")
        self._parts.append(
            f'<div class="wide"><img alt="{escape(alternative)}" src="data:image/png;base64,{data}"></div>'
        )

    def html(self) -> str:
        """The whole page."""
        title = escape(self._title)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )
