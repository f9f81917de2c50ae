# SPDX-License-Identifier: GPL-2.0-or-later
"""What other tools find in our commits, origins and refs: nothing half-said, and nothing of theirs that we need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ostree_layer import checkout, metadata, repo
from tests import peers, toys
from tests.sysroots import REF, Host, ostree
from tests.toys import APP, LIB, Toy

NEW_TOOL = Toy("toy-tool", "2", {"/usr/bin/toy-tool": "2\n"}, requires=("toy-base",), extra="Epoch: 1")
MINE = Toy("mine", files={"/usr/bin/mine": ""})
# What rpm-ostree leaves of an origin when it writes it anew, at least.
STRIPPED = "[origin]\n{}=toy/1/base\n"


@pytest.fixture
def speaking(host: Host) -> Host:
    """A host whose trees are also written in rpm-ostree's words."""
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\ninterop=rpm-ostree\n")
    host.offer(APP, LIB, Toy("other"))
    return host


def file_of(host: Host, toy: Toy) -> Path:
    return Path(shutil.copy(toys.build(toy), host.folder))


def shown(host: Host, key: str) -> str:
    return ostree("show", host.repo, f"--print-metadata-key={key}", peers.newest(host)).strip()


def test_by_default_the_tree_is_a_plain_one_to_others(host: Host) -> None:
    host.offer(APP, LIB)
    # bootc leaves a deployment alone that has one of these.
    foreign = "".join(f"[{group}]\na=b\n" for group in sorted(peers.BOOTC_LEAVES_ALONE))
    peers.origin_path(host).write_text(f"[origin]\nrefspec={REF}\n{foreign}[libostree-transient]\npinned=true\n")
    printed = host.done("install", "app")
    assert peers.layered(host) is None and "no words" not in printed
    assert peers.origin(host) == {"origin": {"baserefspec": REF}}
    assert shown(host, "version") == "'1.0'"


def test_all_of_rpm_ostrees_words_or_none(speaking: Host) -> None:
    base, file = peers.newest(speaking), file_of(speaking, MINE)
    speaking.done("install", "app")
    speaking.done("install", str(file))
    speaking.done("remove", "toy-tool")
    removed = ("toy-tool-1-1.noarch", "toy-tool", 0, "1", "1", "noarch")
    assert peers.layered(speaking) == peers.Layered(base, ["app"], [removed], [])
    assert peers.origin(speaking) == {
        "origin": {"baserefspec": REF},
        "packages": {"requested": "app;", "requested-local": f"{peers.header_digest(file)}:mine-1-1.noarch;"},
        "overrides": {"remove": "toy-tool;"},
    }
    assert speaking.status()[0]["requests"]["local"] != [f"{peers.header_digest(file)}:mine-1-1.noarch"]


def test_a_base_package_replaced_by_a_file(speaking: Host) -> None:
    base, file = peers.newest(speaking), file_of(speaking, NEW_TOOL)
    speaking.done("install", str(file))
    new = ("toy-tool-1:2-1.noarch", "toy-tool", 1, "2", "1", "noarch")
    old = ("toy-tool-1-1.noarch", "toy-tool", 0, "1", "1", "noarch")
    assert peers.layered(speaking) == peers.Layered(base, [], [], [(new, old)])
    replaced = {"replace-local": f"{peers.header_digest(file)}:toy-tool-1:2-1.noarch;"}
    assert peers.origin(speaking) == {"origin": {"baserefspec": REF}, "overrides": replaced}


def test_an_rpm_file_that_was_lost(speaking: Host) -> None:
    speaking.done("install", str(file_of(speaking, MINE)))
    speaking.wait_for_cleaner()
    shutil.rmtree(speaking.work / "rpms")
    sentence = "rpm-ostree has no words for RPM files that are no longer there (mine-1-1.noarch): to it, "
    assert f"\n{sentence}the tree is one without layers.\n" in speaking.done("install", "app")
    assert peers.layered(speaking) is None


def test_numbers_are_in_the_byte_order_of_this_machine(speaking: Host) -> None:
    speaking.done("install", "app")
    # The program takes every number for one of a compose, which has the other order.
    assert shown(speaking, "rpmostree.clientlayer_version") == f"uint32 {6 if sys.byteorder == 'big' else 6 << 24}"


def test_the_parent_is_the_base_however_many_trees_are_between(speaking: Host) -> None:
    base = peers.newest(speaking)
    for name in ("app", "other"):
        speaking.done("install", name)
    seen = peers.layered(speaking)
    assert seen is not None and seen.base == base and seen.packages == ["app", "other"]


def test_what_rpm_ostree_cannot_say_it_is_not_told_by_halves(speaking: Host) -> None:
    speaking.done("install", "app")
    assert "packages" in peers.origin(speaking)
    speaking.offer(Toy("toy-tool", "2", {"/usr/bin/toy-tool": "2\n"}, requires=("toy-base",)))
    sentence = (
        "rpm-ostree has no words for base packages replaced from repositories (toy-tool-2-1.noarch): "
        "to it, the tree is one without layers.\n"
    )
    assert f"\n{sentence}Complete!\n" in speaking.done("upgrade", "toy-tool")
    assert peers.layered(speaking) is None
    assert peers.origin(speaking) == {"origin": {"baserefspec": REF}}
    assert speaking.status()[0]["requests"]["packages"] == ["app"]
    speaking.offer(Toy("toy-tool", "1", {"/usr/bin/toy-tool": "1\n"}, requires=("toy-base",)))
    assert sentence not in speaking.done("downgrade", "toy-tool")
    assert peers.layered(speaking) is not None


def test_ostree_itself_does_not_take_the_packages_away(speaking: Host) -> None:
    speaking.done("install", "app")
    argv = ["ostree", "admin", "upgrade", f"--sysroot={speaking.sysroot}", "--os=toy"]
    upgrade = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert upgrade.returncode == 1 and "No origin/refspec in current deployment origin" in upgrade.stderr
    assert "origin: <unknown origin type>" in ostree("admin", "status", f"--sysroot={speaking.sysroot}")


@pytest.mark.parametrize("key", ["refspec", "baserefspec"])
@pytest.mark.parametrize("interop", ["none", "rpm-ostree"])
def test_what_must_last_is_in_the_commit_and_not_in_the_origin(speaking: Host, key: str, interop: str) -> None:
    (speaking.folder / "plugins.d/ostree.conf").write_text(f"[main]\ninterop={interop}\n")
    base = peers.newest(speaking)
    speaking.done("install", "app")
    speaking.done("remove", "toy-tool")
    peers.origin_path(speaking).write_text(STRIPPED.format(key))
    before = peers.newest(speaking)
    assert speaking.status()[0]["base"] == base
    speaking.done("install", "other")
    status = speaking.status()[0]
    assert (status["base"], status["refspec"]) == (base, REF)
    assert status["requests"]["packages"] == ["app", "other"] and status["requests"]["removed"] == ["toy-tool"]
    assert f"'{before}'" in shown(speaking, "ostree-layer.previous")


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("container-image-reference=ostree-unverified-registry:a/b", "container-image-reference"),
        (f"refspec={REF}\ncontainer-image-reference=ostree-unverified-registry:a/b", "baserefspec"),
    ],
)
def test_an_origin_never_has_both_a_refspec_and_a_container(speaking: Host, written: str, left: str) -> None:
    peers.origin_path(speaking).write_text(f"[origin]\n{written}\n")
    speaking.done("install", "app")
    assert list(peers.origin(speaking)["origin"]) == [left]


def test_a_base_is_kept_without_rpm_ostrees_refs(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    base = peers.newest(host)
    for name in ("app", "other"):
        host.done("install", name)
    host.wait_for_cleaner()
    # rpm-ostree writes these anew at each of its clean-ups, for what it has layered itself.
    ostree("refs", host.repo, "--create=rpmostree/base/0", base)
    ostree("refs", host.repo, "--delete", "rpmostree/base")
    ostree("refs", host.repo, "--delete", REF)
    ostree("prune", host.repo, "--refs-only")
    assert base not in " ".join(host.deployments())
    host.fsck()
    assert ostree("ls", host.repo, base, "/usr/bin/toy-tool")
    host.done("remove", "app")
    assert host.status()[0]["base"] == base


def test_package_diffs_of_other_tools(speaking: Host) -> None:
    speaking.done("install", "app", str(file_of(speaking, NEW_TOOL)))
    store, checksum = peers.open_store(speaking), peers.newest(speaking)
    listed = repo.metadata(repo.load_commit(store, checksum))[metadata.PKGLIST]
    assert listed.get_type_string() == "a(sssss)"
    assert listed.unpack() == [
        ("app", "0", "1", "1", "noarch"),
        ("lib", "0", "1", "1", "noarch"),
        ("toy-base", "0", "1", "1", "noarch"),
        ("toy-tool", "1", "2", "1", "noarch"),
    ]
    assert shown(speaking, metadata.PKGLIST).startswith("[('app', '0', '1', '1', 'noarch'), ")
    # What they fall back on where a commit has no list.
    in_database = checkout.require_packages(store, checksum)
    assert [(p.name, p.epoch, p.version, p.release, p.arch) for p in in_database] == listed.unpack()
