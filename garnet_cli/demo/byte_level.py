"""Byte-level BPE tokenizers as the files that transformers reads, written without a tokenizer library."""

from __future__ import annotations

from typing import Any


def byte_alphabet() -> list[str]:
    """Return the printable stand-ins of the 256 bytes, in byte order, as GPT-2 fixed them."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    characters, others = [], 0
    for byte in range(256):
        characters.append(chr(byte) if byte in printable else chr(256 + others))
        others += byte not in printable
    return characters


def tokenizer_json(
    vocabulary: dict[str, int], merges: list[str], special: list[str], *, split_digits: bool
) -> dict[str, Any]:
    """Return the content of ``tokenizer.json``.

    ``vocabulary`` maps each piece to its id, ``merges`` are ``left right`` in order of rank, and the
    ``special`` pieces are never split. ``split_digits`` makes each digit a token of its own.
    """
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = [{"type": "Digits", "individual_digits": True}] if split_digits else []
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": vocabulary[piece], "content": piece, **flags} for piece in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*digits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
