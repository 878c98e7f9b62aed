"""A random llama of a few hundred kilobytes that mlx_lm.server serves: the model of tests and demos.

Run with a node environment's Python, which has mlx::

    python -m garnet_cli.demo.tiny_model FOLDER --seed 1

Greedy answers depend on the seed and on the prompt, so a test can tell one model from another by
what it says. The end-of-text token is never chosen, so an answer is always ``max_tokens`` long, and
only letters, digits, blanks and common marks are, so that every token shows at once in a stream.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from garnet_cli.demo.byte_level import byte_alphabet, tokenizer_json

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = (
    "t h|th e|Ġ the|i n|in g|a n|an d|Ġ a|e r|o n|r e|o u|ou r|e n|s t|a t|o r|i s|i t|a l|a r|e s|"
    "Ġ t|Ġ s|Ġ w|Ġ h|h e|l l|e d|l e|n t|Ġ and|Ġ o|Ġo f|Ġ i|Ġi s|Ġi n|c h|Ġ c|Ġ m|o m"
)
SPOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?-Ġ"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] %}{{ message['content'] }}{% endif %}"
    "{% if message['tool_calls'] %}"
    "{% for call in message['tool_calls'] %}{{ call['function'] | tojson }}{% endfor %}"
    "{% endif %}"
    "{{ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyShape:
    """How big the model is; more layers and a wider hidden state make it slower."""

    layers: int = 2
    hidden: int = 64
    heads: int = 4
    context: int = 4096


def make_tiny_model(folder: Path, *, seed: int, name: str = "tiny", shape: TinyShape | None = None) -> None:
    """Write config, tokenizer and random weights into ``folder``, the same for the same arguments.

    ``name`` goes into ``config.json`` only: it sets two artifacts of one seed apart.
    Needs mlx.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape = shape or TinyShape()
    vocabulary = _write_tokenizer(folder, shape)
    _write_config(folder, name, shape, len(vocabulary))
    _write_weights(folder, seed, shape, vocabulary)


def _write_tokenizer(folder: Path, shape: TinyShape) -> dict[str, int]:
    merges = MERGES.split("|")
    pieces = [*SPECIAL_TOKENS, *byte_alphabet(), *(merge.replace(" ", "") for merge in merges)]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    content = tokenizer_json(vocabulary, merges, SPECIAL_TOKENS, split_digits=False)
    _write_json(folder / "tokenizer.json", content)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": SPECIAL_TOKENS,
        "model_max_length": shape.context,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    _write_json(folder / "tokenizer_config.json", settings)
    return vocabulary


def _write_config(folder: Path, name: str, shape: TinyShape, vocabulary_size: int) -> None:
    config = {
        "_name_or_path": name,
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": 2 * shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": vocabulary_size,
        "tie_word_embeddings": False,
        "eos_token_id": SPECIAL_TOKENS.index("<|im_end|>"),
        "torch_dtype": "float32",
    }
    _write_json(folder / "config.json", config)


def _write_weights(folder: Path, seed: int, shape: TinyShape, vocabulary: dict[str, int]) -> None:
    import mlx.core as mx  # noqa: PLC0415 -- the node's only

    key = mx.random.key(seed)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> Any:
        nonlocal key
        key, fresh = mx.random.split(key)
        return mx.random.normal((rows, columns), scale=scale * columns**-0.5, key=fresh)

    hidden = shape.hidden
    embedding = matrix(len(vocabulary), hidden, hidden**0.5)
    # Dimension 0 of the residual stream is a constant that no layer writes to; the last matrix
    # reads from it that all tokens but the spoken ones are out of the question.
    embedding[:, 0] = 2.0
    head = matrix(len(vocabulary), hidden, 4.0)
    head[:, 0] = mx.array([0.0 if set(piece) <= set(SPOKEN) else -1000.0 for piece in vocabulary])
    weights = {"model.embed_tokens.weight": embedding, "lm_head.weight": head}
    weights["model.norm.weight"] = mx.ones(hidden)
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        for kind in ("q", "k", "v", "o"):
            weights[f"{prefix}self_attn.{kind}_proj.weight"] = matrix(hidden, hidden, 2.0)
        weights[f"{prefix}mlp.gate_proj.weight"] = matrix(2 * hidden, hidden)
        weights[f"{prefix}mlp.up_proj.weight"] = matrix(2 * hidden, hidden)
        weights[f"{prefix}mlp.down_proj.weight"] = matrix(hidden, 2 * hidden, 2.0)
        weights[f"{prefix}self_attn.o_proj.weight"][0] = 0.0
        weights[f"{prefix}mlp.down_proj.weight"][0] = 0.0
        for kind in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{prefix}{kind}.weight"] = mx.ones(hidden)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Write one model from the command line."""
    parser = argparse.ArgumentParser(prog="garnet_cli.demo.tiny_model", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--layers", type=int, default=TinyShape().layers)
    parser.add_argument("--hidden", type=int, default=TinyShape().hidden)
    parser.add_argument("--heads", type=int, default=TinyShape().heads)
    parser.add_argument("--context", type=int, default=TinyShape().context)
    given = parser.parse_args()
    shape = TinyShape(layers=given.layers, hidden=given.hidden, heads=given.heads, context=given.context)
    make_tiny_model(given.folder, seed=given.seed, name=given.name, shape=shape)


if __name__ == "__main__":
    main()
