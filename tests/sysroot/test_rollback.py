# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf rollback`: any deployment, what it would change, and the data that it leaves."""

from __future__ import annotations

import pytest

from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy

OLD = Toy("db", "1", {"/usr/bin/db": "1\n", "/var/lib/db/": "", "/var/lib/db/sub/": ""})
NEW = Toy("db", "2", {"/usr/bin/db": "2\n", "/var/lib/db/": "", "/var/lib/db/sub/": ""})
WARNING = "Warning: /var stays as it is. The data of these packages is not rolled back:\n"


@pytest.fixture
def two(host: Host) -> Host:
    """A host on which db was installed, and then upgraded."""
    host.offer(OLD)
    host.done("install", "db")
    host.offer(NEW)
    host.done("upgrade", "db")
    return host


def test_it_shows_what_changes_and_asks(two: Host) -> None:
    before = two.deployments()
    shown = f"To boot next: deployment 1, {before[1][:12]} (1.0).\nPackages:\n  Downgraded  db 2-1 -> 1-1\n"
    result = two.dnf("rollback", answer="n\n")
    assert result.returncode == 1 and result.stdout.endswith(f"{shown}Is this ok [y/N]: Operation aborted.\n")
    result = two.dnf("--assumeno", "rollback")
    assert result.returncode == 1 and result.stdout.endswith(f"{shown}Operation aborted.\n")
    assert two.deployments() == before
    result = two.dnf("rollback", answer="y\n")
    assert result.returncode == 0
    assert result.stdout.endswith(f"Deployment {before[1][:12]} (1.0) boots next. It is in {two.sysroot}.\n")
    assert two.deployments() == before[::-1] and (two.tree / "usr/bin/db").read_text() == "1\n"


def test_by_index(two: Host) -> None:
    two.dnf("-y", "pin", "1")
    two.offer(APP, LIB)
    two.done("install", "app")
    third, second, first = two.deployments()
    assert f"deployment 2, {first[:12]} (1.0)" in two.done("rollback", "2")
    assert two.deployments() == [first, third, second]
    two.fsck()


def test_what_cannot_be(two: Host) -> None:
    next_one = two.deployments()[0][:12]
    for name, sentence in (
        ("2", "there is no deployment 2: they are 0 to 1\n(0 is the one that boots next)"),
        ("0", f"deployment 0, {next_one} (1.0) boots next anyway\n('dnf status' shows the boot order)"),
        ("good", "no deployment of toy is called good\n(no deployment has a label; an index works, too)"),
        ("-1", "no deployment of toy is called -1\n(no deployment has a label; an index works, too)"),
    ):
        result = two.dnf("-y", "rollback", "--", name)
        assert result.returncode == 1 and result.stdout.endswith(f"Error: {sentence}\n"), result.stdout


def test_data_is_not_rolled_back(two: Host) -> None:
    data = two.var / "lib/db/sub"
    assert WARNING not in two.dnf("--assumeno", "rollback").stdout
    data.mkdir(parents=True)
    assert WARNING not in two.dnf("--assumeno", "rollback").stdout
    (data / "table").write_text("row\n")
    printed = two.dnf("--assumeno", "rollback").stdout
    assert f"{WARNING}  db (2-1 -> 1-1): /var/lib/db\nOperation aborted.\n" in printed
    two.done("rollback")
    two.done("remove", "db")
    assert f"{WARNING}  db (1-1 -> none): /var/lib/db\n" not in two.dnf("--assumeno", "rollback").stdout
    two.done("rollback")
    assert f"{WARNING}  db (1-1 -> none): /var/lib/db\n" in two.dnf("--assumeno", "rollback").stdout


def test_data_that_scriptlets_and_tmpfiles_name(host: Host) -> None:
    made = "%post\nmkdir -p /var/spool/made\n"
    host.offer(
        Toy("scripted", files={"/usr/bin/scripted": ""}, scripts=made),
        Toy("declared", files={"/usr/lib/tmpfiles.d/declared.conf": "d /srv/declared 0755 root root -\n"}),
        Toy("common", files={"/var/lib/systemd/common/": "", "/var/cache/common/": ""}),
    )
    host.done("install", "scripted", "declared", "common")
    for path in ("spool/made/mail", "srv/declared/page", "lib/systemd/common/state", "cache/common/cached"):
        (host.var / path).parent.mkdir(parents=True, exist_ok=True)
        (host.var / path).write_text("mine\n")
    printed = host.dnf("--assumeno", "rollback").stdout
    wanted = "  declared (1-1 -> none): /var/srv/declared\n  scripted (1-1 -> none): /var/spool/made\n"
    assert WARNING + wanted + "Operation aborted.\n" in printed


def test_links_in_var_are_not_followed(two: Host) -> None:
    (two.folder / "elsewhere").mkdir()
    (two.folder / "elsewhere/file").write_text("x")
    (two.var / "lib").mkdir(exist_ok=True)
    (two.var / "lib/db").symlink_to(two.folder / "elsewhere")
    assert WARNING not in two.dnf("--assumeno", "rollback").stdout


def test_the_repository_is_sound_afterwards(two: Host) -> None:
    two.done("rollback")
    two.wait_for_cleaner()
    two.fsck()
    assert ostree("admin", "status", f"--sysroot={two.sysroot}")
