# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: `dnf tree`, the command about trees that are composed, on any machine."""

import argparse
import logging
import sys

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

from .ostree_acts import Deed, Look, told_modules
from .ostree_compose import Compose, Schema

_, P_ = dnf.i18n.translation("ostree-layer")

LOOKS = {
    "list": _("list the trees in a repository"),
    "show": _("show what a commit is"),
    "log": _("show a commit and those before it, with their package changes"),
    "diff": _("show how two commits differ"),
    "verify": _("verify the objects, signatures and package files of a commit"),
    "export": _("print the treefile that makes a tree again, or write it with all that it needs"),
}
DEEDS = {
    "host": _("make a folder a store of trees, which any web server can serve"),
    "mirror": _("make a store a copy of another one, or of some of its refs, and keep it so"),
    "publish": _("let a ref of a store lead to a tree, with all that its clients need"),
    "sign": _("sign commits of a store, and its summary"),
    "delta": _("make a static delta between two commits of a store"),
    "prune": _("remove old commits from a store"),
    "repair": _("remove what is damaged in a store, so that it can be brought anew"),
    "serve": _("serve a store on loopback, to try things out"),
    "remote": _("add, list or remove where trees come from, and the keys that they are signed by"),
    "certify": _("record, signed, that a commit has passed a test"),
    "smoketest": _("boot trees in virtual machines, and report whether they are well"),
}
ACTS = {"compose": Compose, "schema": Schema}
for kind, summaries in ((Look, LOOKS), (Deed, DEEDS)):
    ACTS.update((name, type(name, (kind,), {"summary": summary})) for name, summary in summaries.items())


def act_parser(name):
    parser = argparse.ArgumentParser(prog=f"dnf tree {name}", description=ACTS[name].summary, add_help=False)
    ACTS[name].set_argparser(parser)
    return parser


class TreeCommand(dnf.cli.Command):
    plugin = None
    aliases = ("tree",)
    summary = _("compose trees, look at them, and host them")
    # It neither changes nor reads the system that it runs on.
    is_about_deployments = True

    def __init__(self, cli):
        super().__init__(cli)
        # DNF knows the options of commands only, and would print its own help.
        for name in {"-h", "--help"}.intersection(cli.base.args) and ACTS.keys() & set(cli.base.args):
            act_parser(name).print_help()
            sys.exit(0)

    @staticmethod
    def set_argparser(parser):
        acts = "; ".join(f"{name}: {act.summary}" for name, act in ACTS.items())
        parser.add_argument("act", choices=ACTS, metavar="|".join(ACTS), help=acts)
        # Of an option that only an act knows, DNF would make the one of its own that begins like it: --allowerasing.
        parser.add_argument("--all", action="store_true", help=argparse.SUPPRESS)
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=_("'dnf tree ACT --help' lists them"))

    def pre_configure(self):
        self.act = ACTS[self.opts.act](self)
        with told_modules():
            act_parser(self.opts.act).parse_intermixed_args(self.opts.arguments, self.opts)
        # DNF would look for an RPM repository of this name.
        self.repos, self.opts.repo = self.opts.repo, []
        if self.act.only_prints or getattr(self.opts, "print", False) or getattr(self.opts, "json", False):
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import dnf_base, errors

        try:
            with told_modules():
                self.act.run()
        except (errors.OstreeLayerError, OSError) as e:
            raise dnf.exceptions.Error(dnf_base.sentence(e)) from e


class OstreeTreePlugin(dnf.Plugin):
    name = "ostree-tree"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        TreeCommand.plugin = self
        # A name that somebody else has taken would break every dnf command.
        if cli is not None and "tree" not in cli.cli_commands:
            cli.register_command(TreeCommand)
