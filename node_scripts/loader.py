"""Start mlx_lm.server as one loader: pinned to one model, guarded, observed, on unix sockets.

Run in the folder that holds the model's link::

    python -m node_scripts.loader --model NAME --http-socket PATH --stats-socket PATH --context 4096

Options after ``--`` go to mlx_lm.server as they are. The process ends with a last line in its log that
says why when the model does not load or the generation thread dies: its supervisor starts it anew.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from node_scripts.loader_cache import prompt_cache_bytes_of
from node_scripts.loader_guards import Pin, install_guards
from node_scripts.loader_log import described, quieten_requests, set_up_logging
from node_scripts.loader_purge import PromptCachePurge
from node_scripts.loader_rehearsal import vocabulary_of
from node_scripts.loader_socket import listen_on_unix_socket, serve_stats
from node_scripts.observers import Observers

LOG = logging.getLogger("garnet.loader")

OWN_OPTIONS = ("--model", "--host", "--port", "--log-level", "--decode-concurrency", "--prompt-concurrency")
"""Options of mlx_lm.server that the loader sets itself."""
MOST_PROMPTS = 8
EXIT_FAILED = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderOptions:
    """The loader's command line."""

    model: str
    http_socket: Path
    stats_socket: Path
    context: int
    concurrency: int
    prompt_cache_bytes: int | None
    prompt_cache_size: int
    extra: tuple[str, ...] = ()


def parse_options(argv: list[str]) -> LoaderOptions:
    """Return the parsed command line; exits with 2 and the reason if it is wrong."""
    end = argv.index("--") if "--" in argv else len(argv)
    own, extra = argv[:end], argv[end + 1 :]
    parser = argparse.ArgumentParser(prog="node_scripts.loader")
    parser.add_argument("--model", required=True, help="name of the link to the model in this folder")
    parser.add_argument("--http-socket", type=Path, required=True)
    parser.add_argument("--stats-socket", type=Path, required=True)
    parser.add_argument("--context", type=int, required=True, help="most tokens of prompt and completion")
    parser.add_argument("--concurrency", type=int, default=8, help="requests decoded at once")
    parser.add_argument(
        "--prompt-cache-bytes", type=int, help="as much as two full contexts of the model unless given"
    )
    parser.add_argument("--prompt-cache-size", type=int, default=10, help="sequences in the prompt cache")
    given = parser.parse_args(own)
    if given.context < 2 or given.concurrency < 1:  # noqa: PLR2004 -- one of prompt, one of completion
        parser.error("--context must be at least 2 and --concurrency at least 1")
    if taken := [option for option in extra if _is_own(option)]:
        parser.error(f"{', '.join(taken)} cannot be given: the loader sets it")
    return LoaderOptions(**vars(given), extra=tuple(extra))


def _is_own(option: str) -> bool:
    # mlx_lm.server's parser takes any unambiguous beginning of an option for it.
    name = option.split("=", maxsplit=1)[0]
    return name.startswith("--") and any(own.startswith(name) for own in OWN_OPTIONS)


def server_argv(options: LoaderOptions) -> list[str]:
    """Return mlx_lm.server's command line."""
    limits = {
        "--decode-concurrency": options.concurrency,
        "--prompt-concurrency": min(MOST_PROMPTS, options.concurrency),
        "--prompt-cache-size": options.prompt_cache_size,
    }
    if options.prompt_cache_bytes is not None:
        limits["--prompt-cache-bytes"] = options.prompt_cache_bytes
    numbers = [part for option, value in limits.items() for part in (option, str(value))]
    # Never DEBUG: it logs what requests and answers say.
    return ["mlx_lm.server", "--model", options.model, "--log-level", "INFO", *numbers, *options.extra]


def leave(sockets: tuple[Path, ...], code: int) -> NoReturn:
    """End the process now, whatever its threads do, without its sockets."""
    for path in sockets:
        path.unlink(missing_ok=True)
    logging.shutdown()
    # Interpreter shutdown would wait for the generation thread, which never ends by itself.
    os._exit(code)


def end_if_unserviceable(server: Any, model: str, end: Callable[[], NoReturn]) -> None:
    """Rebind so that a failed load or a dead generation thread calls ``end``."""
    provider, generator = server.ModelProvider, server.ResponseGenerator
    load, run = provider._load, generator._run_generate  # noqa: SLF001 -- no public place exists for this

    def load_or_end(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            load(self, *arguments, **named)
            # A model may load and yet not compute; find out before anyone relies on it.
            vocabulary_of(server, self.model)
        except BaseException as error:  # whatever it is, there is nothing to serve
            LOG.exception("loading failed")
            text = " ".join(str(error).split())[:400]
            LOG.critical("model '%s' does not load: %s: %s; exiting", model, type(error).__name__, text)
            end()

    def run_or_end(self: Any) -> None:
        try:
            run(self)
        finally:
            LOG.critical("the generation thread of model '%s' ended; exiting to be started anew", model)
            end()

    provider._load, generator._run_generate = load_or_end, run_or_end  # noqa: SLF001 -- likewise


def main(argv: list[str] | None = None) -> None:
    """Serve until told to stop."""
    options = parse_options(sys.argv[1:] if argv is None else argv)
    sockets = (options.http_socket, options.stats_socket)
    signal.signal(signal.SIGTERM, lambda *_: leave(sockets, 0))
    signal.signal(signal.SIGINT, lambda *_: leave(sockets, 0))
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    set_up_logging()
    if not Path(options.model).is_dir():
        LOG.critical("model '%s' does not load: no folder of that name here; exiting", options.model)
        leave((), EXIT_FAILED)
    if options.prompt_cache_bytes is None:
        budget = prompt_cache_bytes_of(Path(options.model), options.context)
        options = replace(options, prompt_cache_bytes=budget)

    from mlx_lm import server  # noqa: PLC0415 -- reads the environment set above

    end_if_unserviceable(server, options.model, lambda: leave(sockets, EXIT_FAILED))
    cache_bytes = options.prompt_cache_bytes
    LOG.info("the prompt cache of model '%s' keeps at most %s bytes", options.model, cache_bytes)
    pin = Pin(model=options.model, context=options.context, prompt_cache_bytes=cache_bytes)
    missing = install_guards(server, pin)
    quieten_requests(server)
    observers = Observers()
    observers.install(server)
    observers.unknown.extend([*missing, *PromptCachePurge().install(server)])
    if observers.unknown:
        LOG.warning("this mlx-lm lacks what these need: %s", ", ".join(observers.unknown))
    listen_on_unix_socket(options.http_socket)
    serve_stats(options.stats_socket, observers.snapshot)
    sys.argv = server_argv(options)
    LOG.info("loading model '%s'", options.model)
    try:
        server.main()
    except Exception as error:
        LOG.exception("the loader failed")
        LOG.critical("loader of model '%s' failed: %s; exiting", options.model, described(error))
        leave(sockets, EXIT_FAILED)


if __name__ == "__main__":
    main()
