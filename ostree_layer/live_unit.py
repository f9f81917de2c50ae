# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit of this boot by which systemd runs `live_end` at the shutdown."""

from __future__ import annotations

import sys
from pathlib import Path

from ostree_layer import systemctl

UNIT = "dnf-ostree-live.service"
FOLDER = Path("/run/systemd/system")
TEXT = """[Unit]
Description=Give /etc its own defaults back before the staged deployment is finalized
After=ostree-finalize-staged.service
RequiresMountsFor=/etc /usr /sysroot

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop={python} -m ostree_layer.live_end {work} {sysroot}
"""


def prepare(work: Path, sysroot: Path) -> None:
    """Have it run at the shutdown; systemd reads its units anew by this."""
    (FOLDER / UNIT).write_text(TEXT.format(python=sys.executable, work=work, sysroot=sysroot))
    systemctl.call("daemon-reload")
    systemctl.call("start", UNIT)


def cancel() -> None:
    """Have nothing run at the shutdown any more."""
    if (FOLDER / UNIT).exists():
        systemctl.call("stop", UNIT)
        (FOLDER / UNIT).unlink()
        systemctl.call("daemon-reload")
