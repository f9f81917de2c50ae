# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's own automatic ways on an OSTree host: dnf-automatic, and `dnf makecache --timer`."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests import guard
from tests.sysroots import Host
from tests.toys import LIB, Toy

# Debian has the program without what starts it.
START = "import sys; from dnf.automatic.main import main; sys.exit(main(sys.argv[1:]))"
AS_DNF_CONF = 'mount --bind "$1" /etc/dnf/dnf.conf && shift && exec "$@"'
OLD_LIB = Toy("lib", "0.9", files={"/usr/lib/lib": "0\n"})
BAD_LIB = Toy("lib", "2", scripts="%pre\nexit 1\n")


def dnf_automatic(host: Host, **commands: str) -> subprocess.CompletedProcess[str]:
    """Run dnf-automatic sealed, with a dnf.conf that says what other tests say on the command line."""
    main = {
        "pluginpath": guard.CHECKOUT / "dnf-plugins",
        "pluginconfpath": host.folder / "plugins.d",
        "cachedir": host.folder / "cache",
        "logdir": host.folder / "log",
        "reposdir": host.folder / "repos.d",
        "gpgcheck": 0,
        "varsdir": host.folder / "vars",
    }
    # A machine whose own root has no rpm database has no release, of which dnf-automatic dies.
    (host.folder / "vars").mkdir(exist_ok=True)
    (host.folder / "vars/releasever").write_text("1\n")
    (host.folder / "dnf.conf").write_text("[main]\n" + "".join(f"{key}={value}\n" for key, value in main.items()))
    (host.folder / "repos.d/updates.repo").write_text(
        f"[updates]\nname=updates\nbaseurl=file://{host.repository}\nmetadata_expire=0\n"
    )
    settings = "".join(f"{key} = {value}\n" for key, value in commands.items())
    (host.folder / "automatic.conf").write_text(f"[commands]\n{settings}[emitters]\nemit_via = stdio\n")
    argv = ["sh", "-c", AS_DNF_CONF, "sh", os.fspath(host.folder / "dnf.conf")]
    argv += [guard.PYTHON, "-c", START, os.fspath(host.folder / "automatic.conf")]
    return guard.run(host.folder, argv, host.environment())


@pytest.fixture
def old(host: Host) -> Host:
    """A host that has a package of which there is a newer one."""
    host.offer(OLD_LIB)
    host.done("install", "lib")
    host.offer(LIB)
    return host


def test_what_it_applies_is_a_new_deployment(old: Host) -> None:
    before = old.deployments()
    done = dnf_automatic(old, apply_updates="yes")
    assert done.returncode == 0, done.stdout
    new = old.deployments()[0]
    assert f"New deployment {new[:12]} (1.0). It is in {old.sysroot}.\n" in done.stdout
    assert "The following updates have been applied on" in done.stdout
    assert new not in before and (old.tree / "usr/lib/lib").read_text() == "1\n"
    assert old.status()[0]["command"] == "dnf-automatic"
    assert old.status()[0]["requests"]["packages"] == ["lib"]
    assert "Unknown" not in old.done("history", "info", "last")
    old.fsck()
    assert dnf_automatic(old, apply_updates="yes").returncode == 0 and old.deployments()[0] == new


def test_what_it_downloads_changes_nothing(old: Host) -> None:
    before = old.deployments()
    done = dnf_automatic(old, download_updates="yes")
    assert done.returncode == 0 and "updates were downloaded on" in done.stdout, done.stdout
    assert old.deployments() == before and not list(old.work.glob("stage*/*"))
    assert "lib-0.9" in old.done("list", "--installed", "lib") or "0.9-1" in old.done("list", "--installed", "lib")
    done = dnf_automatic(old)
    assert done.returncode == 0 and "updates are available on" in done.stdout and old.deployments() == before


def test_what_fails_is_not_deployed(old: Host) -> None:
    old.offer(BAD_LIB)
    before = old.deployments()
    done = dnf_automatic(old, apply_updates="yes")
    assert done.returncode == 1, done.stdout
    assert "lib-2-1.noarch" in done.stdout
    assert "Nothing was deployed: the host is as it was.\n" in done.stdout and "have been applied" not in done.stdout
    assert old.deployments() == before
    old.fsck()


def test_the_metadata_timer(old: Host) -> None:
    before = old.deployments()
    printed = old.done("makecache", "--timer")
    assert "Metadata cache created." in printed and old.deployments() == before
    assert list((old.folder / "cache").glob("toys-*/repodata/*"))
    assert "lib" in old.done("-C", "list", "--upgrades")
