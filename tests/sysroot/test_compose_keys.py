# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys of a treefile that choose packages, and what is installed of them."""

from __future__ import annotations

from tests import toys
from tests.composing import MODULES, Bench
from tests.sysroots import BASE
from tests.toys import APP, LIB, Toy

COMPS = """<comps>
<group><id>tools</id><name>Tools</name><uservisible>true</uservisible><packagelist>
<packagereq type="mandatory">app</packagereq><packagereq type="optional">two</packagereq>
</packagelist></group>
<group><id>rest</id><name>Rest</name><packagelist><packagereq type="default">three</packagereq></packagelist></group>
<environment><id>all</id><name>All</name><grouplist><groupid>rest</groupid></grouplist></environment>
</comps>
"""


def test_packages_are_named_in_all_ways(bench: Bench) -> None:
    named = [Toy(name, files={f"/usr/share/{name}": ""}) for name in ("one", "two", "three", "four", "five")]
    four = Toy("four", provides=("what-four-does = 2",))
    old, new = Toy("many", "1"), Toy("many", "2")
    bench.offer(*[toy for toy in named if toy.name != "four"], four, old, new)
    wanted = ["one three", "what-four-does", "'many >= 1'", "/usr/share/five"]
    bench.compose({"packages": wanted, "packages-x86_64": ["two"], "packages-aarch64": ["none"]})
    assert bench.packages() == {"one", "two", "three", "four", "five", "many"}
    said = bench.refusal({"packages": ["one", "'many >= 3'", "none"]})
    assert "tree.json: no repository has many >= 3, none\n(the repositories are toys)" in said


def test_a_package_comes_from_the_repository_that_it_is_pinned_to(bench: Bench) -> None:
    bench.offer(Toy("app", "1"), Toy("app", "2"), LIB)
    other = toys.repository(bench.folder / "other", [Toy("app", "1.5", {"/usr/share/other": ""})])
    repositories = {"toys": {"baseurl": f"file://{bench.rpms}"}, "other": {"baseurl": f"file://{other}"}}
    pinned = [{"repo": "other", "packages": ["app"]}]
    keys = {"repositories": repositories, "repos": ["toys", "other"], "repo-packages": pinned}
    done = bench.attempt(keys, with_toys=False)
    assert done.returncode == 0, done.stdout
    assert bench.packages() == {"app"} and bench.has("/usr/share/other")
    said = bench.refusal({"repos": ["toys", "no-such"]})
    assert "tree.json names repositories that no .repo file has: no-such" in said


def test_repositories_beside_the_treefile_and_their_variables(bench: Bench) -> None:
    bench.file("toys.repo", f"[own]\nname=own\nbaseurl=file://{bench.folder}/$place-$releasever\nenabled=0\n")
    toys.repository(bench.folder / "here-7", [BASE, APP, LIB])
    keys = {"repos": ["own"], "repovars": {"place": "here"}, "packages": ["app"], "releasever": 7}
    bench.compose(keys)
    assert bench.packages() == {"app", "lib"}
    said = bench.refusal({**keys, "repovars": {"place": "there"}})
    assert f"{bench.folder}/there-7" in said or "own" in said


def test_groups_and_environments(bench: Bench) -> None:
    bench.offer(APP, LIB, Toy("two"), Toy("three"))
    (bench.folder / "comps.xml").write_text(COMPS)
    toys.index(bench.rpms, bench.folder / "comps.xml")
    bench.forget()
    bench.compose({"groups": ["tools", "@^all"]})
    assert bench.packages() == {"app", "lib", "three"}
    assert "tree.json: no repository has @games\n" in bench.refusal({"groups": ["games"]})


def test_modules(bench: Bench) -> None:
    bench.offer(Toy("app", "1"), Toy("app", "2"))
    bench.describe("modules", "".join(MODULES.format(stream=n, version=n) for n in "12"))
    bench.compose({"modules": {"enable": ["toymod:1"]}, "packages": ["app"], "platform-module": "platform:toy"})
    assert ("app", "0", "1", "1", "noarch") in bench.metadata()["rpmostree.rpmdb.pkglist"].unpack()
    bench.compose({"modules": {"install": ["toymod:2/common"]}})
    assert ("app", "0", "2", "1", "noarch") in bench.metadata()["rpmostree.rpmdb.pkglist"].unpack()
    assert "toymod:3" in bench.refusal({"modules": {"enable": ["toymod:3"]}})


def test_an_excluded_package_does_not_come_and_must_not_be_needed(bench: Bench) -> None:
    weak = Toy("weak", extra="Recommends: lib")
    bench.offer(APP, LIB, weak)
    bench.compose({"packages": ["weak"], "recommends": True, "exclude-packages": ["lib"]})
    assert bench.packages() == {"weak"}
    said = bench.refusal({"packages": ["app"], "exclude-packages": ["lib"]})
    assert "app" in said and "lib" in said


def test_weak_dependencies_documentation_and_languages(bench: Bench) -> None:
    lang = {f"/usr/share/locale/{name}/toy.mo": name for name in ("de", "fr", "pl")}
    documented = Toy(
        "documented",
        files={"/usr/share/doc/toy": "", **lang},
        attributes={"/usr/share/doc/toy": "%doc", **{path: f"%lang({name})" for path, name in lang.items()}},
        extra="Recommends: lib",
    )
    bench.offer(documented, LIB)
    bench.compose({"packages": ["documented"]})
    assert bench.packages() == {"documented"} and bench.has("/usr/share/doc/toy")
    assert all(map(bench.has, lang))
    keys = {"recommends": True, "documentation": False, "install-langs": ["de", "fr"], "packages": ["documented"]}
    bench.compose(keys)
    assert bench.packages() == {"documented", "lib"} and not bench.has("/usr/share/doc/toy")
    assert [path for path in lang if bench.has(path)] == list(lang)[:2]


def test_a_lockfile_and_its_repositories(bench: Bench) -> None:
    bench.offer(Toy("app", "1"), LIB)
    locked = bench.folder / "lock.json"
    bench.compose({"packages": ["app"]}, f"--write-lockfile-to={locked}")
    first = bench.metadata()["rpmostree.rpmdb.pkglist"].unpack()
    archive = toys.repository(bench.folder / "archive", [Toy("app", "1"), Toy("lib", "9")])
    (bench.rpms / "app-1-1.noarch.rpm").unlink()
    bench.offer(Toy("app", "2"))
    bench.file("archive.repo", f"[archive]\nname=a\nbaseurl=file://{archive}\n")
    keys = {"packages": ["app"], "lockfile-repos": ["archive"]}
    bench.compose(keys)
    assert ("app", "0", "2", "1", "noarch") in bench.metadata()["rpmostree.rpmdb.pkglist"].unpack()
    bench.compose(keys, f"--lockfile={locked}", "--lockfile-strict")
    assert bench.metadata()["rpmostree.rpmdb.pkglist"].unpack() == first
    said = bench.refusal({**keys, "packages": ["app", "lib"]}, f"--lockfile={locked}", "--lockfile-strict")
    assert "tree.json: no repository has lib\n(the repositories are archive, toys, and only what" in said
    (bench.trees / "archive.repo").unlink()
    said = bench.refusal({"packages": ["app"]}, f"--lockfile={locked}")
    assert "packages of the lockfile are in no repository: app-1-1.noarch" in said
