# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree layered, found again: by its origin, by its commit, and below a tree of ours."""

from __future__ import annotations

import pytest

from ostree_layer import imports
from ostree_layer.errors import RepoError
from ostree_layer.model import Requests
from ostree_layer.ostree_gi import OSTree, gfile
from tests import peers
from tests.sysroots import REF, STATEROOT, Host, ostree
from tests.toys import APP, LIB, Toy

SHA = "ab" * 32
LAYERED = {
    "rpmostree.clientlayer": "true",
    "rpmostree.clientlayer_version": "uint32 6",
    "rpmostree.packages": "['app', 'helper']",
    "rpmostree.modules": "@as []",
    "rpmostree.removed-base-packages": "[<('gone-1-1.noarch', 'gone', uint64 0, '1', '1', 'noarch')>]",
    "rpmostree.replaced-base-packages": "[(<('tool-2-1.noarch', 'tool', uint64 0, '2', '1', 'noarch')>,"
    " <('tool-1-1.noarch', 'tool', uint64 0, '1', '1', 'noarch')>)]",
    "rpmostree.replaced-base-remote-packages": "{'repo=updates':"
    " <[(<('kit-1:3-1.noarch', 'kit', uint64 1, '3', '1', 'noarch')>,"
    " <('kit-2-1.noarch', 'kit', uint64 0, '2', '1', 'noarch')>)]>}",
    "rpmostree.state-sha512": f"'{'0' * 128}'",
}
ORIGIN = f"""[origin]
baserefspec={REF}
override-commit={SHA}

[packages]
requested=app;helper;
requested-local={SHA}:mine-1-1.noarch;
requested-local-fileoverride={SHA}:forced-1-1.noarch;

[modules]
enable=perl:5;
install=node:18/small;

[overrides]
remove=gone;
replace-local={SHA}:tool-2-1.noarch;
replace=repo=updates,kit,kit-libs;

[rpmostree]
regenerate-initramfs=true
initramfs-args=-I;/etc/a.conf;
"""
FROM_FILE = "{} came from a file, which rpm-ostree has not kept: it is asked of the repositories."


@pytest.fixture
def foreign(host: Host) -> Host:
    """A host with a tree that has `app`, as if rpm-ostree had layered it."""
    host.offer(APP, LIB, Toy("other"))
    host.done("install", "app")
    host.wait_for_cleaner()
    peers.deploy_as_rpm_ostree(host, LAYERED, ORIGIN)
    return host


def opened(host: Host) -> tuple[OSTree.Repo, OSTree.Deployment]:
    sysroot = OSTree.Sysroot.new(gfile(host.sysroot))
    sysroot.load(None)
    return sysroot.get_repo(None)[1], sysroot.get_deployments()[0]


def test_everything_that_rpm_ostree_was_asked_for(foreign: Host) -> None:
    base = ostree("rev-parse", foreign.repo, REF).strip()
    assert imports.is_foreign(*opened(foreign))
    found = imports.read(*opened(foreign))
    assert (found.base, found.base_refspec) == (base, REF)
    assert found.requests == Requests(
        packages=("app", "forced-1-1.noarch", "helper", "mine-1-1.noarch"),
        modules=("node:18", "perl:5"),
        removed=("gone",),
        replaced=("kit-1:3-1.noarch", "tool-2-1.noarch"),
    )
    assert found.notes == (
        f"override-commit is not taken over: the deployment no longer stays on commit {SHA}.",
        "regenerate-initramfs is not taken over: the initramfs is made anew only where packages change it.",
        "initramfs-args is not taken over: dracut does not get -I /etc/a.conf.",
        FROM_FILE.format("mine-1-1.noarch"),
        FROM_FILE.format("forced-1-1.noarch"),
        FROM_FILE.format("tool-2-1.noarch"),
        "repo=updates is not followed for kit kit-libs: the versions that are there now are asked for.",
        "The packages of node:18/small are not asked for: only the stream stays enabled.",
    )


def test_an_origin_written_anew_by_others_leaves_what_the_commit_says(foreign: Host) -> None:
    peers.origin_path(foreign).write_text(f"[origin]\nrefspec={REF}\n")
    assert imports.is_foreign(*opened(foreign))
    found = imports.read(*opened(foreign))
    assert found.base == ostree("rev-parse", foreign.repo, REF).strip() and found.notes == ()
    replaced = ("kit-1:3-1.noarch", "tool-2-1.noarch")
    assert found.requests == Requests(packages=("app", "helper"), removed=("gone",), replaced=replaced)


@pytest.mark.parametrize("interop", ["none", "rpm-ostree"])
def test_a_transaction_on_such_a_tree_takes_it_for_its_base(foreign: Host, interop: str) -> None:
    (foreign.folder / "plugins.d/ostree.conf").write_text(f"[main]\ninterop={interop}\n")
    layered, base = peers.newest(foreign), ostree("rev-parse", foreign.repo, REF).strip()
    printed = foreign.done("install", "other")
    status = foreign.status()[0]
    assert (status["base"], status["requests"]["packages"]) == (layered, ["other"])
    assert (foreign.tree / "usr/bin/app").exists()
    # rpm-ostree would take the tree with layers for a base without them.
    assert peers.layered(foreign) is None
    assert peers.origin(foreign) == {"origin": {"baserefspec": REF, "override-commit": SHA}}
    sentence = "rpm-ostree has no words for a base that has layers itself: to it, the tree is one without layers."
    assert (sentence in printed) == (interop == "rpm-ostree")
    assert not imports.is_foreign(*opened(foreign)) and imports.stands_on_foreign(*opened(foreign))
    found = imports.read(*opened(foreign))
    assert (found.base, found.base_refspec) == (base, REF)
    assert found.notes == (f"override-commit is not taken over: the deployment no longer stays on commit {SHA}.",)
    assert found.requests.packages == ("app", "helper", "other") and found.requests.removed == ("gone",)
    foreign.done("remove", "app", "toy-tool")
    assert imports.read(*opened(foreign)).requests.packages == ("helper", "other")
    assert foreign.status()[0]["requests"]["removed"] == ["app", "lib", "toy-tool"]
    assert imports.read(*opened(foreign)).requests.removed == ("gone", "toy-tool")


def test_trees_of_ours_and_of_nobody_are_not_foreign(host: Host) -> None:
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\ninterop=rpm-ostree\n")
    assert not imports.is_foreign(*opened(host)) and not imports.stands_on_foreign(*opened(host))
    host.offer(APP, LIB)
    host.done("install", "app")
    assert "packages" in peers.origin(host)
    assert not imports.is_foreign(*opened(host)) and not imports.stands_on_foreign(*opened(host))


def test_requests_that_the_base_has_already_leave_the_commit_as_it_is(host: Host) -> None:
    peers.origin_path(host).write_text(f"[origin]\nbaserefspec={REF}\n\n[packages]\nrequested=toy-tool;\n")
    assert imports.is_foreign(*opened(host))
    found = imports.read(*opened(host))
    assert found == imports.Imported(Requests(packages=("toy-tool",)), peers.newest(host), REF)


def test_a_tree_from_a_container(foreign: Host) -> None:
    for image, name in (("ostree-unverified-registry:quay.io/a/b", "docker://quay.io/a/b"), ("dir:/b", "")):
        read_image(foreign, image, name)


def read_image(foreign: Host, image: str, name: str) -> None:
    peers.origin_path(foreign).write_text(f"[origin]\ncontainer-image-reference={image}\n[packages]\nrequested=app;\n")
    found = imports.read(*opened(foreign))
    note = f"container-image-reference is not taken over: the tree is not followed from {image}."
    assert (found.base_refspec, found.notes) == (name, () if name else (note,))


def test_layers_without_a_parent(host: Host) -> None:
    orphan = ["--orphan", f"--tree=ref={REF}", "--add-metadata=rpmostree.clientlayer=true"]
    checksum = ostree("commit", host.repo, *orphan).strip()
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={STATEROOT}", checksum)
    with pytest.raises(RepoError) as refused:
        imports.read(*opened(host))
    what = f"commit {checksum} has layers of rpm-ostree and no parent, so that their base is not known"
    assert refused.value.sentence() == what
