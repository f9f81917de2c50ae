# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of what DNF has done in a staged root; no plugin by itself, but DNF loads what is beside plugins."""

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n

from .ostree_guards import guarded, harmless

_, P_ = dnf.i18n.translation("ostree-layer")


def require_sense_of(opts, place):
    """Refuse what could not be done in the end, before anything is."""
    if opts.apply_live:
        from ostree_layer import live_act

        live_act.require_possible(place.locked)


@harmless
def transact(plugin, original, display):
    """Let DNF run its transaction, and say why it failed where DNF does not know."""
    from ostree_layer import dnf_base, solver

    layering = plugin.layering
    if layering.move.is_going and not solver.has_work(plugin.base):
        return solver.ask(plugin.base, layering.move.lines())
    complaints = dnf_base.Complaints()
    shown = list(display) if isinstance(display, (list, tuple)) else [display]
    try:
        tid = original([*shown, complaints])
    except dnf.cli.CliError:
        raise
    except dnf.exceptions.Error as e:
        reasons = [str(e).rstrip(), str(complaints), *layering.reasons()]
        raise dnf.exceptions.Error(": ".join(filter(None, reasons))) from e
    if dnf_base.has_failed(plugin.base):  # which of DNF's own programs dnf only says
        reasons = filter(None, [str(complaints), *layering.reasons()])
        raise dnf.exceptions.Error("; ".join(reasons) or dnf.i18n._("Transaction failed"))
    layering.rpm_ended(str(complaints))
    return tid


def finish(plugin):
    """Let a tree be made of it, and show that, try it or deploy it, as the user wants."""
    from ostree_layer import host, model, terminal

    layering, opts = plugin.layering, plugin.program.opts
    made_by = model.Transaction(command=plugin.program.words(plugin.base), user=host.calling_user())
    if hasattr(plugin.program.command, "finish"):
        plugin.program.command.finish(plugin, made_by)
        return
    tree, deployed = harmless(layering.write)(made_by, terminal.progress), None
    if tree is None:
        is_asked = opts.check or opts.preview or opts.unchanged_exit_77
        plugin.cli.demands.success_exit_status = 77 if is_asked else 0
        plugin.tell([_("Nothing to do: that is the tree that there is.")] if layering.move.is_going else [])
    elif opts.check or opts.preview:
        plugin.tell(layering.move.preview(tree, in_full=opts.preview))
    else:
        deployed = deploy(plugin, tree, made_by.command)
    if plugin.automatic is not None:
        plugin.automatic.has_made(deployed)


def deploy(plugin, tree, command):
    """Deploy a tree that was made, and say so."""
    from ostree_layer import terminal

    name = plugin.wish.name if plugin.wish else ""
    deployed = harmless(plugin.layering.deploy)(tree, command, terminal.progress, name)
    plugin.has_deployed = True
    plugin.tell([*plugin.layering.move.difference(tree), *terminal.installed(deployed)])
    if plugin.program.opts.apply_live:
        apply_live(plugin)
    return deployed


@guarded
def apply_live(plugin):
    """Let the host run the deployment that was made; where that fails, it is there all the same."""
    from ostree_layer import live_act, live_words, terminal

    move = plugin.layering.move
    applied = live_act.apply(move.place.target, move.settings.not_live, terminal.progress)
    plugin.tell(live_words.applied(applied))
