"""Loaders with a fault put in: a few characters in a prompt make the running model fail.

The fault comes in through the interpreter's own ``sitecustomize``, on a path that only these jobs
have: the code under test is the one that nodes run.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from garnet_cli.demo.byte_level import byte_alphabet
from node_scripts.contracts import Job
from node_scripts.supervision.orphans import MARK
from tests.fleet.asking import active_loader, local_agent, ready_loader
from tests.fleet.rack import RackNode, eventually

RAISES = "§"
"""The model raises: the generation thread ends, and the loader with it."""
ABORTS = "¶"
"""The process dies at once, as from a segmentation fault."""
MUTES = "¤"
"""The generation thread ends and the process stays, as a loader without Garnet's guards would."""

PATCH = """
import os, sys
if "node_scripts.loader" in sys.orig_argv:
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    from mlx_lm.models import llama

    compute = llama.Model.__call__

    def faulty(self, inputs, *arguments, **named):
        tokens = {token for row in inputs.tolist() for token in row}
        if ABORTS in tokens:
            os.abort()
        if MUTES in tokens:
            sys.modules["__main__"].leave = lambda sockets, code: None
        if tokens & {RAISES, MUTES}:
            raise RuntimeError("a fault put in by a test")
        return compute(self, inputs, *arguments, **named)

    llama.Model.__call__ = faulty
"""


def put_fault_in(node: RackNode, model: str, source: Path) -> None:
    """Have the node's loader of ``model``, made from the tiny model in ``source``, started with the fault."""
    folder = node.root.parent / "fault"
    folder.mkdir(exist_ok=True)
    vocabulary = json.loads((source / "tokenizer.json").read_text())["model"]["vocab"]
    marks = {"RAISES": RAISES, "ABORTS": ABORTS, "MUTES": MUTES}
    lines = [f"{name} = {vocabulary[byte_alphabet()[mark.encode()[-1]]]}" for name, mark in marks.items()]
    (folder / "sitecustomize.py").write_text("\n".join(lines) + PATCH)
    before = active_loader(node, model)
    job = job_of(node, before["spec"]["name"], folder)
    with local_agent(node) as agent:
        agent.ask("ensure_job", job=asdict(job))
    eventually(
        lambda: (loader := ready_loader(node, model)) and loader["pid"] != before["pid"],
        f"the faulty loader of {node.name} is ready",
    )


def job_of(node: RackNode, name: str, first_on_path: Path) -> Job:
    """Return a loader's job as it is, but for a folder that its Python looks into first."""
    lines = (node.root / "etc" / "supervisor" / "jobs" / f"{name}.conf").read_text().splitlines()
    argv = next(json.loads(line.removeprefix(MARK)) for line in lines if line.startswith(MARK))
    release = (node.root / "current").resolve()
    return Job(
        name=name,
        argv=argv,
        working_directory=str(node.root / "served" / name),
        log=str(node.root / "log" / f"{name}.log"),
        environment={"PYTHONPATH": f"{first_on_path}:{release}", "PYTHONUNBUFFERED": "1"},
    )
