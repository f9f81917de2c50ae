# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf system-import`: what rpm-ostree layered becomes the user's requests, on the base below it."""

from __future__ import annotations

import pytest

from tests import peers, streams
from tests.sysroot.test_imports import SHA
from tests.sysroot.test_rebase import refusal
from tests.sysroots import OLD_TOOL, REF, Host, ostree
from tests.toys import APP, LIB, Toy

HINT = "rpm-ostree has layered packages on this tree; 'dnf system-import' takes them over.\n"
NOTHING = "Error: rpm-ostree has layered nothing on this host, or it has been taken over already\n"
TAKEN_OVER = {"packages": ["app", "other"], "removed": ["toy-tool"]}
LAYERED = {
    "rpmostree.clientlayer": "true",
    "rpmostree.clientlayer_version": "uint32 6",
    "rpmostree.packages": "['app', 'other']",
    "rpmostree.modules": "@as []",
    "rpmostree.removed-base-packages": "[<('toy-tool-1-1.noarch', 'toy-tool', uint64 0, '1', '1', 'noarch')>]",
    "rpmostree.replaced-base-packages": "@a(vv) []",
    "rpmostree.replaced-base-remote-packages": "@a{sv} {}",
    "rpmostree.state-sha512": f"'{'0' * 128}'",
}
ORIGIN = f"""[origin]
baserefspec={REF}

[packages]
requested=app;
requested-local={SHA}:other-1-1.noarch;

[overrides]
remove=toy-tool;

[rpmostree]
regenerate-initramfs=true
"""
NOTES = (
    "regenerate-initramfs is not taken over: the initramfs is made anew only where packages change it.\n",
    "other-1-1.noarch came from a file, which rpm-ostree has not kept: it is asked of the repositories.\n",
)


@pytest.fixture(params=["none", "rpm-ostree"])
def foreign(host: Host, request: pytest.FixtureRequest) -> Host:
    """A host on which rpm-ostree, as it seems, layered `app` and `other` and removed `toy-tool`."""
    host.offer(APP, LIB, OLD_TOOL, Toy("other", files={"/usr/bin/other": ""}), Toy("more", files={"/usr/bin/more": ""}))
    host.done("install", "app", "other")
    host.done("remove", "toy-tool")
    host.wait_for_cleaner()
    peers.deploy_as_rpm_ostree(host, LAYERED, ORIGIN)
    (host.folder / "plugins.d/ostree.conf").write_text(f"[main]\ninterop={request.param}\n")
    return host


def test_all_in_one_transaction(foreign: Host) -> None:
    before = foreign.deployments()
    printed = foreign.done("system-import")
    assert all(note in printed for note in NOTES) and HINT not in printed
    assert "Packages: the same\n" in printed
    assert foreign.deployments()[1:] == before[:1]
    assert streams.requests(foreign) == TAKEN_OVER
    status = foreign.status()[0]
    assert status["base"] == ostree("rev-parse", foreign.repo, REF).strip() and status["refspec"] == REF
    assert not (foreign.tree / "usr/bin/toy-tool").exists() and (foreign.tree / "usr/bin/app").exists()
    assert NOTHING in refusal(foreign, "system-import")
    printed = foreign.done("install", "more")
    assert HINT not in printed
    assert streams.requests(foreign) == {**TAKEN_OVER, "packages": ["app", "more", "other"]}
    assert NOTHING in refusal(foreign, "system-import")
    foreign.fsck()


def test_after_a_transaction_on_the_foreign_tree(foreign: Host) -> None:
    assert HINT in foreign.done("install", "more")
    assert HINT not in foreign.done("remove", "app")
    before = foreign.deployments()
    foreign.done("system-import")
    assert foreign.deployments()[1:] == before[:1]
    assert streams.requests(foreign) == {**TAKEN_OVER, "packages": ["more", "other"]}
    assert streams.names(foreign) == {"toy-base", "more", "other"}
    assert NOTHING in refusal(foreign, "system-import")
    foreign.fsck()


def test_a_no_and_what_does_not_fit(foreign: Host) -> None:
    before = foreign.deployments()
    done = foreign.dnf("--assumeno", "system-import")
    assert done.returncode == 1 and "Operation aborted." in done.stdout and foreign.deployments() == before
    next(foreign.repository.glob("other-*")).unlink()
    foreign.offer()
    said = refusal(foreign, "system-import")
    assert "1 request does not fit the new base:\n  other-1-1.noarch: no repository has other-1-1.noarch\n" in said
    foreign.done("system-import", "--skip-broken")
    assert streams.requests(foreign)["parked"] == ["packages:other-1-1.noarch"]
    foreign.done("recompose", "--forget", "other-1-1.noarch")
    assert streams.requests(foreign) == {"packages": ["app"], "removed": ["toy-tool"]}


def test_where_rpm_ostree_has_layered_nothing(host: Host) -> None:
    assert NOTHING in refusal(host, "system-import")


def test_the_base_is_gone(foreign: Host) -> None:
    base = ostree("rev-parse", foreign.repo, REF).strip()
    foreign.wait_for_cleaner()
    (foreign.sysroot / f"ostree/repo/objects/{base[:2]}/{base[2:]}.commit").unlink()
    said = foreign.dnf("-y", "system-import")
    assert said.returncode == 1
    assert f"Error: the base {base} of what rpm-ostree has layered is not here any more\n('ostree pull" in said.stdout
