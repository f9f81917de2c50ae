# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of such images: labels, annotations, architectures, and where a repository is in the layers."""

from __future__ import annotations

REPO = "sysroot/ostree/repo"
# The commit, and the digest of its last layer, before compression: what comes on top is not of the commit.
COMMIT, FINAL = "ostree.commit", "ostree.final-diffid"
# What older tools wrote in the place of the latter.
FORMER_FINAL = "ostree.diffid"
# Of a layer: that it has the commit, or whose files are in it.
ENCAPSULATED, COMPONENTS = "ostree.encapsulated", "ostree.components"
BOOTABLE, BOOTC, LINUX = "ostree.bootable", "containers.bootc", "ostree.linux"
VERSION, FORMER_VERSION = "org.opencontainers.image.version", "version"
# In a commit: what a container of it runs.
COMMAND = "ostree.container-cmd"
# The words of containers for the architectures of packages, where they differ.
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64", "armhfp": "arm", "i386": "386", "loongarch64": "loong64"}
