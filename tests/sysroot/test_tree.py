# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tree must be, after a transaction of toys."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from tests.sysroots import Host, make_host, ostree
from tests.toys import APP, LIB, Toy


def test_content_is_kept(host: Host) -> None:
    odd = Toy(
        "odd",
        files={
            "/usr/bin/caps": "caps\n",
            "/usr/bin/setuid": "setuid\n",
            "/usr/share/odd/owned": "owned\n",
            "/usr/share/odd/two words and 'quotes'": "odd\n",
            "/usr/share/odd/empty/": "",
            "/usr/share/odd/link": "-> owned",
        },
        attributes={
            "/usr/bin/caps": "%caps(cap_net_raw=ep) %attr(0755,root,root)",
            "/usr/bin/setuid": "4755,root,root",
            "/usr/share/odd/owned": "0640,7,8",
            "/usr/share/odd/empty/": "1777,root,root",
        },
        scripts="%pre\nrm -rf /usr/share/toy/gone\nrm /usr/share/toy/kept\nln -s ../odd/owned /usr/share/toy/kept\n"
        "%post\nmkdir /usr/share/toy/gone\ntouch /usr/share/toy/gone/b\nln /usr/bin/caps /usr/share/odd/hard\n",
    )
    host.offer(odd)
    host.done("install", "odd")
    tree = host.tree
    assert os.getxattr(tree / "usr/bin/caps", "security.capability")[4:8] == (1 << 13).to_bytes(4, "little")
    assert stat.S_IMODE((tree / "usr/bin/setuid").stat().st_mode) == 0o4755
    owned = (tree / "usr/share/odd/owned").stat()
    assert (owned.st_uid, owned.st_gid, stat.S_IMODE(owned.st_mode)) == (0, 0, 0o640)
    assert stat.S_IMODE((tree / "usr/share/odd/empty").stat().st_mode) == 0o1777
    assert (tree / "usr/share/odd/two words and 'quotes'").read_text() == "odd\n"
    assert os.listdir(tree / "usr/share/toy/gone") == ["b"]
    assert os.readlink(tree / "usr/share/toy/kept") == "../odd/owned"
    assert (tree / "usr/share/odd/hard").samefile(tree / "usr/bin/caps")
    assert not [
        name for path in tree.rglob("*") for name in os.listxattr(path, follow_symlinks=False) if "overlay" in name
    ]
    host.fsck()


def test_databases_can_be_read_from_a_read_only_usr(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    for database in (
        host.tree / "usr/lib/sysimage/rpm/rpmdb.sqlite",
        host.tree / "usr/lib/sysimage/dnf/history.sqlite",
    ):
        assert database.read_bytes()[18:20] == b"\1\1", "the file format says WAL"
        assert [path.name for path in database.parent.iterdir() if path.name.endswith(("-wal", "-shm", ".lock"))] == []


def test_packages_of_many_files(host: Host) -> None:
    """To add so many rows among so many others, SQLite needs a place for temporary files, which the cage must have."""
    ways = {"odd": range(1, 6000, 2), "even": range(0, 6000, 2)}
    host.offer(*(Toy(name, files={f"/usr/share/{name}/{i:04}": "" for i in way}) for name, way in ways.items()))
    for name in ways:
        host.done("install", name)
        assert len(os.listdir(host.tree / "usr/share" / name)) == 3000


LOCAL = "ostree-layer/local/toy"


def _metadata(host: Host, key: str) -> str:
    return ostree("show", host.repo, f"--print-metadata-key={key}", LOCAL).strip()


def test_metadata(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    shown = ostree("show", host.repo, "--print-metadata-key=rpmostree.rpmdb.pkglist", "ostree-layer/local/toy")
    names = [row.split("'")[1] for row in shown.split("(")[1:]]
    assert names == ["app", "lib", "toy-base", "toy-tool"]
    first = host.status()[1]["checksum"]
    assert (
        ostree("show", host.repo, "--print-metadata-key=ostree-layer.base", "ostree-layer/local/toy").strip()
        == f"'{first}'"
    )
    assert f"Parent:  {first}" in ostree("show", host.repo, "ostree-layer/local/toy")
    made_by = ostree("show", host.repo, "--print-metadata-key=ostree-layer.transaction", "ostree-layer/local/toy")
    assert "install app" in made_by and "['app-1-1.noarch', 'lib-1-1.noarch']" in made_by
    origin = Path(f"{host.tree}.origin").read_text()
    assert origin == "[origin]\nbaserefspec=toy/1/base\n"


def test_a_tree_that_asks_for_composefs_is_left_to_libostree(folder: Path, toy_tree: Path) -> None:
    for text, links in (("[composefs]\nenabled = yes\n", False), ("[sysroot]\nreadonly = true\n", True)):
        tree = folder / f"tree-{links}"
        shutil.copytree(toy_tree, tree, symlinks=True)
        (tree / "usr/lib/ostree").mkdir()
        (tree / "usr/lib/ostree/prepare-root.conf").write_text(text)
        host = make_host(folder / f"host-{links}", tree)
        host.offer(APP, LIB)
        cloned = host.dnf("-y", "install", "app", extra={"OSTREE_LAYER_FAILPOINT": "deploy::cloned=raise"})
        assert cloned.returncode == (1 if links else 0)
        host.done("install", "app")
        assert (host.tree / "usr/bin/app").exists() and (host.tree / "usr/share/toy/kept").exists()
        host.fsck()
        host.wait_for_cleaner()


def test_os_release_names_the_version_if_the_admin_says_so(host: Host) -> None:
    release = "ID=toy\nVERSION_ID=1\n"
    host.offer(APP, LIB, Toy("other", scripts=f"%post\nprintf '{release}' > /usr/lib/os-release\n"))
    host.done("install", "lib")
    assert (host.tree / "usr/lib/os-release").read_text() == release
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nenabled=1\nos_release=1\n")
    host.done("install", "app")
    assert (host.tree / "usr/lib/os-release").read_text() == f"{release}OSTREE_VERSION='1.0'\n"
    (host.folder / "plugins.d/ostree.conf").write_text("[main]\nenabled=1\n")
    host.done("install", "other")
    assert (host.tree / "usr/lib/os-release").read_text() == f"{release}OSTREE_VERSION='1.0'\n"
