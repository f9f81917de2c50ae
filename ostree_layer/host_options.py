# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that every command of DNF has on an OSTree host."""

from __future__ import annotations

import argparse

OPTIONS = {
    "--from-booted": "start from the booted deployment, not from one that waits for a reboot",
    "--apply-live": "let the running system be as the new deployment at once, without a reboot",
    "--preview": "make the new tree, show its changes, and deploy nothing",
    "--check": "make the new tree, say whether it has changes (exit status 77 if not), and deploy nothing",
    "--allow-downgrade": "follow a ref also to an older commit",
    "--automatic": "with upgrade: do what automatic= in ostree.conf says, without questions",
    "--unchanged-exit-77": "exit with status 77 if there is nothing to do",
}


def add(parser: argparse.ArgumentParser) -> None:
    for option, text in OPTIONS.items():
        parser.add_argument(option, action="store_true", help=text)
