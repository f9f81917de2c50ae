# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of smoke tests, as a real browser shows them."""

from __future__ import annotations

import functools
import html
import http.server
import json
import re
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from ostree_layer.hosting import smoketest_report
from ostree_layer.hosting.smoketest_report import Candidate
from ostree_layer.hosting.smoketests import Results
from ostree_layer.vm.probe import Probe, Trial
from tests import recorded, servers

QUIET = "quic first-run background-networking component-update sync gpu sandbox".split()
FLAGS = ["--headless", *(f"--{'no' if name in ('first-run', 'sandbox') else 'disable'}-{name}" for name in QUIET)]
# A page around the one that is looked at, which says what has become of that; as wide as a phone.
WRAPPER = """<!DOCTYPE html><title>wrapper</title>
<iframe src="{page}" width="360" height="640"></iframe>
<script>
onload = () => setTimeout(() => {{
  const page = frames[0].document, all = selector => [...page.querySelectorAll(selector)];
  const found = {{
    title: page.title, text: page.body.innerText, harmed: window.mine === 1 || frames[0].mine === 1,
    pictures: all("img").map(one => [one.naturalWidth, one.naturalHeight, one.clientWidth]),
    width: page.documentElement.scrollWidth, shown: frames[0].getComputedStyle(page.body).display,
    open: all("details[open] summary").map(one => one.innerText), scripts: all("script, a[href^=javascript]").length,
    console: page.querySelector(".console") && page.querySelector(".console").textContent,
  }};
  const told = document.body.appendChild(document.createElement("pre"));
  told.id = "told"; told.textContent = JSON.stringify(found);
}}, 300);
</script>
"""
HARM = (
    "</title></pre></details></div><script>top.mine=1</script><img src=x onerror=top.mine=1><svg onload=top.mine=1>"
    "<style>body{display:none}</style><a href='javascript:top.mine=1'>\"' onerror=\"top.mine=1\" &amp; </body>"
)
PROBE = Probe(recorded.COMMIT, "", 75, recorded.COMMANDS)


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + b"\xff\0\xff" * width) * height
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def browse(folder: Path, url: str, *options: str) -> str:
    """The DOM of a page, once all that is in it has happened."""
    argv = [
        "chromium",
        *FLAGS,
        f"--user-data-dir={folder}/profile",
        "--virtual-time-budget=3000",
        *options,
        "--dump-dom",
        url,
    ]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def seen(folder: Path, results: Path, page: str, *, is_served: bool = True) -> dict[str, Any]:
    """What a browser makes of a page of the results, from a web server or as a file."""
    (results / "wrapper.html").write_text(WRAPPER.format(page=page))
    if is_served:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(results))
        with servers.running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
            dom = browse(folder, f"http://127.0.0.1:{server.server_port}/wrapper.html")
    else:
        dom = browse(folder, f"file://{results}/wrapper.html", "--allow-file-access-from-files")
    told = re.search(r'<pre id="told">(.*)</pre>', dom)
    assert told, dom
    found = json.loads(html.unescape(told[1]))
    assert isinstance(found, dict)
    return found


def written(folder: Path, tree: Candidate, text: str, console: str, screen: bytes | None) -> Results:
    heard = PROBE.hear(text.splitlines())
    trial = Trial(1.8e9, "tcg", None, heard, "", console, 0, screen)
    results = Results(folder / "results")
    results.write(smoketest_report.document(trial, PROBE, tree), trial)
    results.show()
    return results


@pytest.mark.parametrize("is_served", [True, False])
def test_a_real_answer(folder: Path, is_served: bool) -> None:  # noqa: FBT001
    tree = Candidate("world/12/x86_64/broken", recorded.COMMIT, "12.1")
    console = "[    0.0] Linux\n" * 200 + "localhost login:\n"
    results = written(folder, tree, recorded.TOLD, console, picture(720, 400))
    found = seen(folder, results.folder, f"{recorded.COMMIT}/index.html", is_served=is_served)
    assert found["title"] == "Failed: world/12/x86_64/broken 12.1" and found["width"] <= 360
    ((*size, shown),) = found["pictures"]
    assert size == [720, 400] and 250 < shown < 360, "a phone needs no scrolling to the side"
    text = found["text"]
    assert "FAILED\n" in text and "PASSED" not in text and recorded.COMMIT in text
    assert "graphical.target was not reached within 75 s; still at work: endless.service" in text
    assert [line.split()[0] for line in found["open"]] == ["failed", "failed", "Console"]
    assert found["console"] == console and "1 unit has failed: broken.service" in text
    over = seen(folder, results.folder, "index.html", is_served=is_served)
    assert [size[:2] for size in over["pictures"]] == [[720, 400]] and over["width"] <= 360
    assert "world/12/x86_64/broken FAILED\n" in over["text"] and "12.1 · 643ca68ebe3d · 2027-01-15" in over["text"]


def test_a_tree_that_means_harm(folder: Path) -> None:
    lines = recorded.TOLD.replace("graphical.target\n", f"{HARM}\n").replace("broken.service", HARM).splitlines()
    text = "\n".join(lines)
    results = written(folder, Candidate(HARM, recorded.COMMIT, HARM), text, HARM * 20, None)
    page = seen(folder, results.folder, f"{recorded.COMMIT}/index.html")
    over = seen(folder, results.folder, "index.html")
    for found in (page, over):
        assert not found["harmed"] and found["pictures"] == [] and found["scripts"] == 0
        assert found["shown"] == "block" and HARM in found["text"] and found["width"] <= 360
    assert page["console"] == HARM * 20 and page["title"].startswith("Failed: </title>")
