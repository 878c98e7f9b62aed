"""The loader's log keeps errors, drops noise and never quotes a request."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from node_scripts.loader_log import MOST_REMEMBERED, QuietFilter, QuietFormatter, described


def record(message: str, level: int = logging.INFO, module: str = "server") -> logging.LogRecord:
    """Return a record as mlx_lm's server.py logs it."""
    made = logging.LogRecord("root", level, f"/x/{module}.py", 1, message, (), None)
    assert made.module == module
    return made


def test_lines_of_every_request_are_dropped() -> None:
    """Progress and cache lines of mlx_lm are noise; the loader's own lines are not."""
    quiet = QuietFilter()
    assert not quiet.filter(record("Prompt processing progress: 2/3"))
    assert not quiet.filter(record("Prompt Cache: 2 sequences, 0.00 GB"))
    assert quiet.filter(record("loading model 'm'", module="loader"))


def test_lines_that_quote_a_request_are_replaced() -> None:
    """An error stays, what the client sent goes."""
    error = record("JSONDecodeError: Expecting value - Raw body: my secret", logging.ERROR)
    assert QuietFilter().filter(error)
    assert error.getMessage() == "a request's body is not JSON"


def test_repetitions_are_thinned_out_and_memory_is_bounded() -> None:
    """The same line comes once a minute; many different ones are forgotten again."""
    quiet = QuietFilter()
    assert quiet.filter(record("answered 404", logging.WARNING))
    assert not quiet.filter(record("answered 404", logging.WARNING))
    for n in range(3 * MOST_REMEMBERED):
        assert quiet.filter(record(f"line {n}", logging.WARNING))
    assert len(quiet._written) <= MOST_REMEMBERED


def test_exceptions_show_where_but_not_what_a_request_said() -> None:
    """An error's text is shown only when it comes from the system or the array library."""
    assert described(ValueError("my secret")) == "ValueError"
    assert described(OSError(28, "No space left on device")).endswith("No space left on device")
    assert described(RuntimeError("[metal::malloc] too much")) == "RuntimeError: [metal::malloc] too much"
    try:
        raise ValueError("my secret")  # noqa: TRY301 -- the example
    except ValueError:
        kind, error, trace = sys.exc_info()
    assert kind is not None
    assert error is not None
    assert isinstance(trace, TracebackType)
    text = QuietFormatter().formatException((kind, error, trace))
    assert "test_loader_log.py:" in text
    assert text.endswith("ValueError")
