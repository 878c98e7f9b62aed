"""Steps on loaders: their folders, their sockets, their first answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from node_scripts.agent.context import Context, locked, make_folder
from node_scripts.agent.errors import StepError
from node_scripts.agent.jobs import supervising
from node_scripts.agent.logs import Tail
from node_scripts.agent.unix_http import request_json
from node_scripts.files import write_atomically
from node_scripts.loader_stats import PURGE_PATH
from node_scripts.paths import MAX_SOCKET_PATH_BYTES, NodePaths

LOADER_NAME = re.compile(r"loader-([1-9][0-9]{0,5})")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SERIAL_FILE = "serial.json"
ATTEMPT_TIMEOUT_S = 120.0
RETRY_S = 0.25
LOOK_EVERY_S = 1.0
STARTS_BEFORE_HOPELESS = 2
PURGE_TIMEOUT_S = 90.0
OK = 200
NOT_FOUND = 404
KEPT_LOGS = 5
LOG_DAYS = 7.0


def next_serial(paths: NodePaths) -> int:
    """Return the serial that the next loader gets; higher than any ever used here."""
    used = [int(found.group(1)) for found in map(LOADER_NAME.fullmatch, _names(paths.served)) if found]
    try:
        stored = int(json.loads((paths.state / SERIAL_FILE).read_text())["next"])
    except FileNotFoundError:
        stored = 1
    return max([stored, *(number + 1 for number in used)])


def loader_folders(paths: NodePaths) -> list[str]:
    """Return the loaders that have a folder, whether or not anything runs in it."""
    return sorted(name for name in _names(paths.served) if LOADER_NAME.fullmatch(name))


def prepare_loader(context: Context, *, model: str, artifact: str) -> dict[str, Any]:
    """Reserve a serial and make the folder in which its loader will find ``model``."""
    paths = context.paths
    if not MODEL_NAME.fullmatch(model):
        raise StepError("bad_arguments", f"{model!r} cannot name a model")
    if not ARTIFACT_NAME.fullmatch(artifact) or not (paths.artifacts / artifact).is_dir():
        raise StepError("no_artifact", f"artifact {artifact} is not complete on this node")
    make_folder(paths.state)
    make_folder(paths.run)
    with locked(paths.state / "serial.lock", lambda: None, patience_s=10):
        serial = next_serial(paths)
        write_atomically(paths.state / SERIAL_FILE, json.dumps({"next": serial + 1}).encode())
    name = f"loader-{serial}"
    sockets = [str(paths.run / f"{name}.{kind}") for kind in ("http", "stats")]
    if any(len(path.encode()) > MAX_SOCKET_PATH_BYTES for path in sockets):
        raise StepError(
            "bad_path",
            f"the root's path is too long for sockets ({sockets[1]})",
            remedy=f"choose a root of at most {MAX_SOCKET_PATH_BYTES - 24} bytes",
        )
    folder = ensure_loader_folder(context, name=name, model=model, artifact=artifact)
    return {
        "serial": serial,
        "name": name,
        "working_directory": str(folder),
        "http_socket": sockets[0],
        "stats_socket": sockets[1],
    }


def ensure_loader_folder(context: Context, *, name: str, model: str, artifact: str) -> Path:
    """Make the folder of the loader ``name`` as it has to be, if it is not, and return it."""
    folder = make_folder(context.paths.served / name)
    link, target = folder / model, Path("../../artifacts") / artifact
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    os.utime(context.paths.artifacts / artifact)
    return folder


def discard_loader(context: Context, *, name: str) -> dict[str, Any]:
    """Remove what ``prepare_loader`` made, the sockets, and logs of loaders that ended long ago."""
    if not LOADER_NAME.fullmatch(name):
        raise StepError("bad_arguments", f"{name!r} is not a loader's name")
    for kind in ("http", "stats"):
        (context.paths.run / f"{name}.{kind}").unlink(missing_ok=True)
    folder = context.paths.served / name
    existed = folder.exists()
    if existed:
        for link in folder.iterdir():
            if link.is_symlink() and link.is_dir():
                # Its artifact was used until now: the ones used last are kept for a swap back.
                os.utime(link)
        shutil.rmtree(folder)
    remove_old_logs(context.paths)
    return {"existed": existed}


def remove_old_logs(paths: NodePaths) -> None:
    """Delete the logs of loaders that are gone, but for the last five of this week."""
    here = set(loader_folders(paths))
    ended: dict[str, list[Path]] = {}
    for path in paths.log.glob("loader-*.log*"):
        name = path.name.partition(".log")[0]
        if LOADER_NAME.fullmatch(name) and name not in here:
            ended.setdefault(name, []).append(path)
    newest = {name: max(path.stat().st_mtime for path in files) for name, files in ended.items()}
    for place, name in enumerate(sorted(newest, key=lambda each: newest[each], reverse=True)):
        if place >= KEPT_LOGS or time.time() - newest[name] > LOG_DAYS * 86400:
            for path in ended[name]:
                path.unlink()


def wait_loader(
    context: Context, *, http_socket: str, model: str, timeout_s: float, job: str | None = None
) -> dict[str, Any]:
    """Wait until the loader answers a one-token completion: its health alone says too little.

    With its ``job`` named, a loader that ends again and again is given up early, with its last words.
    """
    path = _own_socket(context, http_socket)
    begin = time.monotonic()
    why = "it was not asked yet"
    starts = _Starts(context, job) if job else None
    while (elapsed := time.monotonic() - begin) < timeout_s:
        try:
            status, answer = _complete(path, model, "Hi", 1, min(ATTEMPT_TIMEOUT_S, timeout_s - elapsed))
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
        else:
            if status == OK and isinstance(answer, dict) and answer.get("choices"):
                return {"elapsed_s": time.monotonic() - begin}
            why = f"it answered {status}: {str(answer)[:200]}"
        if starts is not None and starts.hopeless():
            raise StepError(
                "loader_not_ready",
                f"the loader ends as soon as it is started: {starts.last_words()}",
                remedy="look at the loader's log with `garnet logs`",
            )
        elapsed = time.monotonic() - begin
        context.progress_sometimes({"message": f"waiting for the loader: {why}", "elapsed_s": elapsed})
        time.sleep(RETRY_S)
    raise StepError(
        "loader_not_ready",
        f"the loader did not answer within {timeout_s:.0f} s: {why}",
        remedy="look at the loader's log with `garnet logs`",
    )


class _Starts:
    """How often a job's process was started while it was waited for."""

    def __init__(self, context: Context, job: str) -> None:
        """Begin to count."""
        self._context = context
        self._job = job
        self._pids: set[int] = set()
        self._looked = 0.0

    def hopeless(self) -> bool:
        """Look, once a second at most; say whether further waiting is in vain."""
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return False
        self._looked = time.monotonic()
        with supervising(self._context) as supervisor:
            found = next((job for job in supervisor.statuses() if job.name == self._job), None)
        if found is not None and found.pid is not None:
            self._pids.add(found.pid)
        return len(self._pids) > STARTS_BEFORE_HOPELESS or (found is not None and found.state == "failed")

    def last_words(self) -> str:
        """Return the last line of the job's log."""
        path = self._context.paths.log / f"{self._job}.log"
        lines = Tail(path).last(1) if path.exists() else []
        return lines[0] if lines else "it wrote no log"


def test_loader(
    context: Context, *, http_socket: str, model: str, prompts: list[str], max_tokens: int, budget_ms: float
) -> dict[str, Any]:
    """Send test prompts one after another and time each answer from end to end.

    A prompt that takes ten times the budget (at least 10 s) counts as a failure.
    """
    path = _own_socket(context, http_socket)
    latencies: list[float] = []
    failures: list[str] = []
    for number, prompt in enumerate(prompts, start=1):
        begin = time.monotonic()
        try:
            status, answer = _complete(path, model, prompt, max_tokens, max(10.0, budget_ms / 100))
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"prompt {number}: {error or type(error).__name__}")
            continue
        if status == OK and isinstance(answer, dict) and answer.get("choices"):
            latencies.append((time.monotonic() - begin) * 1000)
        else:
            failures.append(f"prompt {number}: status {status}: {str(answer)[:200]}")
        context.progress_sometimes({"message": f"test prompt {number} of {len(prompts)}"})
    return {"latencies_ms": latencies, "answers": len(latencies), "failures": failures}


def loader_stats(context: Context, *, stats_socket: str) -> dict[str, Any]:
    """Return what the loader says of itself. Error ``loader_down`` when it does not answer."""
    path = _own_socket(context, stats_socket)
    parts = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(path)
            while part := connection.recv(65536):
                parts.append(part)
        return dict(json.loads(b"".join(parts)))
    except (OSError, ValueError) as error:
        raise StepError("loader_down", f"the loader's statistics do not answer: {error}") from error


def purge_loader(context: Context, *, http_socket: str) -> dict[str, Any]:
    """Empty a loader's prompt cache between two of its steps and return what was in it.

    Errors: ``loader_down``, ``cannot_purge`` for a loader of a release that knows no purge, ``busy``
    where it did not come to it in time (it still will).
    """
    path = _own_socket(context, http_socket)
    try:
        status, answer = request_json(path, "POST", PURGE_PATH, None, PURGE_TIMEOUT_S)
    except (OSError, http.client.HTTPException) as error:
        raise StepError(
            "loader_down", f"the loader does not answer: {error or type(error).__name__}"
        ) from error
    if status == OK and isinstance(answer, dict):
        return answer
    if status == NOT_FOUND:
        raise StepError(
            "cannot_purge",
            "its loader is of a release that cannot purge",
            remedy="run `garnet up`: it swaps the loader for one that can, which begins with an empty cache",
        )
    raise StepError("busy", "its loader was too busy to purge yet", remedy="it will once it can; look again")


def _complete(path: str, model: str, prompt: str, max_tokens: int, timeout_s: float) -> tuple[int, Any]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": max_tokens,
        "temperature": 0,
    }
    return request_json(path, "POST", "/v1/chat/completions", body, timeout_s)


def _own_socket(context: Context, path: str) -> str:
    if Path(path).parent != context.paths.run or ".." in path:
        raise StepError("bad_path", f"{path!r} is not a socket of this root")
    return path


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
