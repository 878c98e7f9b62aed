"""What validation lets through does no harm to a real, unguarded loader, and its stream loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from node_scripts.proxy.assembly import PlainAnswer
from node_scripts.proxy.events import EventSplitter, data_of, has_content, is_done, usage_in
from node_scripts.proxy.openai_errors import RequestRejectedError, rejected_by_loader
from node_scripts.proxy.validation import Limits, parse
from tests.conftest import ROOT
from tests.node_scripts.proxy.harmful_requests import Harmful, chat, harmful_requests, text
from tests.node_scripts.proxy.plain_loader import PlainLoader, running

pytestmark = pytest.mark.fleet

MODEL = "tiny"
SCRIPTED = Path(__file__).parent / "scripted_loader.py"
TOOL_CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Köln", "days": [1, 2]}}</tool_call>'
BROKEN_CALL = '<tool_call>{"name": "weather", "argu'


@pytest.fixture(scope="module")
def vocabulary_size(tiny_folder: Path) -> int:
    """Return the number of token ids of the tiny model."""
    return int(json.loads((tiny_folder / MODEL / "config.json").read_text())["vocab_size"])


@pytest.fixture(scope="module")
def tiny_folder(node_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds a tiny random model."""
    folder = tmp_path_factory.mktemp("models")
    argv = [str(node_python), "-m", "garnet_cli.demo.tiny_model", str(folder / MODEL), "--seed", "1"]
    subprocess.run(argv, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


@pytest.fixture(scope="module")
def loader(node_python: Path, tiny_folder: Path) -> Iterator[PlainLoader]:
    """Return mlx_lm.server as it comes, with a tiny random model."""
    argv = [str(node_python), "-m", "mlx_lm", "server", "--model", MODEL, "--port", "PORT"]
    with running(argv, tiny_folder) as started:
        yield started


@pytest.fixture(scope="module")
def scripted(node_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainLoader]:
    """Return mlx_lm.server's HTTP side with answers that the requests prescribe."""
    with running([str(node_python), str(SCRIPTED), "PORT"], tmp_path_factory.mktemp("scripted")) as started:
        yield started


@pytest.mark.parametrize("row", harmful_requests(MODEL), ids=lambda row: row.name)
def test_the_loader_outlives_a_harmful_request(
    loader: PlainLoader, vocabulary_size: int, row: Harmful
) -> None:
    """It is refused before it reaches the loader, or served; the next request is served in any case."""
    limits = Limits(max_tokens=1000, context=4096, vocabulary_size=vocabulary_size)
    if row.refused:
        with pytest.raises(RequestRejectedError) as refusal:
            parse(row.kind, row.body, limits)
        assert 400 <= refusal.value.status < 500
        assert set(json.loads(refusal.value.body())["error"]) == {"message", "type", "param", "code"}
    else:
        parsed = parse(row.kind, row.body, limits)
        status, body = loader.post(row.kind, parsed.loader_body)
        assert status == 200, body
        if parsed.loader_stream:
            assert unstreamed(row.kind, body)["choices"][0]["finish_reason"] == "length"
        else:
            assert len(json.loads(body)["choices"][0]["logprobs"]["content"]) == 4
    assert loader.healthy()
    status, body = loader.post("text", text(MODEL, prompt=f"Still there after {row.name}?"))
    assert status == 200, body


def test_a_template_error_is_the_clients_fault(loader: PlainLoader) -> None:
    """The loader's real answer to what its chat template refuses; it lives on."""
    status, body = loader.post("chat", chat(MODEL, messages=[]))
    error = rejected_by_loader(status, body)
    assert error is not None
    assert error.status == 400
    assert loader.healthy()


@pytest.mark.parametrize("kind", ["chat", "text"])
@pytest.mark.parametrize("stop", [False, True], ids=["length", "stop"])
def test_an_assembled_answer_is_the_unstreamed_one(
    loader: PlainLoader,
    vocabulary_size: int,
    kind: Literal["chat", "text"],
    stop: bool,  # noqa: FBT001
) -> None:
    """A greedy request to a real model, ended by length or by a word of its own answer."""
    make = chat if kind == "chat" else text
    body = make(MODEL, max_tokens=24)
    if stop:
        body = next(
            body for body in stopping(loader, kind, body) if finish_reason(loader, kind, body) == "stop"
        )
    plain, assembled = both(loader, kind, body, vocabulary_size)
    assert plain["choices"][0]["finish_reason"] == ("stop" if stop else "length")
    assert comparable(assembled) == comparable(plain)


@pytest.mark.parametrize(
    "script",
    [
        {"pieces": ["Hello", " you", ""], "finish": "stop"},
        {"pieces": [""], "finish": "stop"},
        {"pieces": ["nothing is flushed <thi"], "finish": "stop"},
        {"pieces": ["all is flushed", " <thi"], "finish": "length"},
        {"pieces": ["so", " so</think>", "yes", ""], "finish": "stop", "state": "reasoning"},
        {"pieces": ["endless", " thought"], "finish": "length", "state": "reasoning"},
        {"pieces": ["a<think>", "b", "</think>c", ""], "finish": "stop"},
        {"pieces": [*TOOL_CALL, ""], "finish": "stop"},
        {"pieces": ["I look. ", TOOL_CALL, TOOL_CALL, " Done.", ""], "finish": "stop"},
        {"pieces": ["hm</think>", TOOL_CALL, "\n", TOOL_CALL], "finish": "length", "state": "reasoning"},
        {"pieces": ["x", BROKEN_CALL], "finish": "length"},
        {"pieces": [*TOOL_CALL[:-12]], "finish": "length"},
    ],
    ids=lambda script: f"{''.join(script['pieces'])!r:.40} {script['finish']}",
)
def test_reasoning_and_tool_calls_are_assembled_as_the_server_does(
    scripted: PlainLoader, script: dict[str, Any]
) -> None:
    """All ways in which mlx_lm.server cuts an answer into chunks."""
    message = {"role": "user", "content": json.dumps(script)}
    function = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": function}]
    plain, assembled = both(scripted, "chat", chat(MODEL, messages=[message], tools=tools), 300)
    assert comparable(assembled) == comparable(plain)
    plain, assembled = both(scripted, "text", text(MODEL, prompt=json.dumps(script)), 300)
    assert comparable(assembled) == comparable(plain)


def test_every_event_of_a_real_stream_is_told_apart(loader: PlainLoader) -> None:
    """Keep-alives, tokens, the finishing chunk, usage and the end."""
    body = parse("chat", chat(MODEL, max_tokens=5), Limits(100, 4096, None)).loader_body
    events = EventSplitter().feed(loader.post("chat", body)[1])
    first = next(index for index, event in enumerate(events) if has_content(event))
    assert {data_of(event) for event in events[:first]} == {None}
    assert sum(has_content(event) for event in events) >= 4
    assert [usage_in(event) is not None for event in events[-2:]] == [True, False]
    assert [is_done(event) for event in events[-2:]] == [False, True]
    assert not any(usage_in(event) is not None or is_done(event) for event in events[:-2])


def stopping(loader: PlainLoader, kind: Literal["chat", "text"], body: bytes) -> Iterator[bytes]:
    """Yield the request with words of its own answer to stop at.

    Not all stop it: mlx_lm.server compares tokens, and a word may be cut into other ones elsewhere.
    """
    choice = json.loads(loader.post(kind, body)[1])["choices"][0]
    said = choice["message"]["content"] if kind == "chat" else choice["text"]
    for at in range(5, len(said)):
        yield json.dumps({**json.loads(body), "stop": ["never said", said[at : at + 2]]}).encode()


def finish_reason(loader: PlainLoader, kind: Literal["chat", "text"], body: bytes) -> str:
    """Return why the unstreamed answer to a request ended."""
    return str(json.loads(loader.post(kind, body)[1])["choices"][0]["finish_reason"])


def both(
    loader: PlainLoader, kind: Literal["chat", "text"], body: bytes, vocabulary_size: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the loader's unstreamed answer and the one made of its stream.

    It is asked once before, so that both find the prompt in its cache.
    """
    loader.post(kind, body)
    status, plain = loader.post(kind, body)
    assert status == 200, plain
    parsed = parse(kind, body, Limits(100, 4096, vocabulary_size))
    status, streamed = loader.post(kind, parsed.loader_body)
    assert status == 200, streamed
    return json.loads(plain), unstreamed(kind, streamed)


def unstreamed(kind: Literal["chat", "text"], stream: bytes) -> dict[str, Any]:
    """Return the answer made of a whole stream."""
    splitter, answer = EventSplitter(), PlainAnswer(kind)
    events = splitter.feed(stream)
    assert not splitter.pending
    assert is_done(events[-1])
    for event in events:
        data = data_of(event)
        if data is not None:
            answer.add(data)
    body: dict[str, Any] = json.loads(answer.finish())
    return body


def comparable(answer: dict[str, Any]) -> str:
    """Return the answer as text, in its order of keys, without what is new in each."""
    answer = {key: value for key, value in answer.items() if key not in {"id", "created"}}
    for call in answer["choices"][0].get("message", {}).get("tool_calls", []):
        assert call.pop("id")
    return json.dumps(answer, indent=1)
