"""The values that cross rooms: pages of pixels going in, results coming out.

All of them are immutable. Boxes are (x0, y0, x1, y1) as fractions of the upright page,
with the origin at its top left, so that they hold at any resolution.
"""

from vlm_core.types.blocks import Block, BlockKind, Cell, Furniture, LocatedBy, Origin, Table, TextLine, Word
from vlm_core.types.boxes import Box, PageBox, boxes_in_words, rounded, union
from vlm_core.types.chunk import Chunk
from vlm_core.types.correction import Correction, CorrectionAction
from vlm_core.types.evidence import (
    Evidence,
    EvidenceStatus,
    Finding,
    FindingKind,
    SecondOpinion,
    Severity,
    Verify,
)
from vlm_core.types.fields import ExtractedField, ExtractionResult
from vlm_core.types.page_image import MAX_PAGES, READING_PIXELS, Entry, PageImage, StoredJPEG, TextLayer
from vlm_core.types.results import RESULT_VERSION, DocumentResult, PageError, PageResult, PageState
from vlm_core.types.usage import Usage, total_usage

__all__ = [
    "MAX_PAGES",
    "READING_PIXELS",
    "RESULT_VERSION",
    "Block",
    "BlockKind",
    "Box",
    "Cell",
    "Chunk",
    "Correction",
    "CorrectionAction",
    "DocumentResult",
    "Entry",
    "Evidence",
    "EvidenceStatus",
    "ExtractedField",
    "ExtractionResult",
    "Finding",
    "FindingKind",
    "Furniture",
    "LocatedBy",
    "Origin",
    "PageBox",
    "PageError",
    "PageImage",
    "PageResult",
    "PageState",
    "SecondOpinion",
    "Severity",
    "StoredJPEG",
    "Table",
    "TextLayer",
    "TextLine",
    "Usage",
    "Verify",
    "Word",
    "boxes_in_words",
    "rounded",
    "total_usage",
    "union",
]
