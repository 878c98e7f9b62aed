"""Where all made-up figures say they come from."""

from __future__ import annotations

from garnet_cli.report.contents import Trace

TRACE = Trace(
    unit="tokens", source="minutes: client.prompt_tokens, client.completion_tokens", formula="tokens"
)
