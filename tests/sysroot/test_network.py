# SPDX-License-Identifier: GPL-2.0-or-later
"""What DNF's configuration says of downloads holds for trees, too; and downloads that fail."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ostree_layer import downloads, repo
from ostree_layer.model import Network
from tests import guard, keys, servers
from tests.servers import Proxy, Server
from tests.streams import BASE_REF, REMOTE, Stream
from tests.sysroot.test_pulls import GOES_ON, follow
from tests.sysroot.test_rebase import PLUS, refusal
from tests.sysroots import Host, ostree

# What is written to "$1" goes to a disk of 1 MiB.
SMALL = """mkdir /tmp/disk && mount -t tmpfs -o size=1m tmpfs /tmp/disk && mkdir /tmp/disk/upper /tmp/disk/work
    mount -t overlay -o "lowerdir=$1,upperdir=/tmp/disk/upper,workdir=/tmp/disk/work" overlay "$1" && shift && exec "$@"
"""
RATE, SIZE = 200_000, 100_000


@pytest.fixture
def server(client: Host, stream: Stream) -> Iterator[Server]:
    """The stream's server on the network, which the client follows, with another tree."""
    stream.publish("p1")
    with servers.serving(stream.repo) as served:
        follow(client, served.url)
        yield served


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with servers.running(Proxy()) as made:
        yield made


def test_dnfs_proxy(client: Host, server: Server, proxy: Proxy) -> None:
    through = f"--setopt=proxy=http://127.0.0.1:{proxy.server_port}"
    client.done("rebase", PLUS, through, "--setopt=proxy_username=me", "--setopt=proxy_password=a word")
    assert f"{server.url}/config" in proxy.asked and len(proxy.asked) >= len(server.asked)
    assert proxy.rights == {"Basic bWU6YSB3b3Jk"}
    proxy.asked.clear()
    ostree("config", client.repo, "set", f'remote "{REMOTE}".proxy', f"http://127.0.0.1:{proxy.server_port}")
    said = client.done("upgrade", "--setopt=proxy=http://127.0.0.1:1", "--setopt=throttle=1M")
    assert f"{server.url}/config" in proxy.asked, "its own comes first"
    assert f"throttle= does not hold for the remote {REMOTE}, which has a proxy of its own.\n" in said


def test_a_proxy_that_is_away(client: Host, server: Server) -> None:
    assert "Couldn't connect to server" in refusal(client, "rebase", PLUS, "--setopt=proxy=http://127.0.0.1:1")
    said = refusal(client, "rebase", PLUS, "--setopt=proxy=socks5://127.0.0.1:1", "--setopt=throttle=1M")
    assert "Error: throttle= cannot go through the proxy socks5://127.0.0.1:1: it knows HTTP only\n" in said
    assert server.asked == []


def test_throttle(client: Host, server: Server, proxy: Proxy) -> None:
    began = time.monotonic()
    through = [f"--setopt=proxy=http://127.0.0.1:{proxy.server_port}", "--setopt=throttle=200k"]
    client.done("rebase", PLUS, *through)
    size = sum((server.folder / path[1:]).stat().st_size for path in server.content)
    assert proxy.asked and size / (time.monotonic() - began) <= RATE * 1.15
    client.fsck()


@contextlib.contextmanager
def through(folder: Path, rate: int) -> Iterator[str]:
    """The address of the proxy that throttles, as libcurl gets it."""
    ostree("init", f"--repo={folder}/repo")
    ostree("remote", "add", "--no-gpg-verify", f"--repo={folder}/repo", REMOTE, "http://127.0.0.1:1")
    with downloads.going_through(repo.open_repo(folder / "repo"), REMOTE, Network(throttle=rate)):
        yield os.environ["http_proxy"]


def test_a_rate_is_a_rate(folder: Path, proxy: Proxy) -> None:
    """Of two servers at once, and over one connection."""
    files = folder / "files"
    files.mkdir()
    for number in range(3):
        (files / str(number)).write_bytes(os.urandom(SIZE))
    with servers.serving(files) as one, servers.serving(files) as other, through(folder, RATE) as address:
        urls = [f"{server.url}/{number}" for number in range(3) for server in (one, other)]
        began = time.monotonic()
        outputs = [word for url in urls for word in (url, "-o", f"{folder}/{url.replace('/', '-')}")]
        subprocess.run(["curl", "-sSf", "--parallel", "-x", address, *outputs], check=True)
        rate = len(urls) * SIZE / (time.monotonic() - began)
    assert 0.85 * RATE < rate < 1.15 * RATE
    for url in urls:
        assert (folder / url.replace("/", "-")).read_bytes() == (files / url[-1]).read_bytes()


class Chunked(BaseHTTPRequestHandler):
    """Answers with the path, again and again, without saying how often."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"".join(b"%x\r\n%s\r\n" % (len(self.path), self.path.encode()) for _ in range(100)))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_args: object) -> None:
        pass


def test_one_connection_for_several_servers(folder: Path) -> None:
    made = [ThreadingHTTPServer(("127.0.0.1", 0), Chunked) for _number in range(2)]
    with servers.running(made[0]), servers.running(made[1]), through(folder, RATE) as address:
        urls = [
            f"http://127.0.0.1:{made[number].server_port}/{name}" for number, name in ((0, "a"), (1, "b"), (0, "c"))
        ]
        said = subprocess.check_output(["curl", "-sSf", "-x", address, "-w", "%{num_connects}", *urls], text=True)
    assert said == "/a" * 100 + "1" + "/b" * 100 + "0" + "/c" * 100 + "0"


def test_nobody_else_can_use_it(folder: Path) -> None:
    with servers.serving(folder) as server, through(folder, RATE) as address:
        stranger = f"http://stranger:@{address.rpartition('@')[2]}"
        asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-x"]
        assert subprocess.check_output([*asked, stranger, server.url], text=True) == "407"
        assert subprocess.check_output([*asked, address, f"{server.url}/none"], text=True) == "404"
        assert subprocess.check_output([*asked, address, "http://127.0.0.1:1/"], text=True) == "502"
        assert server.asked == ["/none"]


def test_tunnels(folder: Path) -> None:
    (folder / "content").write_bytes(os.urandom(SIZE))
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout"]
    subprocess.run([*words, f"{folder}/key", "-out", f"{folder}/crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    server = Server(folder)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with servers.running(server), through(folder, 2 * RATE) as address:
        url = f"https://localhost:{server.server_port}/content"
        argv = ["curl", "-sSf", "--cacert", f"{folder}/crt", "-x", address, url]
        began = time.monotonic()
        assert subprocess.check_output(argv) == (folder / "content").read_bytes()
        assert time.monotonic() - began > SIZE / (2 * RATE) * 0.85


def test_nothing_is_left_and_nothing_runs_that_is_not_needed(folder: Path) -> None:
    before, threads = dict(os.environ), threading.active_count()
    ostree("init", f"--repo={folder}/repo")
    ostree("remote", "add", "--no-gpg-verify", f"--repo={folder}/repo", REMOTE, "http://127.0.0.1:1")
    store = repo.open_repo(folder / "repo")
    with downloads.going_through(store, REMOTE, Network()):
        assert dict(os.environ) == before and threading.active_count() == threads
    with downloads.going_through(store, REMOTE, Network(proxy="http://127.0.0.1:2", throttle=1000)):
        assert threading.active_count() == threads + 1 and ":2" not in os.environ["http_proxy"]
    assert dict(os.environ) == before and threading.active_count() == threads


def test_a_publisher_at_work(client: Host, stream: Stream, server: Server, keyring: Path) -> None:
    """It replaces summary and signature after the client has read the latter."""
    by = [f"--gpg-homedir={keyring}", f"--gpg-sign={keys.fingerprint(keyring)}"]
    ostree("summary", "-u", f"--repo={stream.repo}", *by)
    verify = ["--no-gpg-verify", "--set=gpg-verify-summary=true", f"--gpg-import={keyring}/public"]
    ostree("remote", "delete", client.repo, REMOTE)
    ostree("remote", "add", *verify, client.repo, REMOTE, server.url)

    def publish(path: str) -> None:
        if path == "/summary" and swaps:
            ostree("refs", f"--repo={stream.repo}", f"--create=toy/{swaps.pop()}", BASE_REF)
            ostree("summary", "-u", f"--repo={stream.repo}", *by)

    swaps, server.before = ["a", "b"], publish
    client.done("rebase", PLUS)
    assert swaps == [] and client.status()[0]["version"] == "p1"
    (stream.repo / "summary.sig").write_bytes(_of_another(stream, by))
    for name in ("summary", "summary.sig"):  # to HTTP, what is of one second is the same
        os.utime(stream.repo / name, (time.time() + 10, time.time() + 10))
    assert "has a signature that does not fit: " in refusal(client, "rebase", f"{REMOTE}:{BASE_REF}")
    assert server.asked[-2:] == ["/summary.sig", "/summary"] and server.asked.count("/summary") > 5


def _of_another(stream: Stream, by: list[str]) -> bytes:
    """The signature of a summary that the server has not any more."""
    ostree("summary", "-u", f"--repo={stream.repo}", *by)
    former = (stream.repo / "summary.sig").read_bytes()
    ostree("refs", f"--repo={stream.repo}", "--create=toy/c", BASE_REF)
    ostree("summary", "-u", f"--repo={stream.repo}", *by)
    return former


def test_connections_that_break(client: Host, server: Server) -> None:
    """A pull goes on with what is missing, as often as DNF would."""
    server.cut_short = ".filez"
    said = refusal(client, "rebase", PLUS, "--setopt=retries=2")
    assert f"Error: pulling toy/1/plus from {REMOTE}: While fetching " in said and GOES_ON in said
    assert max(map(server.asked.count, server.content)) == 1 + 2

    def mend(path: str) -> None:
        if path in server.asked and path.endswith(".dirtree"):
            server.cut_short = ""

    server.before = mend
    server.asked.clear()
    server.cut_short = ".dirtree"
    client.done("rebase", PLUS, "--setopt=retries=1")
    client.fsck()


def test_a_full_disk(client: Host, server: Server) -> None:
    plus = ostree("rev-parse", f"--repo={server.folder}", "toy/1/plus").strip()
    store, before = client.sysroot / "ostree/repo", client.deployments()
    argv = ["sh", "-ec", SMALL, "sh", os.fspath(store), *client.dnf_argv("-y", "rebase", PLUS)]
    done = guard.run(client.folder, argv, client.environment())
    assert done.returncode == 1 and GOES_ON in done.stdout, done.stdout
    assert "min-free-space-size 1MB would be exceeded" in done.stdout
    assert client.deployments() == before
    client.done("rebase", PLUS)
    assert client.deployments()[0].startswith(plus)
    client.fsck()
