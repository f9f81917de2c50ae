# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the real thing, in a folder that is gone after the test."""

from __future__ import annotations

import compileall
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import guard, keys, stores, streams, sysroots, toys, tree_repos
from tests.composing import Bench
from tests.stores import Place
from tests.streams import Stream
from tests.sysroots import Host
from tests.tree_repos import Repos

sys.path.append(str(toys.MODULES))
# Sealed runs of dnf could not keep what they compile, and there are thousands of them.
for folder_of_sources in ("dnf-plugins", "ostree_layer", "tests"):
    compileall.compile_dir(guard.CHECKOUT / folder_of_sources, quiet=1)
# Who runs the tests in the background has them ignore it, and so all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Debian's packages are where apt is.
collect_ignore = [] if shutil.which("apt-get") else ["lab/test_real.py", "lab/test_gallery.py"]


def place() -> Path:
    """On a real file system, and not in /tmp or /var/tmp: the guard hides those."""
    place = toys.CACHE / "tests"
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that is gone after the test."""
    path = Path(tempfile.mkdtemp(prefix="test-", dir=place()))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def toy_tree() -> Iterator[Path]:
    """The tree of toy-base and toy-tool."""
    with tempfile.TemporaryDirectory(prefix="tree-", dir=place()) as work:
        repository = toys.repository(Path(work, "rpms"), [sysroots.BASE, sysroots.OLD_TOOL])
        yield sysroots.compose(Path(work), repository, ["toy-base", "toy-tool"])


@pytest.fixture(scope="session")
def first_host(toy_tree: Path) -> Iterator[Host]:
    """What `host` is, to be copied."""
    with tempfile.TemporaryDirectory(prefix="host-", dir=place()) as work:
        made = sysroots.make_host(Path(work, "host"), toy_tree)
        made.offer()
        yield made


@pytest.fixture
def host(folder: Path, first_host: Host) -> Iterator[Host]:
    """A sysroot with one deployment of the toy tree, and an empty repository."""
    made = sysroots.copied(first_host, folder / "host")
    yield made
    made.wait_for_cleaner()


@pytest.fixture
def bench(folder: Path) -> Bench:
    """A place to compose in, with toy-base to begin with."""
    return Bench(folder / "bench")


@pytest.fixture
def keyring(folder: Path) -> Iterator[Path]:
    """A GnuPG home with one throw-away key, whose public half is in `public`."""
    with keys.made(folder / "gnupg", "Toys") as home:
        yield home


@pytest.fixture(scope="session")
def repos(toy_tree: Path) -> Iterator[Repos]:
    """Repositories with a history, to be looked at."""
    with tempfile.TemporaryDirectory(prefix="repos-", dir=place()) as work:
        yield tree_repos.make(Path(work), toy_tree)


@pytest.fixture(scope="session")
def composed() -> Iterator[Path]:
    """The repository of composed trees with a history."""
    with tempfile.TemporaryDirectory(prefix="streams-", dir=place()) as work:
        yield streams.compose(Path(work))


@pytest.fixture(scope="session")
def signer() -> Iterator[Path]:
    """A GnuPG home with a key that nobody changes."""
    with (
        tempfile.TemporaryDirectory(prefix="signer-", dir=place()) as work,
        keys.made(Path(work, "gnupg"), "Toys") as home,
    ):
        yield home


@pytest.fixture(scope="session")
def signed_store(composed: Path, signer: Path) -> Iterator[Place]:
    """A store that signs, with the first version of the first ref, to be copied."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=place()) as work:
        yield stores.stock(Path(work), composed, ["1.1"], *stores.signing(signer))


@pytest.fixture(scope="session")
def full_store(composed: Path) -> Iterator[Place]:
    """A store with all versions of the first ref, to be copied."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=place()) as work:
        yield stores.stock(Path(work), composed, ["1.1", "1.2", "1.3"])


@pytest.fixture(scope="session")
def first_client(composed: Path) -> Iterator[tuple[Stream, Host]]:
    """What `stream` and `client` are, to be copied."""
    with tempfile.TemporaryDirectory(prefix="client-", dir=place()) as work:
        server = streams.begin(composed, Path(work))
        yield server, server.host(Path(work, "client"))


@pytest.fixture
def stream(first_client: tuple[Stream, Host], folder: Path) -> Stream:
    """A server that has published the first of them."""
    return first_client[0].copied(folder)


@pytest.fixture
def client(first_client: tuple[Stream, Host], stream: Stream, folder: Path) -> Iterator[Host]:
    """A host that follows the server's first ref."""
    made = sysroots.copied(first_client[1], folder / "client")
    stream.let_follow(made, first_client[0])
    yield made
    made.wait_for_cleaner()
