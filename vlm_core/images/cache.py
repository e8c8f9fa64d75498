"""What was encoded lately, so that a picture sent again in the next turn costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from vlm_core.completion import EncodedImage
from vlm_core.lru_cache import LRUCache
from vlm_core.threads import at_fork

Images = tuple[EncodedImage, ...]

MAX_BYTES = 64 << 20
_SAMPLES = 16
_SAMPLE_BYTES = 64


class Content:
    """A file's bytes as a key: told apart by all of them, but hashed by samples.

    To hash a megabyte takes longer than to compare it with another one, and is done at every look-up.

    Args:
        data: the bytes, or their base64.

    Example:
        >>> Content(b"GIF89a") == Content(bytes([71, 73, 70]) + b"89a") != Content(b"GIF87a")
        True
    """

    __slots__ = ("_data", "_hash")

    def __init__(self, data: bytes | str) -> None:
        self._data = data
        step = max(_SAMPLE_BYTES, len(data) // _SAMPLES)
        samples = [data[start : start + _SAMPLE_BYTES] for start in range(0, len(data), step)]
        self._hash = hash((len(data), *samples, data[-_SAMPLE_BYTES:]))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self._data == other._data


class Cache:
    """The encoded pages of pictures, the ones used longest ago forgotten first. Threads may share it.

    Args:
        max_bytes: of all that is kept: encoded pages, their data URIs, and the files that are keys.

    Example:
        >>> cache = Cache(max_bytes=1000)
        >>> dot = EncodedImage(b"GIF89a", "gif", 1, 1)
        >>> cache.get("dot", lambda: (dot,)) == cache.get("dot", lambda: ()) == (dot,)
        True
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._kept: LRUCache[Images] = LRUCache(max_bytes, keeps_newest=False)
        self._lock = threading.Lock()
        self._being_made: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Images], *, original: bytes | str = b"") -> Images:
        """The pages under a key, made where there are none; threads that ask at once share one making.

        Args:
            key: what they were made from, and for.
            make: what it raises is raised here, and nothing kept.
            original: the file or its data URI, where the key keeps it in memory.
        """
        if (images := self._kept.get(key)) is not None:
            return images
        with self._lock:
            making = self._being_made.setdefault(key, threading.Lock())
        with making:
            try:
                if (images := self._kept.get(key)) is None:
                    images = make()
                    self._kept.put(key, images, _bytes_of(images, original))
                return images
            finally:
                with self._lock:
                    self._being_made.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


def _bytes_of(images: Images, original: bytes | str) -> int:
    """All that is kept with pages: the file too, unless it is one of them, as the key."""
    is_kept_twice = any(image.data is original for image in images)
    return sum(_weight(image) for image in images) + (0 if is_kept_twice else len(original))


def _weight(image: EncodedImage) -> int:
    """The bytes of a page and of its data URI, which is made when it is sent."""
    return len(image.data) * 7 // 3


def _start_anew() -> None:
    """After a fork: a lock may have been held by a thread that is not here."""
    shared.__init__()  # type: ignore[misc]


shared = Cache()
"""The one of this process."""

at_fork(in_child=_start_anew)
