# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that uses DNF, for the ostree plugin; no plugin by itself, but DNF loads what is beside plugins."""

import argparse

# What dnf-automatic, which has no command line of DNF, says in the place of one.
NO_OPTIONS = argparse.Namespace(
    apply_live=False,
    automatic=False,
    check=False,
    from_booted=False,
    preview=False,
    reboot=False,
    releasever=None,
    soft_reboot=False,
    unchanged_exit_77=False,
)


class Program:
    """`dnf` with one of its commands, `dnf-automatic`, or any other, of which nothing is known."""

    def __init__(self, cli):
        self.cli = cli

    @property
    def command(self):
        return self.cli.command if self.cli is not None else None

    @property
    def opts(self):
        return self.command.opts if self.command is not None else NO_OPTIONS

    @property
    def name(self):
        """That of the command, or of the program where it has none."""
        return self.command.aliases[0] if self.command is not None else "dnf-automatic"

    @property
    def is_dnf_automatic(self):
        return self.cli is not None and self.command is None and self.cli.demands.resolving

    def is_staged(self, plugin):
        """Let the command know that DNF will not touch the machine itself."""
        if self.command is not None:
            self.command.staged_by = plugin

    def words(self, base):
        """The command line, as the tree that it makes will have it."""
        return " ".join(["dnf", *base.args] if self.command is not None else [self.name])


def around_session(command, finish):
    """Finish when a command of several transactions is done."""
    run, run_transaction = command.run, command.run_transaction

    def run_session():
        try:
            run()
        except SystemExit as e:
            if not e.code:
                finish()
            raise

    def end_session():
        run_transaction()
        finish()

    command.run, command.run_transaction = run_session, end_session
