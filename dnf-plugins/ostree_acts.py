# SPDX-License-Identifier: GPL-2.0-or-later
"""What `dnf tree` does, seen from DNF: acts that look and acts that change; no plugin by itself, but DNF loads it."""

import contextlib
import functools
import importlib
import json
import os
import pathlib

import dnf
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")


class Act:
    """One of the things that `dnf tree` does; `only_prints` is for one whose output others read."""

    summary = ""
    only_prints = True

    def __init__(self, command):
        self.command, self.base, self.opts = command, command.base, command.opts

    @staticmethod
    def set_argparser(parser):
        pass

    def run(self):
        raise NotImplementedError

    def require_repo(self):
        """The repository of trees that --repo names; the options of DNF have the same name for RPM repositories."""
        if len(self.command.repos) != 1:
            raise dnf.exceptions.Error(_("'dnf tree {}' needs --repo=DIR").format(self.opts.act))
        return pathlib.Path(self.command.repos[0])


class Answering(Act):
    """An act that is one of the library's, under the name of its class, and answers in lines or in JSON."""

    @classmethod
    def set_argparser(cls, parser):
        parser.add_argument("--json", action="store_true", help=_("write JSON"))
        cls.of_library().set_argparser(parser)

    @classmethod
    def of_library(cls):
        raise NotImplementedError

    def answer(self, report):
        raise NotImplementedError

    def run(self):
        from ostree_layer import terminal

        answer = self.answer(terminal.silent if self.opts.json else terminal.progress)
        if self.opts.json:
            print(json.dumps(answer.document(), indent=2))
        else:
            for line in answer.lines:
                print(line, flush=True)  # there may be no end of them
        self.command.cli.demands.success_exit_status = answer.status

    def settings(self):
        from ostree_layer import settings

        return settings.parse(self.command.plugin.read_config(self.base.conf))


class Look(Answering):
    """An act that says something of the commits in a repository, and changes none."""

    @classmethod
    def of_library(cls):
        from ostree_layer import tree_acts

        return tree_acts.ACTS[cls.__name__]

    def answer(self, report):
        from ostree_layer import network

        self.opts.network = network.of(self.base.conf)
        return self.of_library().answer(self.open_repo(), self.opts, report)

    def open_repo(self):
        """The repository that --repo names, or else that of the OSTree host."""
        from ostree_layer import host, tree_acts

        target = None if self.command.repos else host.find_target(self.settings(), os.environ)
        return tree_acts.open_repo(target or self.require_repo(), self.opts)


class Deed(Answering):
    """An act that changes something in the places where trees are kept."""

    only_prints = False

    @classmethod
    def of_library(cls):
        name = cls.__name__
        return getattr(importlib.import_module(f"ostree_layer.hosting.{name}_act"), name.capitalize())

    def run(self):
        from ostree_layer import dnf_base, signals

        signals.end_by_exit()
        try:
            super().run()
        except Exception as e:
            raise dnf.exceptions.Error(dnf_base.sentence(e)) from e

    def answer(self, report):
        return self.of_library().answer(self.means(report), self.opts)

    def means(self, report):
        from ostree_layer import host, network, terminal
        from ostree_layer.hosting.means import Means

        settings = self.settings()
        target = None if self.command.repos else host.find_target(settings, os.environ)
        named = self.require_repo() if self.command.repos else None
        way, fetch = network.of(self.base.conf), functools.partial(network.fetch, self.base)
        pulling = terminal.not_pulling if self.opts.json else terminal.pulling
        return Means(named, target, settings, way, report, pulling, self.confirm, fetch)

    def confirm(self):
        """Whether the user agrees, asked as DNF does before a transaction."""
        conf = self.base.conf
        return conf.assumeyes or (not conf.assumeno and self.base.output.userconfirm())


@contextlib.contextmanager
def told_modules():
    """Say of a Python module that the body does not find what it is needed for."""
    try:
        yield
    except ModuleNotFoundError as e:
        raise dnf.exceptions.Error(_("treefiles need the Python module '{}'").format(e.name)) from e
