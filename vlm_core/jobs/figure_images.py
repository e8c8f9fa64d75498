"""The pictures of figures, cut out of their pages and written into a folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from vlm_core.jobs.writing import write_whole
from vlm_core.types import PageImage, PageResult

MOST_FIGURES = 100
"""Of a page: a model may tell of any number."""
_LONGEST_STEM = 60
_NOT_TAKEN = re.compile(r"[^\w-]+", re.ASCII)


def with_figure_images(result: PageResult, page: PageImage, folder: Path) -> PageResult:
    """A page's result with the files into which the pictures of its figures were written.

    A file that cannot be written costs no page: a warning of the result tells of it.

    Args:
        result: of which the figures with a box are meant.
        page: that was read.
        folder: is made where it is missing. No link in it is written through.
    """
    from vlm_core.images.page_images import part_png

    boxes = [block.bbox for block in result.blocks if block.kind == "figure" and block.bbox is not None]
    paths, warnings = [], list(result.warnings)
    if len(boxes) > MOST_FIGURES:
        warnings.append(f"of its {len(boxes)} figures, {MOST_FIGURES} were written to {folder}")
    try:
        for number, box in enumerate(boxes[:MOST_FIGURES], 1):
            name = _file_name(result, number)
            write_whole(folder, name, part_png(page, box, result.rotation))
            paths.append(str(folder / name))
    except OSError as error:
        warnings.append(f"its figures could not be written to {folder}: {error}")
    return result.model_copy(update={"figure_images": tuple(paths), "warnings": tuple(warnings)})


def _file_name(result: PageResult, number: int) -> str:
    """A name that every file system takes, of this picture of a page alone, the same at every reading."""
    stem = _NOT_TAKEN.sub("_", PurePath(result.source).stem).strip("_")[:_LONGEST_STEM]
    return f"{stem or 'page'}-{result.sha256[:16]}-{result.page_number}-{number}.png"
