# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: `dnf tree`, the command about trees that are composed, on any machine."""

import argparse
import logging
import pathlib
import sys

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


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


class Compose(Act):
    summary = _("compose a tree from a treefile or a kickstart")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("treefile", metavar="TREEFILE", help=_("a treefile, in YAML or JSON, or a kickstart"))
        parser.add_argument("--print", action="store_true", help=_("print the treefile merged with its includes"))
        parser.add_argument("--json", action="store_true", help=_("print JSON, not YAML"))

    def run(self):
        from ostree_layer import treefile
        from ostree_layer.treefile import rendering

        if not self.opts.print:
            sentence = _("'dnf tree compose' cannot compose yet; with --print it shows what it says")
            raise dnf.exceptions.Error(sentence)
        read = treefile.read(pathlib.Path(self.opts.treefile), self.base.conf.substitutions["basearch"])
        for sentence in read.ignored:
            logger.info(sentence)
        write = rendering.as_json if self.opts.json else rendering.as_yaml
        sys.stdout.write(write(read.values))


class Schema(Act):
    summary = _("print the JSON Schema of treefiles")

    def run(self):
        from ostree_layer.treefile import rendering

        sys.stdout.write(rendering.schema())


ACTS = {"compose": Compose, "schema": Schema}


def act_parser(name):
    parser = argparse.ArgumentParser(prog=f"dnf tree {name}", description=ACTS[name].summary, add_help=False)
    ACTS[name].set_argparser(parser)
    return parser


class TreeCommand(dnf.cli.Command):
    aliases = ("tree",)
    summary = _("compose trees, and look at them")
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
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=_("'dnf tree ACT --help' lists them"))

    def pre_configure(self):
        self.act = ACTS[self.opts.act](self)
        act_parser(self.opts.act).parse_args(self.opts.arguments, self.opts)
        # DNF would look for an RPM repository of this name.
        self.repos, self.opts.repo = self.opts.repo, []
        if self.act.only_prints:
            self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        from ostree_layer import errors

        try:
            self.act.run()
        except errors.OstreeLayerError as e:
            raise dnf.exceptions.Error(e.sentence()) from e
        except ModuleNotFoundError as e:
            raise dnf.exceptions.Error(_("treefiles need the Python module '{}'").format(e.name)) from e


class OstreeTreePlugin(dnf.Plugin):
    name = "ostree-tree"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        # A name that somebody else has taken would break every dnf command.
        if cli is not None and "tree" not in cli.cli_commands:
            cli.register_command(TreeCommand)
