# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf try`: a command that sees packages which are not installed, and leaves nothing."""

from __future__ import annotations

import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostree_layer import mounts
from tests import conftest, guard, streams, sysroots, toys
from tests.sysroots import REF, Host, ostree
from tests.toys import APP, LIB, Toy

COMPS = """<comps><group><id>apps</id><name>Apps</name><description/><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">app</packagereq></packagelist></group></comps>
"""
BROKEN = Toy("broken", requires=("nowhere",))
OPENING = "Trying app: nothing of it stays but what is written to homes, /tmp and /run.\n"
OTHER = "toy/1/other"
# A user of this machine, whose home is nowhere.
NOBODY = pwd.getpwnam("nobody")
WRITE = "echo mine > {0}/mine && cat {0}/mine"


@pytest.fixture(scope="module")
def shared(first_host: Host) -> Iterator[Host]:
    """A host that no test changes, with a home and other things in /var."""
    with tempfile.TemporaryDirectory(prefix="try-", dir=conftest.place()) as work:
        made = sysroots.copied(first_host, Path(work, "host"))
        made.offer(APP, LIB, BROKEN)
        (made.folder / "comps.xml").write_text(COMPS)
        toys.index(made.repository, made.folder / "comps.xml")
        for name in ("home/me", "roothome", "lib/app"):
            (made.var / name).mkdir(parents=True)
        ostree("remote", "add", "--no-gpg-verify", made.repo, "away", f"file://{work}/away")
        yield made


def tried(host: Host, *arguments: str, status: int = 0, **variables: str) -> tuple[str, str]:
    """What `dnf try` prints on stdout and on stderr."""
    before = host.deployments()
    done = host.dnf("-y", "try", *arguments, extra=variables, apart=True)
    assert done.returncode == status, done.stdout + done.stderr
    assert host.deployments() == before and left(host) == []
    return done.stdout, done.stderr


def left(host: Host) -> list[Path]:
    return list((host.work / "staging").iterdir())


def test_a_command_has_the_packages_and_stdout_for_itself(shared: Host) -> None:
    files = ("/usr/bin/app", "/usr/share/toy/kept", "/etc/app.conf")
    printed, told = tried(shared, "app", "--", "cat", "--", *files)
    assert printed == "1\nkept\na=1\n"
    assert told.endswith(f"\nComplete!\n{OPENING}") and "Installing dependencies:\n lib " in told
    assert not (shared.tree / "usr/bin/app").exists()


def test_a_shell_has_a_group_and_stdin(shared: Host) -> None:
    done = shared.dnf("-yq", "try", "@apps", answer="cat /usr/bin/app; echo $$; exit 3\n", extra={"SHELL": "/bin/sh"})
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (3, ["1", "2"])


def test_only_homes_are_written_to(shared: Host) -> None:
    gone, lasting = ("/var/lib/app", "/etc", "/var"), ("/var/home/me", "/var/roothome")
    script = "; ".join(WRITE.format(place) for place in (*gone, *lasting))
    never = "for place in /usr /sysroot /boot /; do touch $place/mine 2>&1; done"
    printed, _told = tried(shared, "lib", "--", "sh", "-c", f"{script}; {never}", status=1)
    assert printed.count("mine\n") == 5 and printed.count("Read-only file system\n") == 4
    written = [path.relative_to(shared.sysroot) for path in shared.sysroot.rglob("mine")]
    var = shared.var.relative_to(shared.sysroot)
    assert sorted(written) == [var / "home/me/mine", var / "roothome/mine"]


def test_other_file_systems_in_var_are_not_written_to(shared: Host) -> None:
    script = f"""mount -t tmpfs tmpfs {shared.var}/lib/app && echo theirs > {shared.var}/lib/app/mine && "$@" &&
        cat {shared.var}/lib/app/mine"""
    argv = shared.dnf_argv("-yq", "try", "lib", "--", "sh", "-c", "cat /var/lib/app/mine; echo mine >/var/lib/app/mine")
    done = guard.run(shared.folder, ["sh", "-c", script, "sh", *argv], shared.environment())
    assert done.stdout.splitlines()[-2:] == ["theirs", "theirs"], done.stdout


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_status_is_that_of_the_command(shared: Host, script: str, status: int) -> None:
    tried(shared, "lib", "--", "sh", "-c", script, status=status)


def test_what_a_command_has_started_ends_with_it(shared: Host) -> None:
    tried(shared, "lib", "--", "sh", "-c", "sleep 86461 >/dev/null 2>&1 &")
    assert not is_running("sleep\x0086461\0")


def is_running(words: str) -> bool:
    return any(words.encode() in command(path) for path in Path("/proc").glob("[0-9]*"))


def command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_user_remains_one(shared: Host) -> None:
    script = "busybox id -u; busybox id -G; echo $USER $LOGNAME $HOME [$PKEXEC_UID] [$MINE]"
    printed = tried(shared, "lib", "--", "sh", "-c", script, PKEXEC_UID=str(NOBODY.pw_uid), MINE="1")[0]
    assert printed.splitlines() == [str(NOBODY.pw_uid), str(NOBODY.pw_gid), f"nobody nobody {NOBODY.pw_dir} [] [1]"]


def test_bad_input(shared: Host) -> None:
    def error(*arguments: str, **variables: str) -> str:
        return tried(shared, *arguments, status=1, **variables)[1]

    assert "\nError: Unable to find a match: nothing\n" in error("nothing", "--", "true")
    assert "nothing provides nowhere needed by broken-1-1.noarch" in error("broken", "--", "true")
    assert "Error: nowhere cannot be run: No such file or directory\n" in error("lib", "--", "nowhere")
    needs = "Error: 'dnf try' needs a package to try, or --tree\n"
    assert error("--", "true").endswith(needs) and error().endswith(needs)
    assert "Error: there is no user 4242 whom" in error("lib", "--", "true", SUDO_UID="4242")
    assert "Error: 'dnf try' knows no preview" in error("lib", "--preview")
    assert "Error: there is no ref or commit nowhere in " in error("lib", "--tree=nowhere", "--", "true")
    assert "Operation aborted." in shared.dnf("try", "lib", "--assumeno").stdout
    assert "Error: pulling toy/1/other from away: " in error("lib", "--tree=away:toy/1/other", "--", "true")


def test_elsewhere_nothing_is_installed(shared: Host) -> None:
    """This machine is sealed: what DNF would install there, it could not."""
    root = shared.folder / "elsewhere"
    for options, variables in (
        ([], {}),
        (["--disableplugin=ostree"], shared.environment()),
        ([f"--installroot={root}", "--releasever=1"], shared.environment()),
    ):
        argv = [*shared.dnf_argv("-y", "try", "lib", *options), "--", "echo", "tried"]
        done = guard.run(shared.folder, argv, variables)
        assert done.returncode == 1 and "Error: " in done.stdout and "Running transaction" not in done.stdout
        assert "host" in done.stdout and not list(root.rglob("*lib"))


def test_what_is_there_already_is_tried_without_any_transaction(shared: Host) -> None:
    printed, told = tried(shared, "toy-tool", "--", "cat", "/usr/bin/toy-tool")
    assert printed == "1\n" and "Nothing to do.\n" in told


def test_downloading_is_not_trying(shared: Host) -> None:
    assert "tried" not in "".join(tried(shared, "lib", "--downloadonly", "--", "echo", "tried"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(shared: Host, number: signal.Signals) -> None:
    child = start(shared, "sh", "-c", "trap '' TERM HUP; echo ready; sleep 86462; sleep 86462")
    child.send_signal(number)
    child.wait(20)
    deadline = time.monotonic() + 5
    while is_running("sleep\x0086462\0"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if number == signal.SIGTERM:
        assert child.returncode == 143 and left(shared) == []
    else:
        tried(shared, "lib", "--", "true")
    assert str(shared.work) not in Path("/proc/self/mountinfo").read_text()


def start(host: Host, *arguments: str) -> subprocess.Popen[str]:
    """`dnf try app`, whose command has said that it is ready."""
    argv = guard.sealed(host.folder, host.dnf_argv("-yq", "try", "app", "--", *arguments))
    environment, pipe = guard.environment(host.folder, host.environment()), subprocess.PIPE
    child = subprocess.Popen(argv, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def test_others_change_the_host_meanwhile(host: Host) -> None:
    host.offer(APP, LIB)
    child = start(host, "sh", "-c", "echo ready; read line; cat /usr/bin/app /usr/share/toy/kept")
    first = host.deployments()[0]
    for act in ("install", "remove"):
        host.done(act, "lib")
    host.wait_for_cleaner()
    assert first not in host.deployments()
    assert child.communicate("go\n", timeout=20)[0] == "1\nkept\n" and left(host) == []


def test_what_is_kept_is_deployed(host: Host) -> None:
    host.offer(APP, LIB)
    refused = host.dnf("-y", "try", "app", "--keep", "--", "sh", "-c", "exit 2")
    assert (refused.returncode, len(host.deployments())) == (2, 1)
    assert refused.stdout.endswith("\nsh has ended with status 2: nothing is kept.\n")
    printed = host.done("try", "--keep", "app", "--", "cat", "/usr/bin/app")
    assert "\nComplete!\nTrying app, which is deployed afterwards.\n1\n" in printed
    assert f"\nNew deployment {host.deployments()[0][:12]} (1.0). It is in {host.sysroot}.\n" in printed
    assert (host.tree / "usr/bin/app").read_text() == "1\n" and streams.requests(host) == {"packages": ["app"]}
    assert "try --keep app" in host.done("history", "info")
    assert "Nothing to keep: that is the tree that there is.\n" in host.done("try", "--keep", "app", "--", "true")
    assert len(host.deployments()) == 2
    host.fsck()


def test_another_tree(host: Host) -> None:
    host.offer(APP, LIB)
    for path in ("usr/bin/extra", "usr/etc/toy.conf"):
        (host.folder / "other" / path).parent.mkdir(parents=True)
        (host.folder / "other" / path).write_text("other\n")
    trees = (f"--tree=ref={REF}", f"--tree=dir={host.folder}/other")
    ostree("commit", host.repo, f"--branch={OTHER}", *trees, "--owner-uid=0", "--owner-gid=0")
    host.done("install", "app")
    words = ("cat", "/usr/bin/extra", "/etc/toy.conf", "/etc/passwd")
    (host.tree / "etc/passwd").write_text("me:x:1:1::/home/me:/bin/sh\n")
    assert tried(host, f"--tree={OTHER}", "--", *words)[0] == "other\nother\nme:x:1:1::/home/me:/bin/sh\n"
    tried(host, f"--tree={OTHER}", "lib", "--", "sh", "-c", "cat /usr/lib/lib && ! cat /usr/bin/app")
    host.done("try", f"--tree={OTHER}", "--keep", "lib", "--", "true")
    assert streams.requests(host) == {"packages": ["lib"]} and (host.tree / "usr/bin/extra").exists()
    host.fsck()


def test_mounts_below_a_folder() -> None:
    assert Path("/proc") in mounts.below(Path("/")) and Path("/proc") not in mounts.below(Path("/proc"))
