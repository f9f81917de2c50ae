# SPDX-License-Identifier: GPL-2.0-or-later
"""What the prototypes begin with: trees of kickstarts that have this checkout as a package, and packages for hosts.

All is made by the real commands, once for each state of the checkout.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests import cached, guard, toys
from tests.lab import convert, debian, kernels, world
from tests.lab.convert import Fixup
from tests.lab.host import COMPOSES
from tests.sysroots import ostree
from tests.toys import CACHE, Toy

KINDS = ("workstation", "server")
REFS = {kind: f"world/12/x86_64/{kind}" for kind in (*KINDS, "next")}
# What the second version of a tree has besides.
NEWER = "tree"
# A program that needs a newer version of a package than the trees have.
OLD, LATER = "less", "700-1"
NEEDS_LATER = Toy(
    "pager-tools",
    files={"/usr/bin/page": "#!/bin/sh\nexec less --version\n"},
    attributes={"/usr/bin/page": "0755,root,root"},
    requires=(f"{OLD} >= {LATER}",),
)


def product() -> Toy:
    """This checkout, installed as `make install` does, as a package."""
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        guard.install(Path(work))
        found = [path for path in sorted(Path(work).rglob("*")) if path.is_file()]
        files = {f"/{path.relative_to(work)}": path.read_bytes() for path in found}
    attributes = {path: "%config(noreplace)" for path in files if path.startswith("/etc/")}
    return Toy("dnf-plugin-ostree", files=files, attributes=attributes, requires=("dnf", "python3-gi"))


def made() -> Path:
    """A folder with `repo`, which has each tree as VERSION/REF, `store`, where the first of each are published, and
    `more`, packages for hosts; cached."""
    plugin = product()
    sources = [Path(__file__), *sorted(COMPOSES.glob("world-*.ks"))]
    parts = [path.read_bytes() for path in sources] + [kernels.repository().name.encode(), plugin.key().encode()]
    return cached.folder("prototypes", b"".join(parts), lambda work, made: _fill(work, made, plugin))


def _fill(work: Path, made: Path, plugin: Toy) -> None:
    repos = {"world": world.repository(), "lab": toys.repository(work / "lab", [plugin, kernels.SMALL])}
    (work / "composes").mkdir()  # without the repositories of other worlds
    for kickstart in COMPOSES.glob("world-*.ks"):
        shutil.copy(kickstart, work / "composes")
    ostree("init", f"--repo={made}/repo", "--mode=bare")
    for kind in KINDS:
        _compose(work, made, repos, kind, "1")
        _add(work / f"composes/world-{kind}.ks", NEWER)
        _compose(work, made, repos, kind, "2")
    _compose(work, made, {**repos, "kernels": kernels.repository()}, "next", "1")
    dnf(work, "host", os.fspath(made / "store"))
    for kind in REFS:
        publish(work, made / "repo", made / "store", "1", kind)
    _offer(work, made / "more")


def publish(work: Path, repo: Path, store: Path, version: str, kind: str) -> None:
    """Let hosts that follow a tree find a version of it."""
    commit = ostree("rev-parse", f"--repo={repo}", f"{version}/{REFS[kind]}").strip()
    dnf(work, "publish", commit, os.fspath(store), f"--name={REFS[kind]}", f"--repo={repo}", "--no-deltas")


def dnf(work: Path, *arguments: str) -> str:
    """What `dnf tree`, which succeeds, prints on the build server."""
    done = guard.run(work, guard.dnf_argv(work, None, "--releasever=12", "-y", "tree", *arguments))
    assert done.returncode == 0, done.stdout
    return done.stdout


def _add(kickstart: Path, package: str) -> None:
    kickstart.write_text(f"{kickstart.read_text()}%packages --nocore\n{package}\n%end\n")


def _compose(work: Path, made: Path, repos: dict[str, Path], kind: str, version: str) -> None:
    given = [f"--repofrompath={name},file://{path}" for name, path in repos.items()]
    own = [f"{work}/composes/world-{kind}.ks", f"--repo={made}/repo", f"--workdir={work}/workshop"]
    dnf(work, *given, "compose", *own, f"--branch={REFS[kind]}", f"--add-metadata=version=12.{version}")
    ostree("refs", f"--repo={made}/repo", f"--create={version}/{REFS[kind]}", REFS[kind])


def _offer(work: Path, repo: Path) -> None:
    """Packages that only some hosts know of: one, and what it needs in a later version than trees have."""
    (deb,) = (deb for deb in debian.Archive().closure([OLD]) if deb.name == OLD)
    (work / "rpms").mkdir()
    convert.convert(deb._replace(version=LATER), CACHE / "debs" / deb.file_name, work / "rpms", Fixup(), world.STANDARD)
    toys.repository(work / "rpms", [NEEDS_LATER])
    (work / "rpms").rename(repo)


if __name__ == "__main__":
    print(made())
