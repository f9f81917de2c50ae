# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that say what is in a commit of a repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ostree_layer.model import Advisory, LocalCommit, Package, PackageDiff
from ostree_layer.rpm_model import Change


@dataclasses.dataclass(frozen=True)
class Tree:
    """A commit, and the ref that leads to it; `timestamp` is in seconds since the epoch, `size` in bytes.

    `size` and `packages` are None where nobody can say: the commit does not, and its content is not here.
    """

    ref: str
    checksum: str
    timestamp: int
    version: str
    is_partial: bool
    size: int | None
    packages: tuple[Package, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of a commit; `key` is a fingerprint, or as much of it as is known, perhaps that of a subkey.

    `verdict` is "good", "bad" or "unchecked", the last where the key is not known; `reason` says why it is bad.
    """

    kind: str
    key: str
    primary_key: str = ""
    user: str = ""
    verdict: str = "unchecked"
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Certification:
    """A signed record that a result was good for a commit; `time` is ISO 8601 in UTC, as its signer has written it.

    `file` and `sha256` are those of the result, `tests` is how many ran; `problem` says why, whoever signed it, the
    record certifies nothing.
    """

    time: str
    file: str
    sha256: str
    tests: int | None
    signature: Signature
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return self.signature.verdict == "good" and not self.problem

    @property
    def reason(self) -> str:
        """Why it is not good."""
        unknown = "its key is not known" if self.signature.verdict == "unchecked" else ""
        return self.problem or unknown or self.signature.reason


@dataclasses.dataclass(frozen=True)
class Details:
    """All that is to be said of a commit; `others` are the metadata keys that are not said otherwise, as text.

    `results` is what the certifications quote, by SHA-256.
    """

    tree: Tree
    content_checksum: str
    parent: str
    subject: str
    local: LocalCommit | None
    signatures: tuple[Signature, ...]
    certifications: tuple[Certification, ...]
    results: dict[str, str]
    others: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Step:
    """A commit in a history; `changes` is what it changed, None where that cannot be told.

    `before` is the commit that the history goes on with; `missing` is the one that it should go on with where that is
    not in the repository. Both can be empty.
    """

    checksum: str
    timestamp: int
    version: str
    command: str
    changes: PackageDiff | None
    before: str
    missing: str


@dataclasses.dataclass(frozen=True)
class FileChange:
    """How a path differs between two commits: "added", "removed" or "changed", and then in what."""

    path: str
    kind: str
    what: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How two commits differ; what was not asked for is None."""

    old: str
    new: str
    packages: PackageDiff
    advisories: tuple[Advisory, ...] = ()
    files: tuple[FileChange, ...] | None = None
    changelogs: tuple[tuple[Package, tuple[Change, ...]], ...] | None = None

    def __bool__(self) -> bool:
        return bool(self.packages or self.files)


@dataclasses.dataclass(frozen=True)
class Finding:
    """A file of a package that is not as packaged: "missing", or in what it differs; a note is no error."""

    package: str
    path: str
    what: tuple[str, ...]
    is_note: bool


@dataclasses.dataclass(frozen=True)
class PackageCheck:
    """The files of packages: how many were compared, how many belong where a commit has nothing, and what was found."""

    compared: int
    elsewhere: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> Iterator[Finding]:
        return (finding for finding in self.findings if not finding.is_note)

    @property
    def notes(self) -> Iterator[Finding]:
        return (finding for finding in self.findings if finding.is_note)


@dataclasses.dataclass(frozen=True)
class SignatureCheck:
    """The signatures of a commit, and the keys that should have signed or certified it and have not."""

    signatures: tuple[Signature, ...]
    absent: tuple[str, ...]
    certifications: tuple[Certification, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.absent and all(signature.verdict != "bad" for signature in self.signatures)


@dataclasses.dataclass(frozen=True)
class Verification:
    """What became of verifying a commit: `objects` is how many were read, `damaged` what is wrong with some.

    `packages` is None where there is no rpm database, or where damage keeps it from being compared.
    """

    checksum: str
    objects: int
    damaged: tuple[str, ...]
    signed: SignatureCheck
    packages: PackageCheck | None

    @property
    def is_good(self) -> bool:
        packages_fit = self.packages is None or not any(self.packages.errors)
        return not self.damaged and self.signed.is_good and packages_fit
