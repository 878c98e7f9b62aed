"""`garnet demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from garnet_cli.actions.demo import Demo, DemoResult, DemoSettings
from garnet_cli.cli.commands import invocation
from garnet_cli.cli.output import Output
from garnet_cli.errors import GarnetError


def demo(
    context: typer.Context,
    *,
    tiny: Annotated[bool, typer.Option("--tiny", help="A random model: no download, no sense.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the fleet running, with commands to try.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write what users saw as JSON.")] = False,
) -> None:
    """Run a fleet of two nodes on this machine, ask it a question, and swap its model under traffic."""
    output = invocation(context).output(as_json=as_json)
    inner = Output(stdout=output.stderr if as_json else output.stdout, stderr=output.stderr, environment={})
    one = Demo(
        DemoSettings(tiny=tiny, keep=keep),
        lambda line: _garnet(line, inner),
        lambda text: inner.line(f"\n{text}"),
    )
    result = one.run()
    output.report(result, lambda out: render(out, result))
    if keep:
        output.note("\nThe fleet is still running. Try:")
        for hint in one.hints():
            output.note(f"  {hint}")
    if result.total.failed or result.total.dropped:
        raise GarnetError("users noticed the swap", remedy="see above")


def render(output: Output, result: DemoResult) -> None:
    """Write what users saw before, during and after the swap."""
    output.line()
    rows = [
        (one.name, one.requests, one.failed, one.dropped, _shown(one.p50_ms), _shown(one.p95_ms))
        for one in (*result.phases, result.total)
    ]
    columns = ("the swap", "requests", "failed", "dropped", "p50 ms", "p95 ms")
    output.table(columns, rows, title="What users saw")
    for problem in result.problems[:10]:
        output.line(problem)
    output.line(f"the swap took {result.swap_seconds:.1f} s")


def _garnet(line: list[str], output: Output) -> int:
    from garnet_cli.cli.main import run  # noqa: PLC0415 -- main imports this module by name

    return run(line, output)


def _shown(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"
