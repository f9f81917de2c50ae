# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf rebase`, `deploy` and `recompose`, and what an upgrade follows."""

from __future__ import annotations

import pytest

from tests import composing, streams
from tests.composing import UPDATES
from tests.streams import BASE_REF, Stream
from tests.sysroots import Host, ostree
from tests.toys import Toy

BASE, PLUS = "toys:toy/1/base", "toys:toy/1/plus"


def origin(host: Host) -> str:
    return host.tree.with_name(f"{host.tree.name}.origin").read_text()


def refs_of(host: Host) -> list[str]:
    """All but those that libostree makes for deployments."""
    host.wait_for_cleaner()
    return sorted(ref for ref in ostree("refs", host.repo).split() if not ref.startswith("ostree/"))


def refusal(host: Host, *arguments: str) -> str:
    """What a command that is refused, and changes nothing, says."""
    before, refs = host.deployments(), refs_of(host)
    done = host.dnf("-y", *arguments)
    assert done.returncode == 1, done.stdout
    assert host.deployments() == before and refs_of(host) == refs
    return done.stdout


def test_the_composed_tree_exactly(client: Host, stream: Stream) -> None:
    plus = stream.publish("p1")
    client.done("install", "app")
    printed = client.done("rebase", PLUS)
    assert "Tree:\n  toys:toy/1/plus  p1  commit " in printed and "Packages: 2 removed, 1 added\n" in printed
    assert "Not taken along, as 'dnf system-switch' would: app\n" in printed
    assert f"New deployment {plus[:12]} (p1)." in printed
    assert client.deployments()[0].startswith(plus) and f"refspec={PLUS}\n" in origin(client)
    assert "nothing to do" in client.done("rebase", PLUS).lower()
    assert client.dnf("-y", "rebase", "toy/1/base", "--unchanged-exit-77").returncode == 0
    assert client.dnf("-y", "rebase", BASE, "--unchanged-exit-77").returncode == 77
    client.fsck()


def test_a_no_is_a_no(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    before = client.deployments()
    done = client.dnf("--assumeno", "rebase", PLUS)
    assert done.returncode == 1 and "Operation aborted." in done.stdout
    done = client.dnf("--assumeno", "system-switch", PLUS)
    assert done.returncode == 1 and "Operation aborted." in done.stdout
    assert client.deployments() == before


def test_an_exact_commit_stays_pinned(client: Host, stream: Stream) -> None:
    old = client.deployments()[0].partition(".")[0]
    stream.publish("1.2")
    client.done("upgrade")
    client.done("rebase", old)
    assert f"refspec={old}\n" in origin(client)
    client.done("install", "app")
    printed = client.done("upgrade", "--setopt=excludepkgs=toy-tool")
    assert f"The tree is pinned to commit {old[:12]}; 'dnf system-switch {BASE}' follows the ref again." in printed
    assert client.status()[0]["base"] == old
    client.done("system-switch", BASE)
    assert client.status()[0]["base_version"] == "1.2" and streams.requests(client) == {"packages": ["app"]}


def test_a_version_is_found_in_the_history_of_the_ref(client: Host, stream: Stream) -> None:
    for version in ("1.2", "1.3"):
        stream.publish(version)
    client.done("rebase", ":1.2")
    assert client.status()[0]["version"] == "1.2" and ", pinned" not in client.done("status")
    said = refusal(client, "rebase", ":1.4")
    assert f"{BASE} has no version 1.4" in said and "did you mean 1.3?" in said


def test_deploy_is_for_now(client: Host, stream: Stream) -> None:
    first = client.deployments()[0].partition(".")[0]
    client.done("install", "other")
    stream.publish("1.2")
    client.done("upgrade")
    printed = client.done("deploy", "1.1")
    assert "1.1  commit" in printed and "until the next upgrade" in printed
    status = client.status()[0]
    assert status["base"] == first and streams.requests(client) == {"packages": ["other"]}
    assert f"override-commit={first}\n" in origin(client) and f"baserefspec={BASE}\n" in origin(client)
    client.done("upgrade")
    assert client.status()[0]["base_version"] == "1.2" and "override-commit" not in origin(client)
    made = client.status()[1]["checksum"]
    client.done("deploy", made)
    assert client.status()[0]["checksum"] == made


def test_recompose_tells_the_difference(client: Host) -> None:
    client.offer(Toy("leaves", files={"/usr/bin/leaves": ""}, scripts="%post\necho kept > /usr/share/kept\n"))
    client.done("install", "leaves", "app")
    client.done("remove", "leaves")
    assert (client.tree / "usr/share/kept").exists()
    printed = client.done("recompose")
    assert "Packages: the same\n" in printed
    assert "Besides the databases of packages, the files of both trees differ in 1 path: 'dnf tree diff" in printed
    assert not (client.tree / "usr/share/kept").exists() and (client.tree / "usr/bin/app").exists()
    assert "the files of both trees are the same." in client.done("recompose")


def test_an_upgrade_follows_the_ref_and_then_the_packages(client: Host, stream: Stream) -> None:
    client.done("install", "app")
    new = stream.publish("1.2")
    printed = client.done("upgrade")
    assert f"{BASE}  1.2  commit {new[:12]}" in printed and "Packages: 1 upgraded\n" in printed
    assert client.status()[0]["base"] == new and streams.requests(client) == {"packages": ["app"]}
    client.offer(Toy("app", "2", {"/usr/bin/app": "2\n"}))
    assert "Base packages" not in client.done("upgrade")
    assert (client.tree / "usr/bin/app").read_text() == "2\n"
    done = client.dnf("-y", "upgrade", "--unchanged-exit-77")
    assert done.returncode == 77 and "Nothing to do." in done.stdout


@pytest.mark.parametrize(("policy", "base", "tool"), [("packages", "1.1", "2"), ("tree", "1.2", "2")])
def test_what_an_upgrade_is_about(client: Host, stream: Stream, policy: str, base: str, tool: str) -> None:
    (client.folder / "plugins.d/ostree.conf").write_text(f"[main]\nupgrade={policy}\n")
    stream.publish("1.2")
    client.done("upgrade")
    status = client.status()[0]
    assert (status["base_version"] or status["version"]) == base
    assert (client.tree / "usr/bin/toy-tool").read_text() == f"{tool}\n"
    client.offer(Toy("toy-tool", "3", {"/usr/bin/toy-tool": "3\n"}))
    client.done("upgrade")
    assert (client.tree / "usr/bin/toy-tool").read_text() == ("2\n" if policy == "tree" else "3\n")


def test_check_and_preview_deploy_nothing(client: Host, stream: Stream) -> None:
    client.done("install", "other")
    before, refs = client.deployments(), refs_of(client)
    nothing = client.dnf("upgrade", "--check", "--setopt=excludepkgs=toy-tool")
    assert nothing.returncode == 77 and "Nothing to do." in nothing.stdout
    stream.publish("1.3")
    check = client.dnf("upgrade", "--check")
    assert check.returncode == 0 and "Packages: 1 upgraded, 2 added\nNothing was deployed: this was a preview." in (
        check.stdout
    )
    preview = client.dnf("upgrade", "--preview")
    assert "  Upgraded    toy-tool 1-1 -> 2-1\n  Added       app-1-1.noarch\n" in preview.stdout
    assert client.deployments() == before and refs_of(client) == refs
    assert "Added       app" in client.dnf("install", "app", "--preview").stdout
    assert client.deployments() == before
    client.done("upgrade")
    assert client.status()[0]["base_version"] == "1.3"


def test_an_older_commit_is_refused(client: Host, stream: Stream) -> None:
    stream.publish("1.3")
    client.done("upgrade")
    stream.publish("1.2")
    for command in (["upgrade"], ["rebase", BASE], ["system-switch", BASE]):
        said = refusal(client, *command)
        assert f"{BASE} is now at commit " in said and "which is older than the base of this host" in said
        assert "(--allow-downgrade takes it)" in said
    client.done("upgrade", "--allow-downgrade")
    assert client.status()[0]["version"] == "1.2"


def test_names_that_mean_nothing(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    for command in ("rebase", "system-switch"):
        assert "toys has no ref toy/1/pluss\n(did you mean toy/1/plus?)" in refusal(client, command, "toys:toy/1/pluss")
        assert "there is no remote toy\n(did you mean toys?)" in refusal(client, command, "toy:toy/1/plus")
        assert "there is no commit abcdef0123 in" in refusal(client, command, "abcdef0123")
        assert "a b is no refspec" in refusal(client, command, "a b")
    assert "toys has no ref nothing\n(it has toy/1/base, toy/1/plus)" in refusal(client, "rebase", "nothing")


def test_a_tree_without_rpm_database(client: Host, stream: Stream) -> None:
    bare = client.folder / "bare"
    (bare / "usr/etc").mkdir(parents=True)
    ostree("commit", f"--repo={stream.repo}", "--branch=toy/bare", f"--tree=dir={bare}")
    ostree("summary", "-u", f"--repo={stream.repo}")
    for command in ("rebase", "system-switch"):
        done = client.dnf("-y", command, "toys:toy/bare")
        assert done.returncode == 1 and "has no rpm database: it is no tree of packages" in done.stdout
    assert len(client.deployments()) == 1


def test_a_tree_for_another_machine(client: Host, stream: Stream) -> None:
    ostree("checkout", f"--repo={stream.repo}", "--user-mode", BASE_REF, f"{client.folder}/alien")
    row = "[('glibc', '0', '1', '1', 's390x'), ('toys', '0', '1', '1', 'noarch')]"
    ostree(
        "commit",
        f"--repo={stream.repo}",
        "--branch=toy/alien",
        f"--tree=dir={client.folder}/alien",
        f"--add-metadata=rpmostree.rpmdb.pkglist={row}",
    )
    ostree("summary", "-u", f"--repo={stream.repo}")
    said = refusal(client, "rebase", "toys:toy/alien")
    assert "is a tree for s390x; this host is x86_64" in said


def test_what_is_pulled_already_needs_no_network(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    client.done("rebase", PLUS)
    client.done("rebase", BASE)
    stream.repo.rename(stream.repo.with_name("gone"))
    said = refusal(client, "rebase", PLUS)
    assert "pulling toy/1/plus from toys: " in said and "did you mean" not in said
    said = refusal(client, "upgrade")
    assert r"'dnf upgrade \*' upgrades packages without asking for a newer tree" in said
    client.done("-C", "rebase", PLUS)
    assert client.status()[0]["version"] == "p1"


def test_what_is_there_already_is_nothing_to_do(client: Host) -> None:
    for command in (["recompose"], ["rebase", BASE]):
        done = client.dnf("-y", *command, "--unchanged-exit-77")
        assert done.returncode == 77 and "Nothing to do: that is the tree that there is." in done.stdout
    assert len(client.deployments()) == 1
    client.done("install", "app")
    done = client.dnf("-y", "system-switch", BASE, "--unchanged-exit-77")
    assert done.returncode == 77 and len(client.deployments()) == 2
    assert "That is the tree that there is; 'dnf recompose' makes it anew.\n" in done.stdout
    assert "Nothing to do." in done.stdout


def test_only_what_was_asked_for_can_be_forgotten(client: Host) -> None:
    client.done("install", "app", "other")
    said = refusal(client, "recompose", "--forget", "apps")
    assert "nothing that was asked for is called apps\n(did you mean app?)" in said
    client.done("recompose", "--forget", "app")
    assert streams.requests(client) == {"packages": ["other"]}
    assert "app" not in streams.names(client) and "lib" not in streams.names(client)


def test_a_preview_is_not_for_every_command(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    printed = client.dnf("rebase", PLUS, "--preview")
    assert printed.returncode == 0 and "Nothing was deployed: this was a preview." in printed.stdout
    assert "  Packages: 1 added\n  Added       extra-1-1.noarch\n" in printed.stdout
    assert "'dnf rollback' knows no preview; --assumeno shows what it does" in refusal(client, "rollback", "--preview")


def test_advisories_are_shown_and_kept(client: Host) -> None:
    composing.describe(client.repository, client.folder, "updateinfo", UPDATES)
    preview = client.dnf("install", "app", "--preview").stdout
    assert "Packages: 2 added; 1 advisory, 1 about security\n" in preview
    assert "  Advisory    TOY-1 (security, important)\n" in preview
    client.done("install", "app")
    old, new = (status["checksum"] for status in reversed(client.status()))
    assert "TOY-1 (security, important): CVE-1" in client.done("tree", "diff", old, new)
    client.done("remove", "app")
    assert "rpmostree.advisories" not in client.done("tree", "show", client.status()[0]["checksum"])
