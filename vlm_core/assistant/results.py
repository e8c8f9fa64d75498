"""What an assistant gives back: words for a language model, and beside them what a program needs.

All of them are immutable. None but `PagePicture` holds the bytes of a picture: `images` says where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from vlm_core.completion import EncodedImage
from vlm_core.types import Box, Finding, PageResult, Usage


@dataclass(frozen=True)
class PageReference:
    """A page that was looked at, by its place and not by its bytes."""

    source: str
    """The file's name under the root, or the URL without its query."""
    page: int
    """From 1."""
    sha256: str = ""
    """Of its width, height and pixels, as `PageResult` has it."""


@dataclass(frozen=True)
class Citation:
    """Where something stands.

    Example:
        >>> Citation("a.png", 1, 1, ((0.1, 0.8, 0.6, 0.83),)).page
        1
    """

    source: str
    page: int
    """From 1."""
    total_pages: int | None = None
    boxes: tuple[Box, ...] = ()
    """As fractions of the upright page, as those of `TextLine`; none where all of the page is meant."""


@dataclass(frozen=True, kw_only=True)
class AssistantResult:
    """What was found, in whatever way it was asked for.

    Example:
        >>> result = AssistantResult(text="9.00", citations=(Citation("a.png", 1),))
        >>> result.to_dict()["citations"][0]["source"]
        'a.png'
    """

    text: str
    """What a language model is shown: plain, cut to a length, the words of a document between marks."""
    citations: tuple[Citation, ...] = ()
    images: tuple[PageReference, ...] = ()
    """The pages whose pictures are behind it."""
    notes: tuple[str, ...] = ()
    """What was left out or could not be done. They stand in the text too."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values, fit for a checkpoint or a trace."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _plain(value: object) -> object:
    """A value as JSON has it; results as their own serialisers say."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value


@dataclass(frozen=True, kw_only=True)
class ImageReading(AssistantResult):
    """The text of pages."""

    pages: tuple[PageResult, ...] = ()
    """As the engine read them, whole, whatever was cut from the text."""


@dataclass(frozen=True, kw_only=True)
class ImageAnswer(AssistantResult):
    """The answer to a question."""

    answer: str = ""
    """The vision model's words as they came; empty where there is none, and the text is all there is."""
    route: str | None = None
    """Who answered, as "provider:model"."""
    usage: Usage | None = None


@dataclass(frozen=True, kw_only=True)
class ImageData(AssistantResult):
    """Values from a picture, as a schema wants them."""

    data: Any = None
    """Plain values, or an object of the pydantic model that was given."""
    fields: Any = None
    """The same tree as the data, each leaf an `ExtractedField`: whether the value stands there, and where."""
    findings: tuple[Finding, ...] = ()
    """What differs between values and pages. They never change the data."""
    route: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class TextMatch:
    """A place where a text was found."""

    source: str
    page: int
    text: str
    """What stands there, as it was read."""
    boxes: tuple[Box, ...]
    """One for each line that it runs over."""
    likeness: float
    """From 0 to 1: how much of it is as it was sought."""


@dataclass(frozen=True, kw_only=True)
class TextMatches(AssistantResult):
    """The places where a text was found, best first."""

    matches: tuple[TextMatch, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PagePicture(AssistantResult):
    """A page to be looked at."""

    width: int = 0
    """Pixels of the picture."""
    height: int = 0
    picture: EncodedImage = field(repr=False)
    """The page as a PNG or JPEG; not in `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        """As that of `AssistantResult`, without the picture."""
        names = (each.name for each in fields(self) if each.name != "picture")
        return {name: _plain(getattr(self, name)) for name in names}


@dataclass(frozen=True)
class DocumentEntry:
    """What is known of a document before it is read."""

    name: str
    """Relative to the root."""
    kind: str
    """Its format, as "PDF" or "JPEG", by its first bytes; empty where it is none, or was not looked at."""
    total_pages: int | None
    """None where they were not counted."""
    pages: Mapping[str, int]
    """How many pages ended in each state, of those that were read."""
    modified: str
    """When the file was last changed (ISO 8601, UTC)."""
    size: int
    """In bytes."""
    problem: str = ""
    """Why its pages cannot be counted."""


@dataclass(frozen=True, kw_only=True)
class DocumentList(AssistantResult):
    """The documents that there are, newest first."""

    documents: tuple[DocumentEntry, ...] = ()
    """Some of them, where there are many."""
    total_documents: int = 0
    """That fit the pattern."""
    next_start: int | None = None
    """The number of the first one that comes next; None at the end."""


@dataclass(frozen=True)
class PageEntry:
    """What is known of a page before it is read."""

    page: int
    width: int
    """Pixels of the upright page, a PDF's as it is drawn."""
    height: int
    has_text: bool
    """Whether the file holds its words, as a born-digital PDF does; else they are read from the picture."""
    first_words: str = ""
    problem: str = ""
    """Why the page cannot be had."""


@dataclass(frozen=True, kw_only=True)
class PageList(AssistantResult):
    """The pages of a document."""

    pages: tuple[PageEntry, ...] = ()
    """The first ones, where there are too many."""
    total_pages: int = 0
