"""A real loader: its sockets, its figures, and how it ends."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node_scripts.loader_cache import prompt_cache_bytes_of
from node_scripts.recent_evictions import KINDS
from tests.node_scripts.loader_process import (
    RunningLoader,
    listens,
    loader_command,
    loader_environment,
    running_loader,
    stop,
)

pytestmark = pytest.mark.fleet


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g-", dir="/tmp") as folder:
        yield Path(folder)


def test_serves_under_its_name_on_private_sockets(node_python: Path, tiny_model_a: Path) -> None:
    """Answers echo the name, the sockets are their owner's only, the figures add up."""
    with running_loader(node_python, tiny_model_a, model="llama-3.3") as loader:
        for socket in (loader.http_socket, loader.stats_socket):
            assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        messages = [{"role": "user", "content": "What is the capital of France?"}]
        for _ in range(2):
            status, answer = loader.ask(messages=messages, max_tokens=5)
            assert (status, answer["model"], answer["usage"]["completion_tokens"]) == (200, "llama-3.3", 5)
        stats = loader.stats()
        prompt = answer["usage"]["prompt_tokens"]
        cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
        assert stats["unknown"] == []
        assert stats["pid"] == loader.process.pid
        assert (stats["load_misses"], stats["requests"], stats["lookups"], stats["hits"]) == (1, 2, 2, 1)
        assert (stats["prompt_tokens"], stats["cached_tokens"]) == (2 * prompt, cached)
        assert cached > 0
        assert stats["generated_tokens"] == 10
        assert (stats["queue_depth"], stats["decode"], stats["generation_alive"]) == (0, 0, True)
        assert stats["cache_bytes"] > 0
        assert stats["memory_bytes"] > 0


def test_models_of_two_seeds_answer_differently(
    node_python: Path, tiny_model_a: Path, tiny_model_b: Path
) -> None:
    """A test can tell by content which loader answered."""
    with (
        running_loader(node_python, tiny_model_a) as first,
        running_loader(node_python, tiny_model_b) as second,
    ):
        answers = [loader.greedy_answer("Who are you?") for loader in (first, second, first, second)]
    assert answers[0] == answers[2] != answers[1] == answers[3]


def test_max_tokens_left_out_is_cut_to_what_the_context_leaves(node_python: Path, tiny_model_a: Path) -> None:
    """A client that names no max_tokens is served up to the context, never refused for the default."""
    with running_loader(node_python, tiny_model_a, context=64) as loader:
        status, answer = loader.ask(messages=[{"role": "user", "content": "Hi"}])
        assert status == 200
        assert answer["usage"]["total_tokens"] == 64


def test_figures_show_work_in_progress_and_evictions(node_python: Path, slow_model: Path) -> None:
    """Requests beyond the concurrency wait, and sequences beyond the cache's size are evicted."""
    options = ("--concurrency", "1", "--prompt-cache-size", "2")
    with running_loader(node_python, slow_model, *options) as loader:
        asks = [threading.Thread(target=ask_in_text, args=(loader, f"{n} prompt")) for n in range(5)]
        for thread in asks:
            thread.start()
        deadline = time.monotonic() + 30
        seen: list[dict[str, Any]] = []
        while time.monotonic() < deadline and not any(
            s["decode"] == 1 and s["queue_depth"] > 0 for s in seen
        ):
            seen.append(loader.stats())
            time.sleep(0.02)
        for thread in asks:
            thread.join()
        assert any(s["decode"] == 1 and s["queue_depth"] > 0 for s in seen)
        after = loader.stats()
        assert (after["cache_sequences"], after["requests"]) == (2, 5)
        assert after["evictions"] >= 3
        kept = after["recent_evictions"]
        assert [one["serial"] for one in kept] == list(range(1, after["evictions"] + 1))
        assert all(one["kind"] in KINDS and one["tokens"] > 0 and one["size_bytes"] > 0 for one in kept)


def ask_in_text(loader: RunningLoader, prompt: str) -> None:
    """Ask for a completion long enough to be seen in progress."""
    assert loader.ask("/v1/completions", prompt=prompt, max_tokens=60)[0] == 200


def test_prompt_cache_stays_within_its_bytes(node_python: Path, tiny_model_a: Path) -> None:
    """The byte limit holds for requests that come one by one, too."""
    with running_loader(node_python, tiny_model_a, "--prompt-cache-bytes", "200000") as loader:
        for n in range(8):
            ask_in_text(loader, f"{n} is the prompt")
            assert 0 < loader.stats()["cache_bytes"] <= 200_000


def test_a_prompt_cache_without_a_limit_keeps_two_contexts(node_python: Path, tiny_model_a: Path) -> None:
    """As many bytes as the memory check counts for it, whatever comes."""
    limit = prompt_cache_bytes_of(tiny_model_a, 64)
    with running_loader(node_python, tiny_model_a, context=64) as loader:
        for n in range(8):
            assert loader.ask("/v1/completions", prompt=f"{n}", max_tokens=60)[0] == 200
            assert 0 < loader.stats()["cache_bytes"] <= limit


def test_terminates_promptly_with_a_request_in_flight(node_python: Path, slow_model: Path) -> None:
    """SIGTERM ends the process with 0 within seconds, and its sockets go with it."""
    with running_loader(node_python, slow_model, context=4096) as loader:
        busy = threading.Thread(target=ask_and_be_cut_off, args=(loader,))
        busy.start()
        deadline = time.monotonic() + 30
        while loader.stats()["decode"] == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        begun = time.monotonic()
        assert stop(loader.process) == 0
        assert time.monotonic() - begun < 5
        busy.join()
        assert not loader.http_socket.exists()
        assert not loader.stats_socket.exists()


def ask_and_be_cut_off(loader: RunningLoader) -> None:
    """Ask for more than there is time for."""
    with pytest.raises(ConnectionError):
        loader.ask("/v1/completions", prompt="x", max_tokens=4000)


def run_to_its_end(python: Path, folder: Path, *, model: str = "m") -> tuple[int, str]:
    """Return exit status and log of a loader that is expected to end by itself."""
    command = loader_command(python, model, folder)
    result = subprocess.run(
        command, cwd=folder, env=loader_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    return result.returncode, result.stderr


def test_model_that_is_not_there_ends_the_process_at_once(node_python: Path, short_folder: Path) -> None:
    """The last line of the log names the model and says that it does not load."""
    status, log = run_to_its_end(node_python, short_folder)
    assert status == 1
    assert "model 'm' does not load: no folder of that name" in log.splitlines()[-1]


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_broken_model_ends_the_process(
    node_python: Path, tiny_model_a: Path, short_folder: Path, file: str
) -> None:
    """A model with a file cut short ends its loader with a line that says so; nothing serves on."""
    shutil.copytree(tiny_model_a, short_folder / "m")
    content = (short_folder / "m" / file).read_bytes()
    (short_folder / "m" / file).write_bytes(content[: len(content) // 2])
    status, log = run_to_its_end(node_python, short_folder)
    assert status == 1
    assert "model 'm' does not load: " in log.splitlines()[-1]
    assert not listens(short_folder / "l.http")


def test_dead_generation_thread_ends_the_process(
    node_python: Path, tiny_model_a: Path, short_folder: Path
) -> None:
    """Without guards an empty prompt kills the thread; the process ends so that it is started anew."""
    (short_folder / "m").symlink_to(tiny_model_a)
    unguarded = (
        "import sys, node_scripts.loader as loader\n"
        "loader.install_guards = lambda server, pin: ['guard:all']\n"
        "loader.main(sys.argv[1:])\n"
    )
    command = loader_command(node_python, "m", short_folder)
    log = short_folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(node_python), "-c", unguarded, *command[3:]],
            cwd=short_folder,
            env=loader_environment(),
            stderr=stream,
        )
    try:
        loader = RunningLoader("m", short_folder / "l.http", short_folder / "l.stats", log, process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not listens(loader.http_socket):
            time.sleep(0.05)
        assert loader.stats()["unknown"] == ["guard:all"]
        with pytest.raises((ConnectionError, AssertionError)):
            ask_in_text(loader, "")
        assert process.wait(timeout=20) == 1
        assert "generation thread of model 'm' ended" in log.read_text().splitlines()[-1]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_missing_private_name_leaves_a_figure_unknown_and_serves_on(
    node_python: Path, tiny_model_a: Path, short_folder: Path
) -> None:
    """With an mlx-lm that lacks an attribute, its figure is null, its observer is named, requests work."""
    (short_folder / "m").symlink_to(tiny_model_a)
    lacking = (
        "import sys, node_scripts.loader as loader\n"
        "from mlx_lm import server\n"
        "del server.LRUPromptCache.CacheOrder.pop\n"
        "loader.main(sys.argv[1:])\n"
    )
    command = loader_command(node_python, "m", short_folder)
    with (short_folder / "log").open("wb") as stream:
        process = subprocess.Popen(
            [str(node_python), "-c", lacking, *command[3:]],
            cwd=short_folder,
            env=loader_environment(),
            stderr=stream,
        )
    try:
        loader = RunningLoader(
            "m", short_folder / "l.http", short_folder / "l.stats", short_folder / "log", process
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not listens(loader.http_socket):
            time.sleep(0.05)
        ask_in_text(loader, "a prompt")
        stats = loader.stats()
        assert (stats["evictions"], stats["unknown"], stats["requests"]) == (None, ["evictions"], 1)
    finally:
        stop(process, (signal.SIGTERM,))


def test_options_that_the_loader_sets_itself_are_refused(node_python: Path, short_folder: Path) -> None:
    """An extra option cannot open a port or turn on the log of requests."""
    for extra in ("--port=8080", "--host", "--log-level", "--log-l", "--model"):
        command = [*loader_command(node_python, "m", short_folder), "--", extra]
        result = subprocess.run(
            command, cwd=short_folder, env=loader_environment(), capture_output=True, text=True, check=False
        )
        assert result.returncode == 2
        assert "the loader sets it" in result.stderr
