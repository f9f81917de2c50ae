# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of what was applied live, at the shutdown: `python -m ostree_layer.live_end WORK-FOLDER SYSROOT`.

libostree merges /etc into the staged deployment then, and would take the defaults that the running system was given
for the admin's own: they would stay when the tree's defaults change.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ostree_layer import live, live_state


def main() -> None:
    work, sysroot = map(Path, sys.argv[1:])
    record = live_state.current(work)
    if record is not None:
        live.take_back(record, sysroot)


if __name__ == "__main__":
    main()
