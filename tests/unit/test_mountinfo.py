# SPDX-License-Identifier: GPL-2.0-or-later
"""What is mounted on /usr, as the kernel says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_layer import mountinfo

ROOT = "20 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
BIND = "21 20 254:0 /deploy/usr /usr ro,relatime - ext4 /dev/vda rw,discard\n"
UPPER = "/var/tmp/ostree-unlock-ovl.A/upper"
OVERLAY = "30 21 0:54 / /usr rw,relatime shared:9 - overlay overlay rw,lowerdir=usr,upperdir={},workdir=w,uuid=on\n"


@pytest.mark.parametrize(
    ("text", "kind", "upper"),
    [
        (ROOT, "", None),
        (ROOT + BIND, "ext4", None),
        (ROOT + BIND + OVERLAY.format(UPPER), "overlay", UPPER),
        (ROOT + OVERLAY.format(r"/with\040blank\134\054and\134:more"), "overlay", "/with blank,and:more"),
        (ROOT + OVERLAY.format("old") + OVERLAY.format("new"), "overlay", "new"),
        (ROOT + OVERLAY.format("old") + BIND, "ext4", None),
        (ROOT + OVERLAY.format("there").replace(" /usr ", " /usr/local "), "", None),
    ],
)
def test_what_is_on_top_of_usr(text: str, kind: str, upper: str | None) -> None:
    found = mountinfo.on(Path("/usr"), list(mountinfo.parse(text)))
    assert (found.kind if found else "") == kind
    named = [option for option in (found.options if found else ()) if option.startswith("upperdir=")]
    assert named == ([f"upperdir={upper}"] if upper else [])
