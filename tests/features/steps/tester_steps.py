# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences about who certifies the trees of a shop."""

from __future__ import annotations

import json
from typing import Any

from behave import given, when

from tests import guard, keys
from tests.lab.shop import INSIDE, KIOSK, REMOTE, TILL

REFS = {"till": TILL, "kiosk": KIOSK}


@given("a tester of the shop, whose key the host has")
def tester(context: Any) -> None:
    context.keys = context.resources.enter_context(keys.made(context.folder / "gnupg", "Tester"))
    (context.shop.folder / "tester.asc").write_bytes((context.keys / "public").read_bytes())
    (context.shop.folder / "tester.id").write_text(keys.fingerprint(context.keys))
    done = context.host.run("ostree", "remote", "gpg-import", f"--keyring={INSIDE}/tester.asc", REMOTE)
    assert done.returncode == 0, done.stdout


@when("the tester certifies the {kind}'s tree by a test that {ended}")
def certify(context: Any, kind: str, ended: str) -> None:
    context.shop.folder.joinpath("result.json").write_text(json.dumps({"passed": ended == "passed", "tests": 7}))
    signing = (f"--sign={keys.fingerprint(context.keys)}", f"--gpg-homedir={context.keys}")
    where = (f"--repo={context.shop.folder}/repo", f"--result={context.shop.folder}/result.json")
    argv = guard.dnf_argv(context.shop.folder, None, "tree", "certify", REFS[kind], *where, *signing)
    context.done = guard.run(context.shop.folder, argv)
