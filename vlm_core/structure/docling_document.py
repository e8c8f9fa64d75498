"""Documents as docling has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from vlm_core.errors import MissingExtraError
from vlm_core.structure.joined_tables import joined, tables_of
from vlm_core.structure.table_grid import header_rows
from vlm_core.types import Block, BlockKind, Box, Cell, DocumentResult, Table

if TYPE_CHECKING:
    from docling_core.types.doc import BoundingBox, DoclingDocument, NodeItem, ProvenanceItem, TableCell

_WHOLE_PAGE = (0.0, 0.0, 1.0, 1.0)
_CAPTIONED = frozenset({"table", "figure"})
_LABELS: dict[BlockKind, str] = {
    "paragraph": "text",
    "caption": "caption",
    "footnote": "footnote",
    "page_header": "page_header",
    "page_footer": "page_footer",
}


def as_docling(document: DocumentResult) -> DoclingDocument:
    """A document as docling has it; `DocumentResult.to_docling` says more."""
    try:
        from docling_core.types.doc import DoclingDocument
    except ImportError as error:
        hint = 'Install it with: pip install "vlm-adapters[docling]"'
        raise MissingExtraError("docling-core is not installed", hint=hint) from error
    made = DoclingDocument(name=PurePath(document.source).stem or "document")
    writer = _Writer(made, document)
    blocks = [block for block in document.blocks if not (block.table is not None and block.continues)]
    for number, block in enumerate(blocks):
        writer.add(block, blocks[max(0, number - 1) : number], blocks[number + 1 : number + 2])
    return made


class _Writer:
    """Puts blocks into a DoclingDocument, in order."""

    def __init__(self, made: DoclingDocument, document: DocumentResult) -> None:
        from docling_core.types.doc import Size

        self._made = made
        self._sizes = {page.page_number: (page.width or 1, page.height or 1) for page in document.pages}
        for number, (width, height) in self._sizes.items():
            made.add_page(page_no=number, size=Size(width=width, height=height))
        self._tables = {id(parts[0]): parts for parts in tables_of(document.blocks)}
        self._lists: list[NodeItem] = []
        """The groups that are open, the outermost first; below each but the first is an item's."""
        self._item: NodeItem | None = None
        self._caption: Any = None
        """What was put down for the table or figure that comes next."""
        self._last: Any = None

    def add(self, block: Block, before: Sequence[Block], after: Sequence[Block]) -> None:
        """Put down a block, which stands between these."""
        if block.kind != "list_item":
            self._lists = []
        made = _ADDERS.get(block.kind, _Writer._text)(self, block)
        if block.kind == "caption" and any(one.kind in _CAPTIONED for one in after):
            self._caption = made
        elif block.kind == "caption" and any(one.kind in _CAPTIONED for one in before):
            self._last.captions = self._last.captions or [made.get_ref()]
        self._last = made

    def _taken_caption(self) -> Any:
        caption, self._caption = self._caption, None
        return caption

    def _place(self, block: Block) -> ProvenanceItem | None:
        from docling_core.types.doc import ProvenanceItem

        if block.page_number not in self._sizes:
            return None
        box = self._box(block.page_number, block.bbox or _WHOLE_PAGE)
        return ProvenanceItem(page_no=block.page_number, bbox=box, charspan=(0, len(block.text)))

    def _box(self, page_number: int, box: Box) -> BoundingBox:
        from docling_core.types.doc import BoundingBox, CoordOrigin

        width, height = self._sizes[page_number]
        left, top, right, bottom = (edge * side for edge, side in zip(box, (width, height) * 2, strict=True))
        return BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT)

    def _text(self, block: Block) -> Any:
        from docling_core.types.doc import ContentLayer, DocItemLabel

        is_furniture = block.kind in ("page_header", "page_footer")
        return self._made.add_text(
            label=DocItemLabel(_LABELS[block.kind]),
            text=block.text,
            prov=self._place(block),
            content_layer=ContentLayer.FURNITURE if is_furniture else ContentLayer.BODY,
        )

    def _heading(self, block: Block) -> Any:
        return self._made.add_heading(text=block.text, level=block.level or 1, prov=self._place(block))

    def _code(self, block: Block) -> Any:
        from docling_core.types.doc.labels import CodeLanguageLabel

        named = {label.value.casefold(): label for label in CodeLanguageLabel}
        language = named.get(block.marker.casefold())
        return self._made.add_code(text=block.text, code_language=language, prov=self._place(block))

    def _formula(self, block: Block) -> Any:
        return self._made.add_formula(text=block.text, prov=self._place(block))

    def _list_item(self, block: Block) -> Any:
        level = block.level or 1
        self._lists = self._lists[:level]
        while len(self._lists) < level:
            parent = self._item if self._lists else None
            self._lists.append(self._made.add_list_group(parent=parent))
        self._item = self._made.add_list_item(
            text=block.text,
            enumerated=any(map(str.isalnum, block.marker)),
            marker=block.marker or "-",
            parent=self._lists[-1],
            prov=self._place(block),
        )
        return self._item

    def _figure(self, block: Block) -> Any:
        caption = self._taken_caption()
        if caption is None and block.text:
            caption = self._text(block.model_copy(update={"kind": "caption"}))
        return self._made.add_picture(caption=caption, prov=self._place(block))

    def _table(self, block: Block) -> Any:
        from docling_core.types.doc import TableData

        parts = self._tables[id(block)]
        table = joined(parts)
        cells = [self._cell(cell, table, block) for cell in table.cells]
        data = TableData(num_rows=table.row_count, num_cols=table.column_count, table_cells=cells)
        made = self._made.add_table(data=data, caption=self._taken_caption())
        made.prov = [place for part in parts if (place := self._place(part)) is not None]
        return made

    def _cell(self, cell: Cell, table: Table, block: Block) -> TableCell:
        from docling_core.types.doc import TableCell

        is_placed = block.page_number in self._sizes and cell.page_number in (None, block.page_number)
        is_column_header = cell.is_header and cell.row < header_rows(table)
        return TableCell(
            text=cell.text,
            bbox=self._box(block.page_number or 0, cell.bbox) if cell.bbox and is_placed else None,
            row_span=cell.row_span,
            col_span=cell.column_span,
            start_row_offset_idx=cell.row,
            end_row_offset_idx=cell.row + cell.row_span,
            start_col_offset_idx=cell.column,
            end_col_offset_idx=cell.column + cell.column_span,
            column_header=is_column_header,
            row_header=cell.is_header and not is_column_header,
        )


_ADDERS: dict[BlockKind, Callable[[_Writer, Block], Any]] = {
    "heading": _Writer._heading,
    "list_item": _Writer._list_item,
    "table": _Writer._table,
    "figure": _Writer._figure,
    "formula": _Writer._formula,
    "code": _Writer._code,
}
