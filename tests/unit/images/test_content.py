"""Bytes as keys: equal where they are, and nowhere else."""

from __future__ import annotations

import pytest

from vlm_core.images.cache import Content

DATA = bytes(range(256)) * 4096


def changed(place: int) -> bytes:
    return DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :]


def test_the_same_bytes_are_the_same_key() -> None:
    first, second = Content(DATA), Content(bytes(bytearray(DATA)))
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize("place", [0, 70, 100_000, len(DATA) // 2 + 99, len(DATA) - 1])
def test_one_byte_otherwise_is_another_key(place: int) -> None:
    assert Content(DATA) != Content(changed(place))


@pytest.mark.parametrize("data", [b"", b"x", DATA[:64], DATA[:65], DATA[:-1]], ids=len)
def test_bytes_of_any_length_can_be_a_key(data: bytes) -> None:
    assert {Content(data): "found"}[Content(data)] == "found"
    assert Content(data) != Content(DATA)
    assert Content(data) != data
