# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: on an OSTree host, `dnf history` also says which commit an entry has made."""

import contextlib
import functools
import io
import logging
import os

import dnf
import dnf.conf
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


class OstreeHistoryPlugin(dnf.Plugin):
    name = "ostree-history"
    config_name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        # Asked now: later, the installroot is the tree that the ostree plugin lets DNF read.
        self.is_users_own_root = base.conf._get_priority("installroot") >= dnf.conf.PRIO_COMMANDLINE

    def pre_config(self):
        command = None if self.cli is None or self.is_users_own_root else self.cli.command
        if command is None or command.aliases[0] != "history":
            return
        output = self.base.output
        output.historyListCmd = self.rewritten(output.historyListCmd, self.as_table)
        output.historyInfoCmd = self.rewritten(output.historyInfoCmd, self.as_entries)
        command.run = self.warned(command, command.run)

    def warned(self, command, original):
        """DNF undoes packages: say where an entry has done more than that."""

        @functools.wraps(original)
        def run():
            from ostree_layer import history

            action = command.opts.transactions_action
            commits = (self.commits() or {}) if action in ("undo", "rollback") else {}
            named = command._args2transaction_ids()[0] if commits else []
            entries = [one for one in commits if one > min(named)] if action == "rollback" and named else named
            for line in history.not_undone(commits, entries):
                logger.warning(line)
            return original()

        return run

    def rewritten(self, original, rewrite):
        """What original prints, by way of rewrite; as it is where this is no OSTree host."""

        @functools.wraps(original)
        def tell(*args, **kwargs):
            commits = self.commits()
            if commits is None:
                return original(*args, **kwargs)
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    return original(*args, **kwargs)
            finally:
                print(rewrite(said.getvalue(), commits), end="")

        return tell

    def commits(self):
        from ostree_layer import errors, host, settings

        try:
            target = host.find_target(settings.parse(self.read_config(self.base.conf)), os.environ)
            if target is not None:
                from ostree_layer import history

                return history.read(target)
        except (errors.OstreeLayerError, ImportError) as e:
            logger.warning(_("Which commits the entries have made cannot be told: %s"), e)
        return None

    @staticmethod
    def as_table(text, commits):
        from ostree_layer import history

        return history.with_column(text, commits, lambda cell, width: dnf.i18n.fill_exact_width(cell, width, width))

    @staticmethod
    def as_entries(text, commits):
        from ostree_layer import history

        return history.with_lines(text, commits, dnf.i18n._("Transaction ID :"))
