# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: what was done to the /usr of a running OSTree host by hand becomes a deployment."""

import dnf
import dnf.i18n

from .ostree_command import ChangingCommand, register

_, P_ = dnf.i18n.translation("ostree-layer")


class SystemCommitCommand(ChangingCommand):
    aliases = ("system-commit",)
    can_reboot = True
    summary = _("make a deployment of what was changed in /usr by hand")

    @staticmethod
    def set_argparser(parser):
        parser.add_argument("-m", "--message", default="", metavar="TEXT", help=_("the subject of the new commit"))

    def act(self, target):
        from ostree_layer import choice, host, model, system_commit, system_commit_words, terminal

        opts, report = self.opts, terminal.progress
        with system_commit.planned(target, report, from_booted=opts.from_booted) as plan:
            if not plan.found:
                print(_("Nothing to do: nothing was changed in /usr by hand."))
                self.cli.demands.success_exit_status = 77 if opts.unchanged_exit_77 else 0
                return
            title, former = choice.title(plan.locked, plan.start), plan.former
            wanted = plan.wanted.requests
            print("\n".join(system_commit_words.found(plan.found, title, former, wanted, in_full=opts.verbose)))
            self.confirm()
            made_by = model.Transaction(command=" ".join(["dnf", *self.base.args]), user=host.calling_user())
            deployed = plan.carry_out(self.base, self.settings, made_by, opts.message, report)
        print("\n".join(terminal.installed(deployed)))
        self.has_deployed = True


class OstreeByHandPlugin(dnf.Plugin):
    name = "ostree-by-hand"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        register(self, (SystemCommitCommand,))
