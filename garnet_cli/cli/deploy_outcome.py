"""How a deploy ends: its summary for people, programs, GitHub and the alerts route, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from garnet_cli.actions.deploy.result import DeployResult
from garnet_cli.actions.deploy.telling import COLUMNS, ROUTE, hints, message, rows, sentence
from garnet_cli.cli.output import Output, markdown_table
from garnet_cli.errors import GarnetError, HeldError, RolledBackError
from garnet_cli.fleet.inventory import DeploySettings, Inventory
from garnet_cli.fleet.secrets_file import read_secrets


def conclude(output: Output, result: DeployResult, inventory: Inventory, environ: Mapping[str, str]) -> None:
    """Tell of ``result`` everywhere.

    Raises :class:`RolledBackError` or :class:`HeldError` for its exit code.
    """
    output.report(result.as_json(), lambda out: _render(out, result))
    table = markdown_table(COLUMNS, rows(result))
    output.summary(f"### garnet deploy\n\n{sentence(result)}\n\n{table}")
    tell_route(output, result, inventory, environ)
    if result.outcome == "reverted":
        raise RolledBackError(sentence(result), remedy="; ".join(hints(result)) or None)
    if result.outcome == "split":
        raise GarnetError(sentence(result), remedy="run the same command again once that node is well")
    if result.outcome == "held":
        raise HeldError(sentence(result), remedy="; ".join(hints(result)))
    for node in result.nodes:
        if node.error:
            output.warning(f"{node.node}: {node.error}")


def tell_route(
    output: Output, result: DeployResult, inventory: Inventory, environ: Mapping[str, str]
) -> None:
    """Send the summary on the alerts route; a failure is told and changes nothing."""
    from node_scripts.monitor.alerts.delivery import deliver_to_each, urls_of  # noqa: PLC0415 -- apprise is slow

    urls = urls_of(ROUTE, read_secrets(inventory, environ))
    if not urls:
        output.note("nobody is told: the alerts route has no URL here")
        return
    for delivered in deliver_to_each(message(result, inventory.fleet.name), urls):
        if not delivered.ok:
            output.warning(f"the summary did not reach {delivered.service}: {delivered.why}")


@contextmanager
def interrupted(careful: DeploySettings) -> Iterator[None]:
    """Say on Ctrl-C what becomes of the nodes that were changed."""
    try:
        yield
    except KeyboardInterrupt as error:
        back = f"nodes that were changed take themselves back in about {careful.grace_s:.0f} s"
        raise KeyboardInterrupt(f"{back}; `garnet deploy resume` within that time goes on") from error


def _render(output: Output, result: DeployResult) -> None:
    if result.nodes:
        output.table(COLUMNS, rows(result), left_out_first=("as",))
    if result.outcome == "done":
        # Otherwise it is the error's line.
        output.line(sentence(result))
