"""Documents in parts for an index: whole blocks where they fit, headings with what follows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import NamedTuple, TypeAlias, TypedDict
from uuid import UUID, uuid5

from vlm_core.errors import ConfigError
from vlm_core.structure.chunk_pieces import Piece, pieces_of, rows_that_fit
from vlm_core.structure.splitting import parts_that_fit, words
from vlm_core.structure.tokens import count_tokens
from vlm_core.types import Chunk, DocumentResult

Tokenizer: TypeAlias = Callable[[str], int]
CHUNK_TOKENS = 512
_IDS = UUID("6f0c4f5e-6a0b-5c0e-9d53-1f6f7d0a2b41")
# A chunk that is filled to this part of its limit ends before a heading.
_ENOUGH = 4
_APART = "\n\n"


def chunks(
    documents: DocumentResult | Iterable[DocumentResult],
    chunk_tokens: int = CHUNK_TOKENS,
    tokenizer: Tokenizer | None = None,
    overlap: int = 0,
) -> list[Chunk]:
    """Documents in chunks of at most so many tokens.

    A chunk holds whole blocks where they fit, and sentences where one does not. A heading stands with what
    follows it. Each part of a table has the table's header, below the caption above the table where both
    leave half of the chunk to rows; `repeats` of the chunk says it. Page headers, page footers and page
    numbers are left out.

    Args:
        documents: one, or several.
        chunk_tokens: of a chunk, at most.
        tokenizer: tells how many tokens a text has. Without one, each word, each Chinese, Japanese or Korean
            character and each mark is one; a word is one more for each further 20 characters.
        overlap: tokens at the end of a chunk, at most, that the next one begins with.

    Returns:
        In order. Together they hold every word once, but for what they repeat.

    Raises:
        ConfigError: a number is out of range, a document was not read, or the tokenizer tells no number.

    Example:
        >>> from vlm_core.types import PageResult
        >>> page = PageResult(text="# Tea\\n\\nGreen. Black.\\n\\n# Cake\\n\\nPlum.", total_pages=1)
        >>> [chunk.text for chunk in chunks(DocumentResult(source="a.png", pages=(page,)), chunk_tokens=6)]
        ['Tea\\n\\nGreen. Black.', 'Cake\\n\\nPlum.']
    """
    checked_chunk_options(chunk_tokens, tokenizer, overlap)
    limits = _Limits(chunk_tokens, overlap, tokenizer or count_tokens)
    return [chunk for document in _several(documents) for chunk in _of_document(document, limits)]


def _several(documents: DocumentResult | Iterable[DocumentResult]) -> Iterator[DocumentResult]:
    several = [documents] if isinstance(documents, (DocumentResult, str)) else documents
    for document in several:
        if not isinstance(document, DocumentResult):
            raise ConfigError(
                f"chunks takes documents that were read: {type(document).__name__} is none of them",
                hint="Give it what read() returns, as in chunks(read('a.pdf')).",
            )
        yield document


class ChunkOptions(TypedDict, total=False):
    """How documents are cut into chunks: the options of `chunks`."""

    chunk_tokens: int
    tokenizer: Tokenizer | None
    overlap: int


def checked_chunk_options(chunk_tokens: int, tokenizer: Tokenizer | None, overlap: int) -> ChunkOptions:
    """The options of `chunks` as they were given; what cannot be is refused with a ConfigError."""
    _check_sizes(chunk_tokens, overlap)
    if tokenizer is not None:
        _check_tokenizer(tokenizer)
    return {"chunk_tokens": chunk_tokens, "tokenizer": tokenizer, "overlap": overlap}


def _check_tokenizer(tokenizer: Tokenizer) -> None:
    """Ask a tokenizer once, whether it tells a number."""
    told = tokenizer("a") if callable(tokenizer) else tokenizer
    if isinstance(told, bool) or not isinstance(told, Integral) or told < 0:
        raise ConfigError(
            "tokenizer must be a function that tells how many tokens a text has",
            hint="For example lambda text: len(encoding.encode(text)).",
            argument="tokenizer",
        )


def _check_sizes(chunk_tokens: int, overlap: int) -> None:
    for name, value in (("chunk_tokens", chunk_tokens), ("overlap", overlap)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ConfigError(f"{name} must be a whole number: {value!r}", hint="Such as 512.", argument=name)
    if chunk_tokens < 1:
        told = f"chunk_tokens must be at least 1: {chunk_tokens}"
        raise ConfigError(told, hint="512 suits most indexes.", argument="chunk_tokens")
    if not 0 <= overlap < chunk_tokens:
        told = f"overlap must be at least 0 and less than chunk_tokens: {overlap}"
        raise ConfigError(told, hint="Leave it out for none.", argument="overlap")


class _Limits(NamedTuple):
    chunk_tokens: int
    overlap: int
    count: Tokenizer

    def fits(self, text: str) -> bool:
        """Whether a text is short enough for a chunk that still has room for what overlaps."""
        return self.count(text) <= self.chunk_tokens - self.overlap


@dataclass
class _Draft:
    """A chunk that grows."""

    text: str = ""
    repeats: str = ""
    pieces: list[Piece] = field(default_factory=list)

    def with_pieces(self, pieces: Sequence[Piece]) -> _Draft:
        grown = replace(self, pieces=list(self.pieces))
        for piece in pieces:
            grown._put(piece)
        return grown

    def _put(self, piece: Piece) -> None:
        last = self.pieces[-1] if self.pieces else None
        goes_on = piece.table is not None and last is not None and last.table == piece.table
        above = "" if goes_on else piece.above
        if above and not piece.is_first:
            self.repeats = above.rstrip()
        is_tight = goes_on or (last is not None and last.kind == piece.kind == "list_item")
        between = "" if last is None else "\n" if is_tight else _APART
        self.text = f"{self.text}{between}{above}{piece.text}"
        self.pieces.append(piece)

    @property
    def headings(self) -> tuple[str, ...]:
        """Those that all its texts stand under; of headings alone, those above the first."""
        texts = [piece.headings for piece in self.pieces if piece.kind != "heading"]
        shared = texts[0] if texts else self.pieces[0].headings
        for other in texts:
            pairs = enumerate(zip(shared, other, strict=False))
            same = next((at for at, (one, two) in pairs if one != two), min(len(shared), len(other)))
            shared = shared[:same]
        return shared


def _of_document(document: DocumentResult, limits: _Limits) -> Iterator[Chunk]:
    drafts = list(_drafts(pieces_of(document), limits))
    engines = sorted({f"{page.engine} {page.model or ''}" for page in document.pages})
    name = [document.source, [page.sha256 for page in document.pages], engines, *limits[:2]]
    above = ""
    for number, draft in enumerate(drafts):
        overlapping = "" if draft.repeats else _overlap(above, draft.text, limits)
        above = draft.text
        text = f"{overlapping}{_APART}{draft.text}" if overlapping else draft.text
        yield Chunk(
            text=text,
            id=str(uuid5(_IDS, json.dumps([*name, number]))),
            source=document.source,
            number=number,
            tokens=limits.count(text),
            headings=draft.headings,
            pages=tuple(sorted({page for piece in draft.pieces for page in piece.pages})),
            boxes=tuple(dict.fromkeys(box for piece in draft.pieces for box in piece.boxes)),
            block_kinds=tuple(dict.fromkeys(piece.kind for piece in draft.pieces)),
            repeats=overlapping or draft.repeats,
        )


def _overlap(above: str, text: str, limits: _Limits) -> str:
    """The last words of the chunk before, as many as may overlap."""
    if not limits.overlap:
        return ""
    found = ""
    for word in reversed(list(words(above))):
        longer = f"{word}{found}"
        whole = f"{longer.strip()}{_APART}{text}"
        if limits.count(longer.strip()) > limits.overlap or limits.count(whole) > limits.chunk_tokens:
            break
        found = longer
    return found.strip()


def _drafts(pieces: Iterable[Piece], limits: _Limits) -> Iterator[_Draft]:
    draft = _Draft()
    for group in _groups(pieces, limits):
        grown = draft.with_pieces(group)
        begins_section = group[0].kind == "heading" and _is_filled(draft, limits)
        if draft.pieces and (begins_section or not limits.fits(grown.text)):
            yield draft
            grown = _Draft().with_pieces(group)
        draft = grown
    if draft.pieces:
        yield draft


def _is_filled(draft: _Draft, limits: _Limits) -> bool:
    return bool(draft.text) and limits.count(draft.text) * _ENOUGH >= limits.chunk_tokens


def _groups(pieces: Iterable[Piece], limits: _Limits) -> Iterator[list[Piece]]:
    """Pieces that stay together, each group short enough for a chunk: headings and what follows them."""
    waiting: list[Piece] = []
    for piece in pieces:
        if piece.leads:
            waiting.append(piece)
            continue
        piece = _with_short_caption(piece, limits)
        for number, part in enumerate(_parts(piece, waiting, limits)):
            if number == 0 and limits.fits(_Draft().with_pieces([*waiting, part]).text):
                yield [*waiting, part]
            elif number == 0:
                yield from _alone(waiting, limits)
                yield [part]
            else:
                yield [part]
        waiting = []
    yield from _alone(waiting, limits)


def _with_short_caption(piece: Piece, limits: _Limits) -> Piece:
    """A row without its table's caption where that and the header leave it less than half of a chunk."""
    above = replace(piece, is_first=False).above
    return replace(piece, caption="") if limits.count(above) * 2 > limits.chunk_tokens else piece


def _alone(headings: Sequence[Piece], limits: _Limits) -> Iterator[list[Piece]]:
    """Headings that nothing follows, or that leave no room for it."""
    for heading in headings:
        for part in _parts(heading, [], limits):
            yield [part]


def _parts(piece: Piece, headings: Sequence[Piece], limits: _Limits) -> Iterator[Piece]:
    """A piece as it is, or in parts that fit, the first of them below its headings."""
    if limits.fits(_Draft().with_pieces([*headings, piece]).text):
        yield piece
        return
    first_word = replace(piece, text=next(words(piece.text)).strip())
    if piece.header and not limits.fits(_Draft().with_pieces([first_word]).text):
        # The header alone fills a chunk: it is text, and the rows are without it.
        if piece.is_first:
            header = replace(piece, text=piece.header, header="", cells=(), table=None)
            yield from _parts(header, headings, limits)
        yield from _parts(replace(piece, header=""), [], limits)
        return
    above = headings if limits.fits(_Draft().with_pieces([*headings, first_word]).text) else ()

    def fits(part: str, is_first: bool) -> bool:
        shown = replace(piece, text=part)
        return limits.fits(_Draft().with_pieces([*above, shown] if is_first else [shown]).text)

    # A row is cut between its cells, so that a value stands below its header in each part.
    parts = list(rows_that_fit(piece.cells, fits)) or parts_that_fit(piece.text, fits)
    for number, part in enumerate(parts):
        yield replace(piece, text=part, is_first=piece.is_first and number == 0)
