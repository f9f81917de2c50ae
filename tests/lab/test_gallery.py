# SPDX-License-Identifier: GPL-2.0-or-later
"""The gallery is what the main jobs print, and they leave nothing behind."""

from __future__ import annotations

import pytest

from tests import guard
from tests.lab import gallery
from tests.toys import CACHE


def test_gallery(capsys: pytest.CaptureFixture[str]) -> None:
    page = gallery.play(live=True)
    assert page == (guard.CHECKOUT / "docs/gallery.md").read_text(), "python3 -m tests.lab.gallery writes it anew"
    shown = capsys.readouterr().out
    assert shown.count("# reboot\n") == page.count("# reboot\n") == 5 and "\nComplete!\n" in shown
    assert list((CACHE / "gallery").iterdir()) == []
    assert str(CACHE / "gallery") not in open("/proc/self/mountinfo").read()
