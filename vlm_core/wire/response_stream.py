"""Bodies of answers that do not simply flow: one that was read already, one that is cut short."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from itertools import takewhile
from typing import Any


class BufferedBody:
    """A body that was read, in one piece, for either kind of loop.

    Example:
        >>> list(BufferedBody(b"words"))
        [b'words']
    """

    def __init__(self, body: bytes) -> None:
        self._pieces = [body] if body else []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._pieces:
            raise StopIteration
        return self._pieces.pop()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def bounded_stream(base: Any, max_bytes: int, seconds: float) -> Any:
    """A kind of stream that ends after so many bytes or seconds, without a word.

    Args:
        base: the HTTP library's SyncByteStream or AsyncByteStream.
        max_bytes: no piece beyond these is handed on.
        seconds: from when it is made.

    Example:
        >>> b"".join(bounded_stream(object, 3, 60.0)([b"ab", b"c", b"d"]))
        b'abc'
    """

    class Short(base):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream
            self._bytes = 0
            self._end = time.monotonic() + seconds

        def _is_over(self, piece: bytes) -> bool:
            self._bytes += len(piece)
            return self._bytes > max_bytes or time.monotonic() > self._end

        def __iter__(self) -> Iterator[bytes]:
            return takewhile(lambda piece: not self._is_over(piece), self._stream)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._stream:
                if self._is_over(piece):
                    return
                yield piece

        def close(self) -> None:
            self._stream.close()

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Short
