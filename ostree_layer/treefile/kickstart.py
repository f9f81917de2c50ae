# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts: what an installer would put into a host, as keys of a treefile."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, Protocol

from pykickstart import constants
from pykickstart.parser import Packages

from ostree_layer.treefile.kinds import Mark, Value, quoted

CORE = "core"
# The repository that the command url is.
URL = "url"
OF_AN_INSTALLATION = "it says how a host is installed, not what a tree is made of"
# Options of %packages, by pykickstart's names.
WITHOUT_EFFECT = {
    "default": ("--default", "a tree has no default environment; name one, with @^"),
    "handleMissing": ("--ignoremissing", "a package that is missing is an error"),
    "handleBroken": ("--ignorebroken", "a package that cannot be installed is an error"),
    "multiLib": ("--multilib", "a package of another architecture has it in its name, as in glibc.i686"),
    "timeout": ("--timeout", "it is an option of repositories"),
    "retries": ("--retries", "it is an option of repositories"),
}
# Options of repo and url, by pykickstart's names, as a *.repo file has them.
LOCATIONS = ("baseurl", "mirrorlist", "metalink")
SAME = (*LOCATIONS, *"cost includepkgs excludepkgs proxy sslcacert sslclientcert sslclientkey".split())
OPTIONS = {"url": "baseurl", **dict(zip(SAME, SAME))}
MODES = {
    constants.SELINUX_ENFORCING: "enforcing",
    constants.SELINUX_PERMISSIVE: "permissive",
    constants.SELINUX_DISABLED: "disabled",
}
SELINUX = "[ ! -e /etc/selinux/config ] || sed -i 's/^SELINUX=.*/SELINUX={}/' /etc/selinux/config"
UNITS = tuple(f".{kind}" for kind in "service socket timer path target mount automount swap slice".split())


class Kickstart(Protocol):
    """A kickstart that was read: commands, sections and scripts with their places, and pykickstart's handler."""

    commands: list[tuple[str, Mark, Any]]
    sections: list[tuple[str, Mark]]
    scripts: list[tuple[Mark, Any]]
    handler: Any


def keys_of(file: Kickstart, *, is_whole: bool) -> tuple[dict[str, Value], list[str]]:
    """The keys that a kickstart means, and a sentence for each part of it that means nothing to a tree.

    Where it is the whole of what is composed, the group core comes too, as in an installation.
    """
    keys = _Keys()
    for name, mark, _ in file.commands:
        if name not in TAKEN:
            keys.leave(name, mark)
    # A command that stands there twice is one object, and has what was said last.
    for name, mark, data in {id(one[2]): one for one in file.commands if one[0] in TAKEN}.values():
        TAKEN[name](keys, mark, data)
    for name, mark in file.sections:
        if name not in ("%packages", "%post"):
            keys.leave(name, mark)
    where = [mark for name, mark in file.sections if name == "%packages"]
    if where:
        _packages(keys, where[0], file.handler.packages, is_whole=is_whole)
    for mark, script in file.scripts:
        _script(keys, mark, script)
    return keys.values, keys.ignored


class _Keys:
    """What was found so far."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.ignored: list[str] = []

    def put(self, key: str, content: Any, mark: Mark) -> None:
        self.values[key] = _value(content, mark)

    def add(self, key: str, items: Iterable[str], mark: Mark) -> None:
        """Entries of a list; no key where there are none."""
        for item in items:
            self.values.setdefault(key, Value([], mark)).content.append(Value(item, mark))

    def leave(self, what: str, mark: Mark, why: str = OF_AN_INSTALLATION) -> None:
        self.ignored.append(f"{mark}: {what} has no effect: {why}")

    def run(self, line: str, mark: Mark) -> None:
        self.add("postprocess", [f"#!/bin/sh\n{line}\n"], mark)


def _value(content: Any, mark: Mark) -> Value:
    if isinstance(content, dict):
        return Value({name: _value(member, mark) for name, member in content.items()}, mark)
    return Value(content, mark)


def _packages(keys: _Keys, mark: Mark, packages: Any, *, is_whole: bool) -> None:
    """%packages, or what several of them say together."""
    groups = [group.name for group in packages.groupList if ":" not in group.name]
    excluded = [group.name for group in packages.excludedGroupList]
    if "" in (*groups, *excluded, packages.environment):
        raise mark.error("%packages", "a group has no name")
    if is_whole and not packages.nocore and CORE not in [*groups, *excluded]:
        groups.insert(0, CORE)
    keys.add("packages", map(quoted, packages.packageList), mark)
    keys.add("groups", [packages.environment, *groups] if packages.environment else groups, mark)
    keys.add("exclude-packages", packages.excludedList, mark)
    _module(keys, mark, "install", [group.name for group in packages.groupList if ":" in group.name])
    keys.add("install-langs", [lang for lang in (packages.instLangs or "").split(",") if lang], mark)
    if packages.excludeWeakdeps:
        keys.put("recommends", False, mark)
    if packages.excludeDocs:
        keys.put("documentation", False, mark)
    _leave_parts(keys, mark, packages)


def _leave_parts(keys: _Keys, mark: Mark, packages: Any) -> None:
    neutral = Packages()
    for attribute, (option, why) in WITHOUT_EFFECT.items():
        if getattr(packages, attribute, None) != getattr(neutral, attribute, None):
            keys.leave(f"%packages {option}", mark, why)
    for group in packages.groupList:
        if group.include != constants.GROUP_DEFAULT:
            option = "--optional" if group.include == constants.GROUP_ALL else "--nodefaults"
            keys.leave(f"@{group.name} {option}", mark, "of a group come its mandatory and its default packages")
    for group in packages.excludedGroupList:
        if group.name != CORE:
            keys.leave(f"-@{group.name}", mark, f"it takes back an @{group.name} before it, and excludes no packages")


def _module(keys: _Keys, mark: Mark, act: str, streams: list[str]) -> None:
    if streams:
        keys.values.setdefault("modules", Value({}, mark))
        keys.values["modules"].content.setdefault(act, Value([], mark)).content.extend(
            Value(one, mark) for one in streams
        )


def _of_module(keys: _Keys, mark: Mark, data: Any) -> None:
    if getattr(data, "enable", True):
        _module(keys, mark, "enable", [f"{data.name}:{data.stream}" if data.stream else data.name])
    else:
        keys.leave(f"module --disable --name={data.name}", mark, "a module that is not enabled is not used")


def _repo(keys: _Keys, mark: Mark, data: Any) -> None:
    """A repository of its own, or one of a *.repo file."""
    name = getattr(data, "name", URL)
    keys.add("repos", [name], mark)
    values = {attribute: getattr(data, attribute, None) for attribute in OPTIONS}
    given = {OPTIONS[attribute]: _text(value) for attribute, value in values.items() if value}
    if data.noverifyssl:
        given["sslverify"] = "0"
    if not given.keys() & set(LOCATIONS):
        if given or getattr(data, "install", False):
            keys.leave(f"repo --name={name} with other options", mark, "its *.repo file has them")
        return
    # A kickstart has no place for a key.
    given["gpgcheck"] = "0"
    known = keys.values.setdefault("repositories", Value({}, mark)).content
    if name in known:
        raise mark.error("repo", f"{name} is here already, in line {known[name].mark.line}")
    known[name] = _value(given, mark)
    if getattr(data, "install", False):
        lines = "\n".join([f"[{name}]", f"name={name}", *(f"{option}={value}" for option, value in given.items())])
        keys.run(f"cat > /etc/yum.repos.d/{shlex.quote(name)}.repo << 'EOF'\n{lines}\nEOF", mark)


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _lang(keys: _Keys, mark: Mark, data: Any) -> None:
    keys.run(f"echo {shlex.quote(f'LANG={data.lang}')} > /etc/locale.conf", mark)
    if data.addsupport:
        keys.leave("lang --addsupport", mark, "%packages names the packages of languages, as in langpacks-de")


def _services(keys: _Keys, mark: Mark, data: Any) -> None:
    keys.add("units", map(_unit, data.enabled), mark)
    if data.disabled:
        keys.run(f"systemctl disable {shlex.join(map(_unit, data.disabled))}", mark)


def _unit(service: str) -> str:
    return service if service.endswith(UNITS) else f"{service}.service"


def _selinux(keys: _Keys, mark: Mark, data: Any) -> None:
    if data.selinux is not None:
        keys.run(SELINUX.format(MODES[data.selinux]), mark)
    if data.selinux == constants.SELINUX_DISABLED:
        keys.put("selinux", False, mark)


def _xconfig(keys: _Keys, mark: Mark, data: Any) -> None:
    if data.startX:
        keys.put("default-target", "graphical.target", mark)
    else:
        keys.leave("xconfig", mark)


def _skipx(keys: _Keys, mark: Mark, _data: Any) -> None:
    """No desktop: an installer would start such a host without one, too."""
    keys.put("default-target", "multi-user.target", mark)


def _script(keys: _Keys, mark: Mark, script: Any) -> None:
    if script.type != constants.KS_SCRIPT_POST:
        return
    if not script.inChroot:
        keys.leave("%post --nochroot", mark, "scripts run in the tree")
        return
    keys.add("postprocess", [f"#!{script.interp}\n{script.script}"], mark)
    if script.logfile is not None:
        keys.leave("%post --logfile", mark, "what a script prints is shown")


TAKEN = {
    "lang": _lang,
    "module": _of_module,
    "repo": _repo,
    "selinux": _selinux,
    "services": _services,
    "skipx": _skipx,
    "url": _repo,
    "xconfig": _xconfig,
}
