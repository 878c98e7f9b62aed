"""Requests that end or stall a bare mlx_lm.server are answered, and the loader answers on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node_scripts.hostile_requests import CHAT, CHAT_REQUESTS, RAW_REQUESTS, TEXT_REQUESTS
from tests.node_scripts.loader_process import RunningLoader, UnixConnection, running_loader

pytestmark = pytest.mark.fleet

CHAT_PATH, TEXT_PATH = "/v1/chat/completions", "/v1/completions"
EXPECTED_CODES = {
    "empty prompt": "invalid_value:prompt",
    "prompt of texts": "invalid_type:prompt",
    "prompt surrogate": "invalid_unicode:prompt",
    "prompt too long": "context_length_exceeded:prompt",
    "stop list of numbers": "invalid_type:stop",
    "stop empty text": "invalid_value:stop",
    "stop surrogate": "invalid_unicode:stop",
    "logit_bias just outside": "invalid_value:logit_bias",
    "logit_bias nan": "invalid_value:logit_bias",
    "logit_bias list": "invalid_type:logit_bias",
    "top_k of the vocabulary": "invalid_value:top_k",
    "min_p nan": "invalid_value:min_p",
    "xtc_threshold above half": "invalid_value:xtc_threshold",
    "temperature huge integer": "invalid_value:temperature",
    "repetition_context_size 2**40": "invalid_value:repetition_context_size",
    "seed negative": "invalid_value:seed",
    "max_tokens huge": "invalid_value:max_tokens",
    "max_completion_tokens too many": "context_length_exceeded:messages",
    "model of another": "model_not_found:model",
    "adapters": "unsupported_parameter:adapters",
    "draft_model path": "unsupported_parameter:draft_model",
    "image remote": "invalid_image_url:messages",
    "template arguments template": "unsupported_parameter:chat_template_kwargs",
    "template arguments tensors": "unsupported_parameter:chat_template_kwargs",
    "stream_options text": "invalid_type:stream_options",
    "not UTF-8": "invalid_body:-",
}


@pytest.fixture(scope="module")
def loader(node_python: Path, tiny_model_a: Path) -> Iterator[RunningLoader]:
    """Return one loader that all requests of this module go to."""
    with running_loader(node_python, tiny_model_a) as running:
        yield running


@pytest.fixture(scope="module")
def ordinary_answer(loader: RunningLoader) -> str:
    """Return what the loader says to an ordinary request."""
    return loader.greedy_answer("What is the capital of France?")


def hostile() -> list[tuple[str, str, bytes]]:
    """Return each hostile request's name, path and body."""
    texts = [(name, TEXT_PATH, {"max_tokens": 4, **body}) for name, body in TEXT_REQUESTS.items()]
    chats = [(name, CHAT_PATH, body) for name, body in CHAT_REQUESTS.items()]
    encoded = [(name, path, json.dumps(body).encode()) for name, path, body in texts + chats]
    return encoded + [(name, CHAT_PATH, body) for name, body in RAW_REQUESTS.items()]


@pytest.mark.parametrize(("name", "path", "body"), hostile(), ids=[name for name, _, _ in hostile()])
def test_hostile_request_is_answered_and_harms_no_other(
    loader: RunningLoader, ordinary_answer: str, name: str, path: str, body: bytes
) -> None:
    """Each gets an answer of its own, with the code expected where one is; the next one is as before."""
    status, answer = loader.post(body, path)
    assert status in {200, 400, 404}
    if name in EXPECTED_CODES:
        assert json.loads(answer)["error"].startswith(f"garnet:invalid:{EXPECTED_CODES[name]}:")
    elif status == 200 and b"data: " in answer:
        assert answer.endswith(b"data: [DONE]\n\n")
    else:
        assert isinstance(json.loads(answer), dict)
    assert loader.greedy_answer("What is the capital of France?") == ordinary_answer
    assert loader.stats()["generation_alive"] is True


def test_prompt_equal_to_a_cached_sequence_is_answered(loader: RunningLoader) -> None:
    """The cache hands back all but the last token where it holds the whole prompt."""
    prompt = "a prompt that is sent again with its own answer"
    for _ in range(6):
        status, answer = loader.ask(TEXT_PATH, prompt=prompt, max_tokens=1)
        assert status == 200
        prompt += answer["choices"][0]["text"]
    single = [loader.ask(TEXT_PATH, prompt="x", max_tokens=1) for _ in range(3)]
    assert [status for status, _ in single] == [200, 200, 200]
    assert len({answer["choices"][0]["text"] for _, answer in single}) == 1


def test_every_prefix_of_a_cached_sequence_gets_the_same_answer_again(loader: RunningLoader) -> None:
    """Answers do not depend on what the prompt cache holds."""
    whole = "one two three four five"
    first = [loader.ask(TEXT_PATH, prompt=whole[:end], max_tokens=3)[1] for end in range(1, len(whole))]
    again = [loader.ask(TEXT_PATH, prompt=whole[:end], max_tokens=3)[1] for end in range(1, len(whole))]
    texts = [[answer["choices"][0]["text"] for answer in answers] for answers in (first, again)]
    assert texts[0] == texts[1]


def test_clients_that_go_away_at_any_moment_harm_no_other(
    loader: RunningLoader, ordinary_answer: str
) -> None:
    """Streams dropped before, in and after prefill, many at once, leave the loader serving."""

    def drop(read: int) -> None:
        body = {"model": "m", "messages": CHAT, "max_tokens": 300, "stream": True, "seed": read % 3 or None}
        connection = UnixConnection(loader.http_socket)
        connection.request("POST", CHAT_PATH, json.dumps({**body, "temperature": 1.0}).encode())
        if read:
            connection.getresponse().read(read)
        connection.close()

    threads = [threading.Thread(target=drop, args=(read * 40,)) for read in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loader.greedy_answer("What is the capital of France?") == ordinary_answer


def test_log_holds_no_content_and_stays_small(loader: RunningLoader) -> None:
    """After all of these requests the log is short and quotes none of them."""
    loader.post(b"secret words that no log may hold")
    loader.ask(messages="secret words that no log may hold")
    for _ in range(50):
        loader.greedy_answer("secret words that no log may hold", max_tokens=1)
    log = loader.log.read_text()
    assert "secret" not in log
    assert "capital" not in log
    assert len(log) < 30_000
