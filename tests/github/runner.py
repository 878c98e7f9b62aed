"""Runs the steps of a workflow's job as they are written, as GitHub's runner does.

Contexts, files for outputs, environment, PATH and summary, `if:`, `continue-on-error`, composite actions and
the signals of a cancelled run are as there. What is another's action is stood in for by a function. Secrets
are not masked: what the real runner would hide shows up here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.github.command_files import appended, appended_lines
from tests.github.expressions import evaluate, filled, truth

SHELLS = {
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
    None: ["bash", "-e"],
}
PASSED_ON = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_")
"""Settings of this machine's package installer, which a runner has of its own."""


@dataclass
class Step:
    """What became of one step, as the ``steps`` context shows it."""

    outcome: str
    outputs: dict[str, str] = field(default_factory=dict)

    def context(self) -> dict[str, Any]:
        """Return its part of ``steps``."""
        return {"outcome": self.outcome, "conclusion": self.outcome, "outputs": self.outputs}


@dataclass
class Scope:
    """What the steps of one job, or of one composite action in it, share."""

    contexts: dict[str, Any]
    environment: dict[str, str]
    steps: dict[str, Step] = field(default_factory=dict)
    failed: bool = False
    action: Path | None = None


Action = Callable[["Runner", Mapping[str, str]], Mapping[str, str]]


class Runner:
    """One runner with an empty workspace; ``log`` is all that its steps have printed."""

    def __init__(self, folder: Path, actions: Mapping[str, Path | Action], temp: Path | None = None) -> None:
        """Make its folders below ``folder``; ``actions`` by name without their version.

        An action is the folder of a composite one, which is run, or a function that stands in for it.
        ``temp`` is RUNNER_TEMP, if several are to find in it what they installed, as steps of one job do.
        """
        self.workspace, self.home = folder / "work", folder / "home"
        self.temp = temp or folder / "temp"
        for each in (self.workspace, self.temp, self.home):
            each.mkdir(parents=True, exist_ok=True)
        self.actions = actions
        self.path: list[str] = []
        self.log = ""
        self.summary = ""
        self.cancelled = False
        self.given: dict[str, Mapping[str, str]] = {}
        """Outputs of steps, by their id, that are taken as done."""
        self._signalled = False
        self.running: subprocess.Popen[str] | None = None
        self.extra_environment: dict[str, str] = {}
        self.artifacts: dict[str, Path] = {}

    def run_job(
        self, workflow: Mapping[str, Any], name: str, contexts: Mapping[str, Any] | None = None
    ) -> dict[str, Step]:
        """Run a job's steps and return what became of those that have an id."""
        job = workflow["jobs"][name]
        base: dict[str, Any] = {"secrets": {}, "vars": {}, "github": {}, "inputs": {}, "matrix": {}}
        scope = Scope({**base, "runner": {"temp": str(self.temp)}, **(contexts or {})}, {})
        for source in (workflow, job):
            scope.environment.update(self._filled(source.get("env", {}), scope))
        self.run_steps(job["steps"], scope)
        return scope.steps

    def run_steps(self, steps: Sequence[Mapping[str, Any]], scope: Scope) -> None:
        """Run the steps in order, each where its ``if:`` lets it."""
        for number, step in enumerate(steps):
            key = step.get("id", f"__{number}")
            condition = str(step.get("if", "success()"))
            if not any(word in condition for word in ("success()", "failure()", "always()", "cancelled()")):
                condition = f"success() && ({condition})"
            if not truth(self._value(condition, scope)):
                scope.steps[key] = Step("skipped")
                continue
            given = self.given.get(key)
            ended = self._step(step, scope) if given is None else Step("success", dict(given))
            scope.steps[key] = ended
            if ended.outcome != "success" and not step.get("continue-on-error"):
                scope.failed = True

    def cancel(self, number: signal.Signals) -> None:
        """Send what the runner of a cancelled run sends: to the process that it started, and to no other."""
        self.cancelled = self._signalled = True
        assert self.running is not None
        self.running.send_signal(number)

    def _step(self, step: Mapping[str, Any], scope: Scope) -> Step:
        environment = {**scope.environment, **self._filled(step.get("env", {}), scope)}
        if "run" in step:
            return self._run(step, scope, environment)
        name = step["uses"].partition("@")[0]
        given = self._filled(step.get("with", {}), scope)
        action = self.actions[name]
        if isinstance(action, Path):
            return self._composite(action, given, scope, environment)
        return Step("success", dict(action(self, given)))

    def _composite(
        self, folder: Path, given: Mapping[str, str], caller: Scope, environment: dict[str, str]
    ) -> Step:
        action = yaml.safe_load((folder / "action.yml").read_text())
        unknown = set(given) - set(action["inputs"])
        assert not unknown, f"{folder} has no input {unknown}"
        missing = {name for name, key in action["inputs"].items() if key.get("required")} - set(given)
        assert not missing, f"{folder} wants {missing}"
        defaults = {name: str(key.get("default", "")) for name, key in action["inputs"].items()}
        # A composite action sees neither the caller's secrets nor its steps.
        seen = {name: caller.contexts[name] for name in ("github", "runner", "vars", "matrix")}
        scope = Scope({**seen, "inputs": {**defaults, **given}}, environment, action=folder)
        self.run_steps(action["runs"]["steps"], scope)
        outputs = {
            name: filled(output["value"], self._contexts(scope), self._functions(scope))
            for name, output in action.get("outputs", {}).items()
        }
        return Step("failure" if scope.failed else "success", outputs)

    def _run(self, step: Mapping[str, Any], scope: Scope, environment: dict[str, str]) -> Step:
        shell = step.get("shell")
        assert shell or scope.action is None, "a composite action's step must name its shell"
        folder = Path(tempfile.mkdtemp(prefix="step", dir=self.home))
        script = folder / "script.sh"
        script.write_text(filled(step["run"], self._contexts(scope), self._functions(scope)))
        files = {name: folder / name for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for each in files.values():
            each.touch()
        where = filled(str(step.get("working-directory", ".")), self._contexts(scope), {})
        self._signalled = False
        with (folder / "log").open("w+") as log:
            self.running = subprocess.Popen(
                [*SHELLS[shell], str(script)],
                cwd=self.workspace / where,
                env=self._environment(scope, environment, files),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
            code = self.running.wait(float(step.get("timeout-minutes", 9)) * 60)
            log.seek(0)
            self.log += log.read()
        self.running = None
        scope.environment.update(appended(files["ENV"].read_text()))
        self.path[:0] = appended_lines(files["PATH"].read_text())
        self.summary += files["STEP_SUMMARY"].read_text()
        outputs = appended(files["OUTPUT"].read_text())
        shutil.rmtree(folder)
        outcome = "cancelled" if self._signalled else "success" if code == 0 else "failure"
        return Step(outcome, outputs)

    def _environment(
        self, scope: Scope, environment: Mapping[str, str], files: Mapping[str, Path]
    ) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        own |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        said = {f"GITHUB_{key.upper()}": value for key, value in scope.contexts["github"].items()}
        github = {key: value for key, value in said.items() if isinstance(value, str)}
        github |= {f"GITHUB_{name}": str(path) for name, path in files.items()}
        if scope.action:
            github["GITHUB_ACTION_PATH"] = str(scope.action)
        return {
            **own,
            **self.extra_environment,
            **environment,
            **github,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([*self.path, system]),
            "RUNNER_TEMP": str(self.temp),
        }

    def _filled(self, values: Mapping[str, Any], scope: Scope) -> dict[str, str]:
        contexts, functions = self._contexts(scope), self._functions(scope)
        return {
            name: filled(str(value).lower() if isinstance(value, bool) else str(value), contexts, functions)
            for name, value in values.items()
        }

    def _value(self, condition: str, scope: Scope) -> Any:
        expression = condition.removeprefix("${{").removesuffix("}}")
        return evaluate(expression, self._contexts(scope), self._functions(scope))

    def _contexts(self, scope: Scope) -> dict[str, Any]:
        steps = {name: step.context() for name, step in scope.steps.items()}
        return {**scope.contexts, "env": scope.environment, "steps": steps}

    def _functions(self, scope: Scope) -> dict[str, Callable[[], bool]]:
        return {
            "always": lambda: True,
            "cancelled": lambda: self.cancelled,
            "success": lambda: not scope.failed and not self.cancelled,
            "failure": lambda: scope.failed and not self.cancelled,
        }


def set_up_python(runner: Runner, given: Mapping[str, str]) -> Mapping[str, str]:
    """Stand in for actions/setup-python: this Python, whatever version is asked for."""
    assert tuple(map(int, given["python-version"].split("."))) >= (3, 11)
    folder = runner.home / "python"
    folder.mkdir(exist_ok=True)
    base = getattr(sys, "_base_executable", sys.executable)
    for name in ("python", "python3"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(base)
    runner.path.insert(0, str(folder))
    return {"python-path": str(folder / "python")}
