"""One HTML file with its pictures inside: it can be mailed, and opens without a network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from carvanamask.io.atomic import save_text_atomically

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2530; background: #f4f5f7; margin: 0 }
main { max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem }
section { background: #fff; border-radius: 10px; padding: 1rem 1.5rem 1.5rem; margin: 1.25rem 0 }
section { box-shadow: 0 1px 3px #0002 }
h1 { margin: 0 } h2 { margin: .25rem 0 .5rem } p { max-width: 46rem }
img { width: 100%; height: auto; display: block; border-radius: 6px; margin: .75rem 0 }
td { padding: .15rem 1.25rem .15rem 0; vertical-align: top } td:last-child { font-variant-numeric: tabular-nums }
pre { background: #1d2530; color: #e8edf4; border-radius: 6px; padding: .75rem 1rem; overflow-x: auto }
"""


@dataclass(frozen=True)
class Chapter:
    """A heading, and text, figures, facts and commands below it; every part may be empty."""

    title: str
    text: str = ""
    figures: Sequence[Path] = ()
    facts: Sequence[tuple[str, str]] = ()
    commands: str = ""

    def to_html(self) -> str:
        """Return the chapter as an HTML section."""
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in self.facts)
        parts = [
            f"<h2>{escape(self.title)}</h2>",
            f"<p>{escape(self.text)}</p>" if self.text else "",
            f"<table>{rows}</table>" if rows else "",
            *(f'<img alt="{escape(path.stem)}" src="{_data_url(path)}">' for path in self.figures),
            f"<pre>{escape(self.commands)}</pre>" if self.commands else "",
        ]
        return f"<section>{''.join(parts)}</section>"


def save_report_page(path: Path, title: str, introduction: str, chapters: Sequence[Chapter]) -> None:
    """Write the page. Raises DiskError."""
    body = f"<h1>{escape(title)}</h1><p>{escape(introduction)}</p>" + "".join(c.to_html() for c in chapters)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    page = f'<html lang="en"><head>{head}<style>{STYLE}</style></head><body><main>{body}</main></body></html>'
    save_text_atomically(path, f"<!doctype html>{page}")


def _data_url(path: Path) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
