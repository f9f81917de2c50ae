# SPDX-License-Identifier: GPL-2.0-or-later
"""The same base, packages and SOURCE_DATE_EPOCH give the same root, whatever else differs between two machines."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ostree_layer.layout import reproducible
from tests import guard, sysroots, toys
from tests.sysroots import HISTORY, RPMDB, Host, ostree
from tests.toys import APP, LIB, Toy

EPOCH = 1_600_000_000
SET = {"SOURCE_DATE_EPOCH": str(EPOCH)}
WEB = Toy(
    "web",
    files={"/usr/bin/web": "web\n", "/var/lib/web/": "", "/var/lib/web/seed": "seed\n"},
    requires=("app",),
    scripts="%pre\necho 'web:x:7:7::/:/bin/sh' >> /etc/passwd\n%post\nmkdir /var/lib/made\necho it > /var/lib/made/it\n"
    "stat -c 'the time is %Y' /etc\n"
    "%posttrans\nmkdir -p /usr/lib/locale\necho all of them > /usr/lib/locale/locale-archive\n",
)
OTHERS = [Toy(f"other-{number}", files={f"/usr/share/other-{number}": "other\n"}) for number in range(5)]
GROUP = """<comps><group><id>others</id><name>Others</name><name xml:lang="de">Andere</name><description/>
<uservisible>true</uservisible><packagelist><packagereq type="mandatory">other-3</packagereq></packagelist></group>
</comps>
"""
INSTALL = ("-y", "install", "web", "other-1", "other-4", "@others")
# A login uid can be set only once, and in some containers not at all.
SCRIPT = 'hostname elsewhere; umask 077; echo 1000 > /proc/self/loginuid || :; exec "$@"'
ELSEWHERE = ("unshare", "--uts", "sh", "-c", SCRIPT, "sh")

Machine = Callable[[str], Host]


@pytest.fixture
def machine(folder: Path, toy_tree: Path) -> Iterator[Machine]:
    """Make a host of the one base commit at a place below the folder."""
    origin = sysroots.make_host(folder / "origin", toy_tree)
    made: list[Host] = []

    def make(place: str) -> Host:
        made.append(sysroots.deploy_from(origin, folder / place))
        made[-1].offer(APP, LIB, WEB, *OTHERS)
        (made[-1].folder / "comps.xml").write_text(GROUP)
        toys.index(made[-1].repository, made[-1].folder / "comps.xml")
        return made[-1]

    yield make
    for host in made:
        host.wait_for_cleaner()


def run(host: Host, environment: Mapping[str, str], *arguments: str, wrap: Sequence[str] = ()) -> None:
    done = guard.run(host.folder, [*wrap, *host.dnf_argv(*arguments)], host.environment(environment))
    assert done.returncode == 0, done.stdout


def elsewhere(host: Host) -> dict[str, str]:
    """Another language, clock and order of sets; the language is C's by another name."""
    shutil.copytree("/usr/lib/locale/C.utf8", host.folder / "locale/de_DE.utf8")
    language = {"LOCPATH": os.fspath(host.folder / "locale"), "LC_ALL": "de_DE.UTF-8"}
    return {**language, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "TMPDIR": os.fspath(host.folder / "locale")}


def list_backwards(host: Host) -> None:
    """Let the repository name its packages in another order."""
    (primary,) = host.repository.glob("repodata/*-primary.xml.gz")
    listed = gzip.decompress(primary.read_bytes()).decode()
    packages = re.findall("<package type.*?</package>", listed, re.DOTALL)
    new = host.folder / "primary.xml"
    new.write_text(re.sub("<package type.*</package>", lambda _: "".join(reversed(packages)), listed, flags=re.DOTALL))
    for words in (["--remove", "primary"], ["--mdtype=primary", "--compress-type=gz", new]):
        subprocess.run(["modifyrepo_c", *words, primary.parent], check=True, capture_output=True)


def content(host: Host) -> dict[str, str]:
    """Each path of the newest tree, with what makes its checksums."""
    lines = ostree("ls", host.repo, "-R", "-C", "-X", "ostree-layer/local/toy").splitlines()
    return {line.rpartition(" /")[2]: line for line in lines}


def query(path: Path, words: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as history:
        return history.execute(words).fetchall()


def test_two_machines(machine: Machine) -> None:
    here, there = machine("here"), machine("at/a/longer/path/there")
    list_backwards(there)
    odd = {**SET, **elsewhere(there)}
    for arguments in (INSTALL, ("-y", "remove", "other-1")):
        run(here, SET, *arguments)
        run(there, odd, *arguments, wrap=ELSEWHERE)
    assert content(here) == content(there)
    history = there.tree / HISTORY / "history.sqlite"
    made = query(history, "select dt_begin, dt_end, user_id, cmdline, state from trans where id > 1")
    assert made == [(EPOCH, EPOCH, reproducible.NO_USER, "", 1)] * 2
    assert (there.tree / "usr/lib/locale/locale-archive").read_text() == "all of them\n"
    assert stat.S_IMODE(history.stat().st_mode) == 0o644
    assert "Install web-1-1.noarch" in there.done("history", "info", "2")


def test_without_the_wish_the_history_is_as_dnf_wrote_it(machine: Machine) -> None:
    settled, plain = machine("settled"), machine("plain")
    base = reproducible.remember(plain.tree, EPOCH)
    run(settled, SET, *INSTALL)
    run(plain, elsewhere(plain), *INSTALL)
    databases = {f"{RPMDB}/rpmdb.sqlite", f"{HISTORY}/history.sqlite"}
    ours, theirs = content(settled), content(plain)
    different = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    assert {path for path in different if not (plain.tree / path).is_dir()} == databases
    history = plain.tree / HISTORY / "history.sqlite"
    began, ended, _user, words = query(history, "select dt_begin, dt_end, user_id, cmdline from trans where id = 2")[0]
    assert EPOCH < began <= ended and words.endswith(" ".join(INSTALL))
    assert query(history, "select line from console_output") != []
    assert query(history, "select name, translated_name from comps_group") == [("Others", "Andere")]

    copy = plain.folder / "copy"
    for path in databases:
        (copy / path).parent.mkdir(parents=True)
        shutil.copy(plain.tree / path, copy / path)
    reproducible.settle(copy, base)
    for path in databases:
        assert (copy / path).read_bytes() == (settled.tree / path).read_bytes(), f"rpm itself makes another {path}"


def test_a_time_that_is_none(machine: Machine) -> None:
    result = machine("here").dnf("-y", "install", "lib", extra={"SOURCE_DATE_EPOCH": "today"})
    assert result.returncode == 1 and result.stdout.endswith(
        "Error: SOURCE_DATE_EPOCH is today, which is not a number of seconds since 1970\n"
    )
