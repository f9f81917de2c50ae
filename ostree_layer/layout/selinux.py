# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules that an SELinux policy is built from: semodule's store is in the tree's /etc, not in /var.

libostree runs semodule in each deployment whose /etc it has merged, with that deployment's /usr and /etc and without a
/var: with a store in /var the deployment fails, and a staged one does so when the host shuts down.
"""

from __future__ import annotations

import re
from pathlib import Path

STORE = "etc/selinux/store"
CONF = "etc/selinux/semanage.conf"
STORE_ROOT = re.compile(r"^\s*store-root\s*=", re.MULTILINE)


def keep_store(root: Path) -> None:
    """Tell semodule where its store is; in the staged root /var/lib/selinux was that place too."""
    conf = root / CONF
    text = conf.read_text() if conf.exists() else ""
    if any((root / STORE).glob("*/active")) and not STORE_ROOT.search(text):
        conf.write_text(f"{text.rstrip()}\nstore-root = /{STORE}\n".lstrip())
