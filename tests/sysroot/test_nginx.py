# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration for nginx that users get, by the real nginx."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ostree_layer.hosting import store, summary
from tests import nginx
from tests.streams import BASE_REF, Stream
from tests.sysroots import ostree

IMMUTABLE, ASKED_AGAIN = "public, max-age=31536000, immutable", "no-cache"


@pytest.fixture
def served(stream: Stream, folder: Path) -> Iterator[str]:
    """A store with a history, deltas, a commit with something beside it, and what is nobody's business."""
    first = ostree("rev-parse", f"--repo={stream.repo}", BASE_REF).strip()
    stream.publish("1.2")
    ostree("static-delta", "generate", f"--repo={stream.repo}", f"--from={first}", f"--to={BASE_REF}")
    (stream.repo / f"objects/{first[:2]}/{first[2:]}.commitmeta").write_bytes(b"")
    for name in ("extensions/ostree-layer/lock", "state/secret", "tmp/secret", ".hidden", "refs/.hidden", "other"):
        (stream.repo / name).parent.mkdir(parents=True, exist_ok=True)
        (stream.repo / name).write_text("secret")
    summary.refresh(store.open_store(stream.repo))
    assert (stream.repo / "summary").is_symlink()
    with nginx.serving(stream.repo, folder / "nginx") as url:
        yield url


def asked(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {}))) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, dict(e.headers)


def paths(root: Path, *patterns: str) -> list[str]:
    found = [os.fspath(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern)]
    assert len(found) >= len(patterns)
    return found


def test_what_is_served_and_for_how_long(served: str, stream: Stream, folder: Path) -> None:
    content = ("objects/*/*.filez", "objects/*/*.commit", "objects/*/*.dirtree", "objects/*/*.dirmeta", "deltas/*/*/0")
    for path in paths(stream.repo, *content):
        status, headers = asked(f"{served}/{path}")
        assert (status, headers["Cache-Control"]) == (200, IMMUTABLE), path
    changing = ("config", "summary", "refs/heads/toy/1/base", "deltas/*/*/superblock", "objects/*/*.commitmeta")
    for path in paths(stream.repo, *changing):
        status, headers = asked(f"{served}/{path}")
        assert (status, headers["Cache-Control"]) == (200, ASKED_AGAIN), path
        assert asked(f"{served}/{path}", {"If-None-Match": headers["ETag"]})[0] == 304, path
    for path in ("", "objects/", "refs/heads/", "extensions/ostree-layer/lock", "state/secret", "tmp/secret", ".lock"):
        assert asked(f"{served}/{path}")[0] == 404, path
    for path in (".hidden", "refs/.hidden", "refs/../tmp/secret", "other", "objects/../state/secret"):
        assert (stream.repo / path).exists() and asked(f"{served}/{path}")[0] == 404, path
    assert "nginx/" not in asked(f"{served}/summary")[1]["Server"], "no version"


def test_to_pull_from_it(served: str, stream: Stream, folder: Path) -> None:
    ostree("init", f"--repo={folder}/pulled", "--mode=bare-user-only")
    ostree("remote", "add", "--no-gpg-verify", f"--repo={folder}/pulled", "toys", served)
    pull = ["ostree", "pull", f"--repo={folder}/pulled", "toys", BASE_REF]
    subprocess.run(pull, check=True, capture_output=True)
    here = ostree("rev-parse", f"--repo={folder}/pulled", f"toys:{BASE_REF}")
    assert here == ostree("rev-parse", f"--repo={stream.repo}", BASE_REF)
    answered = [line for line in (folder / "nginx/access.log").read_text().splitlines() if "GET /objects" in line]
    refused = [line for line in answered if '" 200 ' not in line and ".commitmeta" not in line]
    assert len(answered) > 10 and refused == []
