# SPDX-License-Identifier: GPL-2.0-or-later
"""How an image is named: by skopeo, by a user, and in an origin, where rpm-ostree and bootc read it."""

from __future__ import annotations

import dataclasses
import os

from ostree_layer.errors import RepoError

REGISTRY, FOLDER, ARCHIVE = "docker://", "oci:", "oci-archive:"
TRANSPORTS = (REGISTRY, FOLDER, ARCHIVE)
# Who vouches for it: nobody, the signature policy of containers, or the GPG keys of an ostree remote.
UNVERIFIED, UNVERIFIED_REGISTRY = "ostree-unverified-image:", "ostree-unverified-registry:"
SIGNED = "ostree-image-signed:"
BY_REMOTE, BY_REMOTE_REGISTRY = "ostree-remote-image:", "ostree-remote-registry:"
FORMS = (*TRANSPORTS, UNVERIFIED, UNVERIFIED_REGISTRY, SIGNED, BY_REMOTE, BY_REMOTE_REGISTRY)
HINT = "it is docker://HOST/NAME:TAG, oci:DIR:TAG or oci-archive:FILE"


@dataclasses.dataclass(frozen=True)
class Reference:
    """An image under skopeo's `name`; `remote` is the ostree remote whose keys have to have signed the commit."""

    name: str
    remote: str = ""

    @property
    def word(self) -> str:
        """What a user writes for it, and reads."""
        return f"{BY_REMOTE}{self.remote}:{self.name}" if self.remote else self.name

    @property
    def in_origin(self) -> str:
        """The value of container-image-reference."""
        if self.word != self.name:
            return self.word
        if self.name.startswith(REGISTRY):
            return UNVERIFIED_REGISTRY + self.name[len(REGISTRY) :]
        return UNVERIFIED + self.name


def is_image(word: str) -> bool:
    """Whether a word that names a tree names an image."""
    return word.startswith(FORMS) or "://" in word


def parse(word: str) -> Reference:
    """An image by any of its names; RepoError where it is none."""
    if word.startswith(UNVERIFIED):
        return Reference(_name(word[len(UNVERIFIED) :]))
    if word.startswith(UNVERIFIED_REGISTRY):
        return Reference(_name(REGISTRY + word[len(UNVERIFIED_REGISTRY) :]))
    if word.startswith(SIGNED):
        hint = f"{BY_REMOTE}REMOTE:IMAGE has the signature of the commit checked, by the keys of an ostree remote"
        raise RepoError(f"{word} asks for signatures of containers, which are not checked here", hint=hint)
    for form, prefix in ((BY_REMOTE, ""), (BY_REMOTE_REGISTRY, REGISTRY)):
        if word.startswith(form):
            remote, _, rest = word[len(form) :].partition(":")
            return Reference(_name(prefix + rest), remote)
    return Reference(_name(word))


def followed(value: str) -> str:
    """What a user writes for the image of an origin; empty for one that only other tools can follow."""
    try:
        return parse(value).word
    except RepoError:
        return ""


def _name(name: str) -> str:
    """skopeo's name, paths in it from the root on."""
    if name.startswith("registry:"):
        name = REGISTRY + name[len("registry:") :]
    transport = next((known for known in TRANSPORTS if name.startswith(known)), "")
    where = name[len(transport) :]
    if not transport or not where or where.startswith(":"):
        raise RepoError(f"{name} is no name of an image", hint=HINT)
    if transport == REGISTRY:
        return name
    path, colon, tag = where.partition(":")
    return f"{transport}{os.path.abspath(path)}{colon}{tag}"
