# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of a treefile: one table, from which parser, merge, printing and JSON Schema come."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ostree_layer.treefile import merging
from ostree_layer.treefile.kinds import (
    Anything,
    Kind,
    ListOf,
    MapOf,
    Marked,
    OneOrMany,
    Packages,
    Record,
    Scalar,
    Value,
)

TEXT = Scalar("a string", (str,))
FLAG = Scalar("true or false", (bool,))
NUMBER = Scalar("a whole number", (int,))
TEXT_OR_NUMBER = Scalar("a string or a whole number", (str, int))
VARIABLE = Scalar("a string, a number, true or false", (str, int, float, bool))
NAMES = ListOf(TEXT, "a list of strings")
PACKAGES = Packages(TEXT, "a list of strings")
FREE = MapOf(Anything())
PATHS = OneOrMany(Marked(TEXT), "a string or a list of strings")


REPO_ID = re.compile(r"[-.:\w]+", re.ASCII)
LOCATIONS = ("baseurl", "metalink", "mirrorlist")
REPO_OPTIONS = """
    name cost priority enabled gpgcheck gpgkey repo_gpgcheck includepkgs excludepkgs module_hotfixes metadata_expire
    skip_if_unavailable countme proxy proxy_username proxy_password proxy_auth_method username password user_agent
    sslverify sslcacert sslclientcert sslclientkey bandwidth throttle minrate timeout retries ip_resolve fastestmirror
    max_parallel_downloads deltarpm deltarpm_percentage enablegroups type
""".split()


class PathsOrTreefile(Kind):
    """Of a conditional include: paths of treefiles, or a treefile that stands there itself."""

    words = "a path, a list of paths or a treefile"

    def read(self, value: Value, key: str) -> Any:
        return value if isinstance(value.content, dict) else PATHS.read(value, key)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [PATHS.schema(), {"$ref": "#"}]}


class Option(Scalar):
    """As text, which is what a *.repo file has."""

    def read(self, value: Value, key: str) -> str:
        content = super().read(value, key)
        return str(int(content)) if isinstance(content, bool) else str(content)


class Repository(Record):
    """The options of one repository."""

    def read(self, value: Value, key: str) -> dict[str, Any]:
        if not REPO_ID.fullmatch(key.partition(".")[2]):
            raise value.mark.error(key, "the name of a repository has letters, digits and -_.: only")
        options = super().read(value, key)
        if not options.keys() & set(LOCATIONS):
            raise value.mark.error(key, f"{', '.join(LOCATIONS)}: one of them is missing")
        return options


@dataclass(frozen=True)
class Key:
    """One key: what it wants, how two files merge, and what is to be known about it.

    A key that is `ignored` is accepted without effect, one that is `refused` is an error unless it has the `harmless`
    value; both say why.
    """

    name: str
    kind: Kind
    merge: Callable[[Any, Any], Any]
    description: str
    default: Any = None
    is_substituted: bool = False
    ignored: str = ""
    refused: str = ""
    harmless: Any = None


def flag(name: str, description: str, *, default: bool = False) -> Key:
    return Key(name, FLAG, merging.first, description, default)


def text(name: str, description: str, *choices: str, is_substituted: bool = False) -> Key:
    kind = Scalar(f"one of {', '.join(choices)}", (str,), choices) if choices else TEXT
    return Key(name, kind, merging.first, description, choices[0] if choices else "", is_substituted)


def names(name: str, description: str, kind: Kind = NAMES) -> Key:
    return Key(name, kind, merging.concatenated, description, [])


def union(name: str, description: str, kind: Kind = NAMES) -> Key:
    return Key(name, kind, merging.united, description, [])


def mapping(name: str, description: str, kind: Kind = FREE, *, is_substituted: bool = False) -> Key:
    return Key(name, kind, merging.overlaid, description, {}, is_substituted)


def ignored(name: str, why: str, kind: Kind) -> Key:
    return Key(name, kind, merging.first, f"Accepted without effect: {why}.", ignored=why)


def refused(name: str, why: str, kind: Kind | None = None, harmless: Any = None) -> Key:
    return Key(name, kind or Anything(), merging.first, f"Refused: {why}.", refused=why, harmless=harmless)


def check(name: str, file: str) -> Key:
    entries = MapOf(OneOrMany(NUMBER, "a number or a list of numbers"))
    kind = Scalar("one of none, previous, file, data", (str,), ("none", "previous", "file", "data"))
    members = {"type": kind, "filename": TEXT, "entries": entries}
    description = f"What the ids in {file} are compared with: none, previous (commit), file (filename), data (entries)."
    return Key(name, Record(members, ("type",)), merging.first, description, {"type": "previous"})


OPTION = Option("a string, a whole number, true or false", (str, int, bool))
ARCHES = tuple("aarch64 armhfp i386 loongarch64 mips64el ppc64 ppc64le riscv64 s390x x86_64".split())
OF_A_HOST = "it says what a host is, not what a tree is made of"
FOREIGN = "it is for other tools"
TABLE = (
    Key("edition", Scalar("2014 or 2024", (str, int), ("2014", "2024", 2014, 2024)), merging.first,
        "Which defaults hold; 2024: boot-location modules, and tmp-is-dir.", "2014"),
    text("ref", "The branch that commits go to.", is_substituted=True),
    text("base-refspec", "The commit to derive the tree from, instead of from nothing.", is_substituted=True),
    text("basearch", "The only architecture that this can be composed on."),
    Key("releasever", TEXT_OR_NUMBER, merging.first, "$releasever of the repositories, and a variable.", ""),
    mapping("variables", "What ${name} stands for, and what conditions ask for.", MapOf(VARIABLE)),
    names("include", "Treefiles to build upon; what is said here has the say, and in lists comes last.", PATHS),
    mapping("arch-include", "The same, by architecture.", Record(dict.fromkeys(ARCHES, PATHS))),
    names("conditional-include", "The same, where all conditions (name == value; or !=, <, <=, >, >=) hold.",
          ListOf(Record({"if": PATHS, "include": PathsOrTreefile()}, ("if", "include")))),
    names("repos", "Repositories, from *.repo files beside the treefile; without it, all that are enabled."),
    mapping("repositories", "Repositories that no *.repo file has, by id: their options; repos names those to use.",
            MapOf(Repository(dict.fromkeys((*LOCATIONS, *REPO_OPTIONS), OPTION)))),
    names("lockfile-repos", "Repositories for locked packages only."),
    mapping("repovars", "Variables of the *.repo files.", MapOf(TEXT)),
    union("packages", "Packages or what they provide; 'podman >= 4.1' in single quotes is one.", PACKAGES),
    Key("repo-packages", ListOf(Record({"repo": TEXT, "packages": PACKAGES}, ("repo", "packages"))), merging.pinned,
        "Packages to take from one repository.", []),
    union("groups", "Groups and environments of the repositories' comps."),
    Key("modules", Record({"enable": PACKAGES, "install": PACKAGES}), merging.members_united,
        "Module streams to enable, and modules to install.", {}),
    text("platform-module", "The platform that modules are chosen for.", is_substituted=True),
    names("exclude-packages", "Packages that must not come; one that another needs is an error."),
    flag("recommends", "Install weak dependencies.", default=True),
    flag("documentation", "Install documentation.", default=True),
    names("install-langs", "Locales whose files are installed."),
    names("ostree-layers", "Refs whose files are added; a conflict is an error."),
    names("ostree-override-layers", "Refs whose files are put over all else."),
    names("add-files", "Files beside the treefile and their places: [[file, /usr/...]].",
          ListOf(ListOf(TEXT, "a list of two strings", 2, 2))),
    names("remove-files", "Paths to remove."),
    names("remove-from-packages", "Files to remove, by package: [[package, regular expression...]].",
          ListOf(ListOf(TEXT, "a list of a package and expressions", 2))),
    names("postprocess", "Scripts that run in the tree, those of later includes first."),
    Key("postprocess-script", TEXT, merging.first, "A file with one more such script, the last.", ""),
    names("units", "systemd units to enable."),
    text("default-target", "The systemd target to boot into."),
    flag("machineid-compat", "An empty /etc/machine-id; false: none, so that presets are applied.", default=True),
    names("etc-group-members", "Groups of /usr/lib/group that /etc/group has, too."),
    flag("preserve-passwd", "Keep the ids of the previous commit.", default=True),
    check("check-passwd", "passwd"),
    check("check-groups", "group"),
    union("ignore-removed-users", "Users that may be missing; * is any."),
    union("ignore-removed-groups", "Groups that may be missing; * is any."),
    flag("selinux", "Label files by the tree's own policy.", default=True),
    text("boot-location", "Where kernels are: new is /usr/lib/ostree-boot too.", "new", "modules", "kernel-install"),
    names("initramfs-args", "Arguments of dracut."),
    flag("no-initramfs", "Make no initramfs."),
    flag("container", "No kernel is needed; tmp-is-dir, and no SELinux labels."),
    flag("tmp-is-dir", "/tmp is a directory, not a link."),
    flag("readonly-executables", "Take the write bits off executables."),
    text("rpmdb", "Whose rpm must be able to read the rpm database: the tree's own, as with older names, or any.",
         "target", "host", "bdb", "ndb", "sqlite"),
    flag("rpmdb-normalize", "The same rpm database for the same input, which is always so."),
    text("automatic-version-prefix", "What versions begin with; <date:%Y%m%d> is a date.", is_substituted=True),
    Key("automatic-version-suffix", TEXT, merging.first, "One character between prefix and number.", "."),
    text("mutate-os-release", "What the version takes the place of in os-release.", is_substituted=True),
    mapping("metadata", "Anything, for other tools.", is_substituted=True),
    mapping("add-commit-metadata", "Metadata of the commit.", is_substituted=True),
    text("repo-metadata", "Where the commit names its repositories.", "inline", "detached", "disabled"),
    text("advisories-metadata", "Where the commit names its advisories.", "inline", "detached", "disabled"),
    Key("container-cmd", NAMES, merging.first, "The command of a container image.", []),
    text("gpg-key", "The key to sign commits with."),
    ignored("rojig", "nothing reads it any more", FREE),
    ignored("cliwrap", "trees made by DNF have nothing to wrap", FLAG),
    ignored("cliwrap-binaries", "trees made by DNF have nothing to wrap", NAMES),
    ignored("selinux-label-version", "/usr/etc is always labelled as /etc, as 1 wants it",
            Scalar("0 or 1", (int,), (0, 1))),
    ignored("comment", FOREIGN, Anything()),
    ignored("osname", FOREIGN, TEXT),
    refused("ignore-devices", "an OSTree commit has no device files", FLAG, harmless=True),
    refused("ima", "signatures of single files are not kept", FLAG, harmless=False),
    refused("opt-usrlocal", "/opt and /usr/local are links into /usr, beside what the admin has there", TEXT, "var"),
    *(refused(name, OF_A_HOST) for name in (
        "container-image-reference packages-local packages-local-fileoverride override-remove ex-override-replace"
        " override-replace-local initramfs custom override-commit unconfigured-state").split()),
)  # fmt: skip
BY_NAME = {key.name: key for key in TABLE}
# Other spellings of the same; bootstrap_packages are packages too.
LEGACY = {
    name.replace("-", "_"): name
    for name in (
        "gpg-key boot-location default-target automatic-version-prefix repo-metadata advisories-metadata".split()
    )
}
MORE_PACKAGES = "bootstrap_packages"
ARCH_PACKAGES = "packages-"
EXTRA_PACKAGES = (MORE_PACKAGES, *(ARCH_PACKAGES + arch for arch in ARCHES))
KNOWN = (*BY_NAME, *LEGACY, *EXTRA_PACKAGES)
