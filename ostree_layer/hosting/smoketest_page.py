# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages that show smoke tests: one for each, and one for all. What is on them was said by trees that nobody knows."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer.hosting.smoketest_report import CONSOLE, SCREEN

# A browser loads the pictures that are beside a page, and does nothing else.
POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #c62828; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 1rem 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { display: inline-block; color: #fff; font-weight: 700; border-radius: .4rem; padding: .1rem .7rem; }
.passed { background: var(--good); } .failed { background: var(--bad); }
.failures { border-left: .3rem solid var(--bad); list-style: none; margin: 1rem 0; padding: .1rem 1rem; }
img { width: 100%; max-width: 45rem; height: auto; border: 1px solid var(--line); background: #000; display: block; }
pre { background: #8882; padding: .7rem; overflow-x: auto; white-space: pre-wrap; font-size: .8rem; line-height: 1.35; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { opacity: .7; } dd { margin: 0; }
.checks { list-style: none; padding: 0; } .checks > li { border-top: 1px solid var(--line); padding: .4rem 0; }
.checks summary, .checks .alone { list-style-position: outside; margin-left: 1.2rem; padding: 0; }
.mark { display: inline-block; min-width: 4.2rem; font-weight: 700; }
.mark.good { color: var(--good); } .mark.bad { color: var(--bad); }
@media (prefers-color-scheme: dark) { .mark.good { color: #57c96f; } .mark.bad { color: #ff7b72; } }
.console { max-height: 34rem; overflow: auto; display: flex; flex-direction: column-reverse; }
.console pre { flex: none; margin: 0; }
summary { cursor: pointer; padding: .2rem 0; }
.tests { list-style: none; padding: 0; }
.tests > li { display: flex; gap: 1rem; border-top: 1px solid var(--line); padding: .8rem 0; align-items: flex-start; }
.tests img, .tests .none { flex: none; width: 9rem; } .tests p { margin: .2rem 0; } a { color: inherit; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
PARTS = ("kernel", "initrd", "userspace")


def one(found: dict[str, Any], console: str) -> str:
    """The page of a report, with what the console has shown."""
    name = _name(found)
    parts = [f"<h1>{_text(name)}</h1>", f"<p>{_verdict(found)}</p>", *_failures(found)]
    parts += ["<dl>", *(f"<dt>{_text(term)}</dt><dd>{_text(value)}</dd>" for term, value in _facts(found)), "</dl>"]
    if found["screenshot"]:
        parts.append(f'<h2>Screen</h2>\n<img src="{SCREEN}" alt="What the screen showed at the end">')
    parts += ["<h2>Checks</h2>", '<ul class="checks">', *map(_check, found["checks"]), "</ul>"]
    is_open = " open" if not found["passed"] and not found["seconds"]["target"] else ""
    shown = f'<div class="console"><pre>{_text(console)}</pre></div>'
    parts += [f"<details{is_open}>", "<summary>Console</summary>", shown, "</details>"]
    others = '<a href="../index.html">all smoke tests</a>'
    parts.append(f'<p><a href="report.json">report.json</a> · <a href="{CONSOLE}">{CONSOLE}</a> · {others}</p>')
    return _page(f"{'Passed' if found['passed'] else 'Failed'}: {name}", parts)


def overview(reports: Iterable[dict[str, Any]]) -> str:
    """The page of all of them, as they are given."""
    rows = [_row(found) for found in reports]
    body = ['<ul class="tests">', *rows, "</ul>"] if rows else ["<p>There are none.</p>"]
    return _page("Smoke tests", ["<h1>Smoke tests</h1>", *body])


def _row(found: dict[str, Any]) -> str:
    where = _text(found["commit"])
    picture = f'<img src="{where}/{SCREEN}" alt="" loading="lazy">' if found["screenshot"] else "<span></span>"
    commit = f"{_text(found['version'])} · {where[:12]} · {_text(found['started'])}".lstrip(" ·")
    failures = "".join(f"<p>{_text(sentence)}</p>" for sentence in found["failures"])
    link = f'<p><a href="{where}/index.html">{_text(found["ref"] or where[:12])}</a> {_verdict(found)}</p>'
    return f"<li>{picture}<div>{link}<p>{commit}</p>{failures}</div></li>"


def _page(title: str, body: Iterable[str]) -> str:
    return PAGE.format(policy=POLICY, title=_text(title), style=STYLE, body="\n".join(body))


def _text(value: Any) -> str:
    return html.escape(str(value))


def _name(found: dict[str, Any]) -> str:
    return " ".join(filter(None, [found["ref"] or found["commit"][:12], found["version"]]))


def _verdict(found: dict[str, Any]) -> str:
    word = "passed" if found["passed"] else "failed"
    return f'<span class="verdict {word}">{word.upper()}</span>'


def _failures(found: dict[str, Any]) -> Iterator[str]:
    if found["failures"]:
        yield '<ul class="failures">'
        yield from (f"<li>{_text(sentence)}</li>" for sentence in found["failures"])
        yield "</ul>"


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seconds = found["seconds"]
    yield "Commit", found["commit"]
    yield "Target", found["target"] + (f", after {seconds['target']} s" if seconds["target"] else ", not reached")
    parts = [f"{part} {seconds[part]} s" for part in PARTS if part in seconds]
    if parts:
        yield "Of which", ", ".join(parts)
    yield "Machine", f"QEMU, {found['accelerator']}"
    yield "Started", found["started"]


def _check(check: dict[str, Any]) -> str:
    kind, word = ("good", "passed") if check["passed"] else ("bad", "failed" if check["status"] else "no answer")
    line = f'<span class="mark {kind}">{word}</span> {_text(check["name"])}'
    if not check["output"].strip():
        return f'<li><div class="alone">{line}</div></li>'
    is_open = "" if check["passed"] else " open"
    return f"<li><details{is_open}><summary>{line}</summary><pre>{_text(check['output'])}</pre></details></li>"
