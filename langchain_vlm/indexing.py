"""A loader that LangChain's `index()` reads: what a failed page gave in an earlier run is not deleted.

`index(cleanup=...)` deletes what the loader does not give again, so that a page that cannot be read at the
moment would be deleted like one that is gone. What is deleted cannot be chosen from within a loader, but an
error ends `index()` before it deletes. So the loader gives all that was read, and raises then.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from types import FrameType
from typing import TYPE_CHECKING, Any

from vlm_core import PagesFailed
from vlm_core.integration import OnFailed

if TYPE_CHECKING:
    from langchain_core.documents.base import Document

__all__ = ["IndexRun", "advice", "index_run"]

_API = "langchain_core.indexing.api"


_HINT = (
    "index() ends here, and deletes nothing that these pages gave before. "
    'Run it again; with on_error="record" it goes on, and deletes that.'
)


@dataclass(frozen=True)
class IndexRun:
    """A call of `index()` or `aindex()` that deletes what it is not given.

    Example:
        >>> IndexRun("full", batch_size=100).on_failed
        'raise'
    """

    cleanup: str
    batch_size: int

    @property
    def on_failed(self) -> OnFailed:
        """What is to be done where pages failed.

        "incremental" deletes with each batch the other pages of its documents, so that nothing may be
        given of a document of which a page failed.
        """
        return "hold_back" if self.cleanup == "incremental" else "raise"

    def filled(self, documents: Iterator[Document]) -> Iterator[Document]:
        """All Documents of a loader; where it raises at the end, their last batch is filled up before."""
        given, last = 0, None
        with advice():
            try:
                for last in documents:
                    given += 1
                    yield last
            except PagesFailed:
                yield from self._rest(given, last)
                raise

    async def afilled(self, documents: AsyncIterator[Document]) -> AsyncIterator[Document]:
        """As `filled`."""
        given, last = 0, None
        with advice():
            try:
                async for last in documents:
                    given += 1
                    yield last
            except PagesFailed:
                for document in self._rest(given, last):
                    yield document
                raise

    def _rest(self, given: int, last: Document | None) -> Iterator[Document]:
        """The last Document, until its batch is full: of one that is not full nothing is indexed where
        the loader raises, and what is in it more than once is indexed once."""
        return repeat(last, -given % self.batch_size) if last is not None else iter(())


@contextmanager
def advice() -> Iterator[None]:
    """A PagesFailed that is raised within says what it means for an index."""
    try:
        yield
    except PagesFailed as error:
        error.hint = _HINT
        raise


def index_run() -> IndexRun | None:
    """The call of `index()` or `aindex()` that is reading a loader at this moment, if it deletes anything.

    LangChain does not tell a loader who reads it, so that it is looked up in the call stack.

    Example:
        >>> index_run() is None
        True
    """
    api: Any = sys.modules.get(_API)
    if api is None:
        return None
    codes = {api.index.__code__, api.aindex.__code__}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    if frame is None or frame.f_locals["cleanup"] is None:
        return None
    return IndexRun(frame.f_locals["cleanup"], frame.f_locals["batch_size"])
