# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: `dnf tree`, the command about trees that are composed, on any machine."""

import logging
import pathlib
import sys

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


class TreeCommand(dnf.cli.Command):
    aliases = ("tree",)
    summary = _("look at what a tree is composed from")
    # It neither changes nor reads the system that it runs on.
    is_about_deployments = True

    @staticmethod
    def set_argparser(parser):
        acts = _("compose: compose a tree from a treefile; schema: print the JSON Schema of treefiles")
        parser.add_argument("act", choices=("compose", "schema"), metavar="compose|schema", help=acts)
        parser.add_argument("treefile", nargs="?", metavar="TREEFILE", help=_("a treefile, in YAML or JSON"))
        parser.add_argument("--print", action="store_true", help=_("print the treefile merged with its includes"))
        parser.add_argument("--json", action="store_true", help=_("print JSON, not YAML"))

    def pre_configure(self):
        # What DNF has to say besides must not end up in what is printed.
        self.cli.redirect_logger(stdout=logging.WARNING, stderr=logging.INFO)

    def run(self):
        # A plugin that cannot be imported is a plugin that is not there: the library is imported when it is needed.
        try:
            from ostree_layer import errors, treefile
            from ostree_layer.treefile import rendering
        except ModuleNotFoundError as e:
            raise dnf.exceptions.Error(_("treefiles need the Python module '{}'").format(e.name)) from e

        if self.opts.act == "schema":
            sys.stdout.write(rendering.schema())
            return
        self.require_what_is_there()
        try:
            read = treefile.read(pathlib.Path(self.opts.treefile), self.base.conf.substitutions["basearch"])
        except errors.TreefileError as e:
            raise dnf.exceptions.Error(e.sentence()) from e
        for sentence in read.ignored:
            logger.info(sentence)
        write = rendering.as_json if self.opts.json else rendering.as_yaml
        sys.stdout.write(write(read.values))

    def require_what_is_there(self):
        if self.opts.treefile is None:
            raise dnf.exceptions.Error(_("'dnf tree compose' needs a treefile"))
        if not self.opts.print:
            sentence = _("'dnf tree compose' cannot compose yet; with --print it shows what the treefile says")
            raise dnf.exceptions.Error(sentence)


class OstreeTreePlugin(dnf.Plugin):
    name = "ostree-tree"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        # A name that somebody else has taken would break every dnf command.
        if cli is not None and "tree" not in cli.cli_commands:
            cli.register_command(TreeCommand)
