"""mlx_lm.server's own HTTP side over a generator that says what the request tells it to say.

Run with a node environment's Python: ``scripted_loader.py PORT``. The last message's content (or the
prompt) is JSON: ``{"pieces": [text of each token], "finish": "stop" | "length", "state": first state}``.
So its answers can hold reasoning and tool calls, which no random model produces.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from mlx_lm import server
from mlx_lm.generate import make_text_state_machine
from mlx_lm.tool_parsers import json_tools


class ScriptedGenerator:
    """Stands where mlx_lm.server keeps its ResponseGenerator."""

    is_healthy = True
    cli_args = SimpleNamespace(
        allowed_origins="*",
        num_draft_tokens=3,
        max_tokens=512,
        temp=0.0,
        top_p=1.0,
        top_k=0,
        min_p=0.0,
        model=None,
    )

    def generate(
        self, request: Any, arguments: Any, progress_callback: Callable[[int, int], None]
    ) -> tuple[Any, Iterator[Any]]:
        """Return a context with thinking and tools, and the pieces that the request lists."""
        script = json.loads(request.messages[-1]["content"] if request.messages else request.prompt)
        tokenizer = SimpleNamespace(
            has_thinking=True,
            think_start="<think>",
            think_end="</think>",
            has_tool_calling=True,
            tool_call_start=json_tools.tool_call_start,
            tool_call_end=json_tools.tool_call_end,
            response_transitions={},
            structural_markers=[],
        )
        context = server.GenerationContext(
            has_tool_calling=True,
            has_thinking=True,
            tool_parser=json_tools.parse_tool_call,
            text_sm=make_text_state_machine(tokenizer, arguments.stop_words),
            initial_state=script.get("state", "normal"),
            prompt=[1, 2, 3],
            prompt_cache_count=1,
        )
        return context, self._responses(script, progress_callback)

    def _responses(self, script: dict[str, Any], progress: Callable[[int, int], None]) -> Iterator[Any]:
        progress(1, 3)
        last = len(script["pieces"]) - 1
        for token, piece in enumerate(script["pieces"]):
            finish = script["finish"] if token == last else None
            yield server.Response(piece, token, -0.5, finish, ())


if __name__ == "__main__":
    server._run_http_server("127.0.0.1", int(sys.argv[1]), ScriptedGenerator())
