# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf system-switch`: another tree, with what the user asked for."""

from __future__ import annotations

import shutil

from tests import composing, streams, toys
from tests.composing import MODULES
from tests.streams import NEW_TOOL, Stream
from tests.sysroots import OLD_TOOL, Host, ostree
from tests.toys import APP, Toy

PLUS, NEXT, BASE = "toys:toy/1/plus", "toys:toy/2/base", "toys:toy/1/base"
COMPS = """<comps><group><id>apps</id><name>Apps</name><description/><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">app</packagereq></packagelist></group></comps>
"""


def test_packages_come_along(client: Host, stream: Stream) -> None:
    plus = stream.publish("p1")
    client.done("install", "app")
    before = client.deployments()
    printed = client.done("system-switch", PLUS)
    assert f"Tree:\n  toys:toy/1/plus  p1  commit {plus[:12]} of 2023-11-15 01:13 UTC\n  Packages: 1 added\n" in printed
    assert f"\nNew deployment {client.deployments()[0][:12]} (p1). It is in {client.sysroot}.\nComplete!\n" in printed
    assert client.deployments()[1:] == before[:1]
    assert streams.names(client) == {"toy-base", "toy-tool", "extra", "app", "lib"}
    assert streams.requests(client) == {"packages": ["app"]}
    status = client.status()[0]
    assert (status["base"], status["base_version"], status["refspec"]) == (plus, "p1", PLUS)
    assert "install app" in client.done("history", "info", "2")
    assert "system-switch toys:toy/1/plus" in client.done("history", "info", "last")
    client.fsck()


def test_without_requests_it_is_the_composed_tree(client: Host, stream: Stream) -> None:
    plus = stream.publish("p1")
    printed = client.done("system-switch", PLUS)
    assert client.deployments()[0].startswith(plus) and client.status()[0]["refspec"] == PLUS
    assert "Packages: 1 added" in printed and "New deployment" in printed


def test_every_kind_of_request(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    mine = toys.build(Toy("mine", files={"/usr/bin/mine": ""}))
    shutil.copy(mine, client.folder / "mine.rpm")
    comps = client.folder / "comps.xml"
    comps.write_text(COMPS)
    toys.index(client.repository, comps)
    client.done("group", "install", "apps")
    client.done("install", f"{client.folder}/mine.rpm", "other")
    client.done("upgrade", "toy-tool")
    before = streams.requests(client)
    assert set(before) == {"packages", "groups", "replaced", "local"}
    (client.folder / "mine.rpm").unlink()
    client.done("system-switch", PLUS)
    assert streams.requests(client) == before
    assert (client.tree / "usr/bin/mine").exists() and (client.tree / "usr/bin/extra").exists()
    assert (client.tree / "usr/bin/toy-tool").read_text() == "2\n"
    assert client.dnf("group", "list", "--installed").stdout.count("Apps") == 1
    client.fsck()


def test_removed_and_held_back_packages_stay_so(client: Host, stream: Stream) -> None:
    stream.publish("1.2")
    client.done("upgrade")
    client.done("downgrade", "toy-tool")
    stream.publish("1.3")
    printed = client.done("upgrade")
    assert "Base packages that change:\n  Downgraded  toy-tool 2-1 -> 1-1\n" in printed
    assert streams.requests(client) == {"replaced": [OLD_TOOL.nevra]}
    client.done("remove", "app")
    client.done("recompose")
    assert streams.requests(client) == {"replaced": [OLD_TOOL.nevra], "removed": ["app"]}
    assert not (client.tree / "usr/bin/app").exists()


def test_what_the_base_has_is_asked_for_again_when_a_later_one_drops_it(client: Host, stream: Stream) -> None:
    client.done("install", "app", "extra")
    stream.publish("1.3")
    printed = client.done("upgrade")
    assert "In the base already: app\n" in printed
    assert streams.requests(client) == {"packages": ["extra"], "inactive": ["packages:app"]}
    client.done("install", "other")
    assert streams.requests(client) == {"packages": ["extra", "other"], "inactive": ["packages:app"]}
    stream.publish("p1")
    assert "In the base already: extra\n" in client.done("system-switch", PLUS)
    assert streams.requests(client) == {"packages": ["app", "other"], "inactive": ["packages:extra"]}
    assert "app" in streams.names(client)


def test_who_removes_an_inactive_package_does_not_want_it_any_more(client: Host, stream: Stream) -> None:
    client.done("install", "app")
    stream.publish("1.3")
    client.done("upgrade")
    client.done("remove", "app")
    assert streams.requests(client) == {"removed": ["app", "lib"]}


def test_the_targets_release(client: Host, stream: Stream) -> None:
    stream.publish("2.1")
    (client.folder / "repos.d/releases.repo").write_text(
        f"[releases]\nname=releases\nbaseurl=file://{client.folder}/release-$releasever\nenabled=1\ngpgcheck=0\n"
    )
    for release in "12":
        tool = Toy("release-tool", release, {"/usr/bin/release-tool": release})
        toys.repository(client.folder / f"release-{release}", [tool])
    client.done("install", "release-tool")
    assert (client.tree / "usr/bin/release-tool").read_text() == "1"
    client.done("system-switch", NEXT)
    assert (client.tree / "usr/bin/release-tool").read_text() == "2"
    assert "toy-base" in streams.names(client)
    assert "VERSION_ID=2" in (client.tree / "usr/lib/os-release").read_text()


def test_a_tree_with_a_name(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    client.done("install", "app")
    client.done("system-switch", "--name", "mine/gaming", PLUS)
    named = ostree("rev-parse", client.repo, "mine/gaming").strip()
    assert client.deployments()[0].startswith(named)
    listed = client.dnf("tree", "list").stdout
    assert "mine/gaming" in listed and "ostree-layer/local" not in listed
    refused = client.dnf("-y", "system-switch", "--name", "toys:toy/1/base", PLUS)
    assert refused.returncode == 1 and "toys:toy/1/base is no name of a ref" in refused.stdout

    client.done("system-switch", BASE)
    client.done("system-switch", "mine/gaming")
    assert client.deployments()[0].startswith(named)
    assert streams.requests(client) == {"packages": ["app"]}


def test_back_and_forth_downloads_nothing(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    client.done("system-switch", PLUS)
    before = client.deployments()
    ostree("remote", "delete", client.repo, streams.REMOTE)
    printed = client.dnf("-y", "system-switch", before[1].partition(".")[0]).stdout
    assert "New deployment" in printed
    assert client.deployments()[0].startswith(before[1].partition(".")[0])


def test_into_another_stateroot(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    client.done("install", "app")
    refused = client.dnf("-y", "system-switch", "--stateroot", "other", PLUS)
    assert refused.returncode == 1
    assert (
        "there is no stateroot other\n('dnf stateroot list' names them, 'dnf stateroot create' makes one)"
        in refused.stdout
    )
    ostree("admin", "os-init", f"--sysroot={client.sysroot}", "other")
    client.done("system-switch", "--stateroot", "other", PLUS)
    first = client.status()[0]
    assert first["stateroot"] == "other" and first["requests"]["packages"] == ["app"]
    entries = [path.read_text() for path in (client.sysroot / "boot/loader/entries").iterdir()]
    assert len(entries) == 3 and all("root=LABEL=toy" in entry for entry in entries)
    assert (client.sysroot / "ostree/deploy/other/deploy" / f"{first['checksum']}.0/etc/app.conf").exists()


def test_blockers_all_at_once_and_parked(client: Host, stream: Stream) -> None:
    stream.publish("2.1")
    old = Toy("needs-old", files={"/usr/bin/needs-old": ""}, requires=("toy-tool = 1",))
    client.offer(old, Toy("gone", files={"/usr/bin/gone": ""}))
    client.done("install", "needs-old", "gone", "app")
    for name in ("gone", OLD_TOOL.nevra):
        for path in client.repository.glob(f"{name}*.rpm"):
            path.unlink()
    client.offer()
    before = client.deployments()
    refused = client.dnf("-y", "system-switch", NEXT)
    assert refused.returncode == 1 and client.deployments() == before
    assert "2 requests do not fit the new base:\n  gone: no repository has gone\n  needs-old:" in refused.stdout
    assert "nothing provides toy-tool = 1 needed by needs-old-1-1.noarch" in refused.stdout
    assert "(--skip-broken parks them until they fit)\nNothing was deployed: the host is as it was." in refused.stdout

    printed = client.done("--skip-broken", "system-switch", NEXT)
    assert "Parked until it fits: gone (no repository has gone)\n" in printed
    assert "Parked until it fits: needs-old (" in printed
    assert streams.requests(client) == {"packages": ["app"], "parked": ["packages:gone", "packages:needs-old"]}
    client.offer(Toy("gone", files={"/usr/bin/gone": ""}))
    printed = client.done("upgrade")
    assert "Parked until it fits: needs-old (" in printed and "gone (" not in printed
    assert streams.requests(client) == {"packages": ["app", "gone"], "parked": ["packages:needs-old"]}
    client.done("recompose", "--forget", "needs-old")
    assert streams.requests(client) == {"packages": ["app", "gone"]}


def test_requests_that_do_not_fit_each_other(client: Host, stream: Stream) -> None:
    one, two = (Toy(name, files={f"/usr/bin/{name}": ""}) for name in ("one", "two"))
    client.offer(one, two)
    client.done("install", "one", "two")
    stream.publish("1.2")
    client.offer(Toy("two", "1", {"/usr/bin/two": ""}, extra="Conflicts: one"))
    refused = client.dnf("-y", "upgrade")
    assert refused.returncode == 1 and "1 request does not fit the new base:\n  two:" in refused.stdout
    assert "conflicts with one" in refused.stdout
    client.done("upgrade", "--skip-broken")
    assert streams.requests(client)["parked"] == ["packages:two"]
    assert streams.names(client) == {"toy-base", "toy-tool", "one"}


def test_a_split_package_follows_the_base(client: Host, stream: Stream) -> None:
    parts = [Toy("toy-part", v, {"/usr/bin/toy-part": v}, requires=(f"toy-tool = {v}",)) for v in ("1", "2")]
    client.offer(*parts)
    client.done("install", "toy-part-1", "--setopt=best=1")
    assert (client.tree / "usr/bin/toy-part").read_text() == "1"
    stream.publish("1.2")
    client.done("upgrade", "--setopt=best=1")
    assert (client.tree / "usr/bin/toy-part").read_text() == "2"
    assert streams.requests(client) == {"packages": ["toy-part"]} and NEW_TOOL.name in streams.names(client)


def test_keep_leaves_the_base_alone(client: Host) -> None:
    (client.folder / "plugins.d").mkdir(exist_ok=True)
    (client.folder / "plugins.d/ostree.conf").write_text("[main]\nbase=keep\n")
    client.offer(Toy("needs-new", files={"/usr/bin/needs-new": ""}, requires=("toy-tool = 2",)))
    refused = client.dnf("-y", "install", "needs-new")
    assert refused.returncode == 1 and "toy-tool-2-1.noarch is filtered out" in refused.stdout
    assert "Nothing to do." in client.done("upgrade")
    client.done("upgrade", "toy-tool")
    assert (client.tree / "usr/bin/toy-tool").read_text() == "2\n"
    (client.folder / "plugins.d/ostree.conf").unlink()
    printed = client.done("install", "needs-new", APP.name)
    assert "Base packages that change" not in printed


def test_a_module_stream_comes_along(client: Host, stream: Stream) -> None:
    stream.publish("p1")
    client.offer(Toy("app", "2", {"/usr/bin/app": "2\n"}))
    modules = "".join(MODULES.format(stream=number, version=number) for number in "12")
    composing.describe(client.repository, client.folder, "modules", modules)
    client.done("--setopt=module_platform_id=platform:toy", "module", "enable", "toymod:1")
    client.done("install", "app")
    assert (client.tree / "usr/bin/app").read_text() == "1\n"
    assert streams.requests(client) == {"packages": ["app"], "modules": ["toymod:1"]}
    client.done("system-switch", PLUS)
    assert (client.tree / "usr/bin/app").read_text() == "1\n"
    assert streams.requests(client) == {"packages": ["app"], "modules": ["toymod:1"]}
    assert "stream=1" in (client.tree / "etc/dnf/modules.d/toymod.module").read_text()
    client.offer()
    refused = client.dnf("-y", "recompose")
    assert refused.returncode == 1 and "1 request does not fit the new base:\n  module toymod:1:" in refused.stdout


def test_an_rpm_file_waits_as_long_as_its_request(client: Host, stream: Stream) -> None:
    (client.folder / "plugins.d/ostree.conf").write_text("[main]\nhistory=1\n")
    shutil.copy(toys.build(APP), client.folder / "mine.rpm")
    client.done("install", f"{client.folder}/mine.rpm")
    for path in client.repository.glob("app-*.rpm"):
        path.unlink()
    client.offer()
    stream.publish("1.3")
    assert f"In the base already: {APP.nevra}\n" in client.done("upgrade")
    (entry,) = streams.requests(client)["inactive"]
    for name in ("other", "extra"):
        client.done("install", name)
        client.wait_for_cleaner()
    stream.publish("p1")
    client.done("system-switch", PLUS)
    assert streams.requests(client)["local"] == [entry.partition(":")[2]] and "app" in streams.names(client)
