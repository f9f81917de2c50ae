# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: the command that runs a program with packages that are not installed."""

import logging
import os
import sys

import dnf
import dnf.cli.commands.install
import dnf.cli.option_parser
import dnf.exceptions
import dnf.i18n

from .ostree_command import add_certified_by, register, require_host, terms_of
from .ostree_finish import deploy
from .ostree_guards import guarded, harmless

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")
END_OF_PACKAGES = "--"


class TryCommand(dnf.cli.commands.install.InstallCommand):
    """DNF's install with another end: in the staged root of the plugin `ostree`, of which nothing is kept."""

    aliases = ("try",)
    summary = _("run a shell or a command with packages that are not installed")
    staged_by = None  # the plugin, when there is a staged root
    made_by = caller = None
    is_changed = False
    stdout = 1

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("words", nargs="*", metavar="PACKAGE", help=_("what to try; after '--', a command to run"))
        text = _("deploy what was tried, unless the command fails")
        parser.add_argument("--keep", action="store_true", help=text)
        text = _("start from this tree: REFSPEC, IMAGE, COMMIT or :VERSION")
        parser.add_argument("--tree", metavar="REF", default="", help=text)
        add_certified_by(parser)

    def pre_configure(self):
        """Tell packages from the command, whose output has standard output for itself."""
        words, opts = list(self.base.args), self.opts
        self.program = words[words.index(END_OF_PACKAGES) + 1 :] if END_OF_PACKAGES in words else []
        self.packages = opts.words[: len(opts.words) - len(self.program)]
        if not self.packages and not opts.tree:
            raise dnf.exceptions.Error(_("'dnf try' needs a package to try, or --tree"))
        parse = dnf.cli.option_parser.OptionParser.ParseSpecGroupFileCallback([], "package")
        parse(None, opts, self.packages, None)
        if self.program:
            self.stdout = os.dup(1)
            os.dup2(2, 1)

    @property
    def outlasts_lock(self):
        return not self.opts.keep

    @guarded
    def configure(self):
        require_host(self.opts)
        opts = self.opts
        if opts.preview or opts.check:
            raise dnf.exceptions.Error(_("'dnf try' knows no preview: nothing is deployed without --keep"))
        if opts.apply_live and not opts.keep:
            raise dnf.exceptions.Error(_("'dnf try' deploys nothing without --keep, so nothing can be applied"))
        from ostree_layer import caller

        self.caller = caller.find(os.environ)
        self.base.output.post_transaction_output = lambda _transaction: []  # DNF would call it installed
        super().configure()

    def wish(self, settings):
        """The tree to start from, for the library."""
        opts = self.opts
        if not opts.tree:
            return None
        from ostree_layer import journey

        command = journey.KEEP if opts.keep else journey.TRY
        return journey.Wish(command, opts.tree, terms_of(self, settings), opts.from_booted)

    def run(self):
        if self.staged_by is None:  # DNF would install into the machine
            raise dnf.exceptions.Error(_("'dnf try' works on the host alone, and by the plugin ostree"))
        super().run()

    def finish(self, plugin, made_by):
        """The transaction is over."""
        from ostree_layer import terminal

        self.is_changed = harmless(plugin.layering.make)(made_by, terminal.progress)
        self.made_by = made_by

    @harmless
    def run_transaction(self):
        """All that DNF does is done, and told."""
        if self.made_by is None:  # it has only downloaded
            return
        from ostree_layer import trying

        logger.info(self.opening())
        sys.stdout.flush()  # what DNF has printed comes first
        is_kept, place = self.opts.keep, self.staged_by.place
        made = {"is_changed": self.is_changed, "is_kept": is_kept}
        status = trying.try_out(place, self.program, self.caller, stdout=self.stdout, **made)
        if not is_kept or (self.program and status):
            self.cli.demands.success_exit_status = status
            if is_kept:
                logger.warning(_("{} has ended with status {}: nothing is kept.").format(self.program[0], status))
            return
        self.keep()

    def opening(self):
        """What is said before the program takes over."""
        what = _("Trying {}").format(" ".join(self.packages))
        if self.opts.keep:
            return what + _(", which is deployed afterwards.")
        end = "" if self.program else _(" 'exit' ends it.")
        return what + _(": nothing of it stays but what is written to homes, /tmp and /run.") + end

    def keep(self):
        from ostree_layer import terminal

        tree = self.staged_by.layering.commit(terminal.progress)
        if tree is None:
            logger.info(_("Nothing to keep: that is the tree that there is."))
        else:
            deploy(self.staged_by, tree, self.made_by.command)


class OstreeTryPlugin(dnf.Plugin):
    name = "ostree-try"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (TryCommand,))
