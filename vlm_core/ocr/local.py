"""The embedded engine: RapidOCR (PP-OCRv6), which needs no key and no network.

RapidOCR brings the models and the text detector; around them stands what it lacks: small print on
large pages, the way up, lost spaces, columns, and a count of what was found but could not be read.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from vlm_core.errors import ConfigError, EngineError, MissingExtraError
from vlm_core.ocr.guards import NO_TEXT, is_blank, page_warnings
from vlm_core.ocr.layout import RENDERERS, Piece, lines_in_order
from vlm_core.types import PageImage, PageResult, PageState, TextLine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlm_core.ocr.recognition import Reading
    from vlm_core.ocr.tiles import Pixels, Quads


READABLE = 0.5
"""The mean probability of its characters from which a line counts as read."""
SPARSE = 0.25
"""Characters for each time that a box is longer than high, below which most of it went unread."""
RULES = frozenset("-_=*.~—–· ")
STRIP = 4
"""Times its height that a line is shown of, to tell which way is up."""
VOTERS = 24
"""Lines that are asked which way is up."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in ("rapidocr", "vlm-adapters"):
        with suppress(PackageNotFoundError):  # reading a page says so in better words
            versions[name] = version(name)
    return versions


class Models(NamedTuple):
    """What RapidOCR loads: shared by all threads, changed by none."""

    detect: Callable[[Pixels], Quads]
    look_inverted: Callable[[list[Pixels]], list[bool]]
    infer: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    characters: Sequence[str]


class LocalEngine:
    """Reads pages on this machine's CPU.

    It reads Latin, Chinese and Japanese script (see `docs/reference/local-engine.md`), and may be
    used from any number of threads; each page takes one core.

    Args:
        task: "markdown", "text", or "layout" (text where it stands on the page).

    Raises:
        ConfigError: the task needs a vision model.

    Example:
        >>> LocalEngine(task="text").name
        'rapidocr'
    """

    name = "rapidocr"
    route = "local"
    """What a user calls it."""
    model: str | None = "PP-OCRv6-small"

    max_concurrency = _cores()
    """Pages read at once: one a core."""

    @property
    def identity(self) -> dict[str, str]:
        """What changes its answers beside the picture and the task."""
        return _versions()

    def __init__(self, task: str = "markdown") -> None:
        if task not in RENDERERS:
            known = ", ".join(RENDERERS)
            raise ConfigError(
                f"The local engine does not know the task {task!r}",
                hint=f"It knows {known}; the others need a vision model.",
            )
        self.task = task

    def read_page(self, page: PageImage) -> PageResult:
        """Read one page.

        Args:
            page: upright as its file says; one scanned sideways or upside down is turned.

        Returns:
            Its lines in reading order, with boxes as fractions of the page once it is upright.

        Raises:
            MissingExtraError: RapidOCR is not installed.
            EngineError: RapidOCR failed.
        """
        models = load_models()
        started = time.perf_counter()
        try:
            found = _read(page, models)
        except Exception as error:
            raise EngineError(
                f"{page.source}: RapidOCR failed on page {page.page_number}: {error}", page=page.page_number
            ) from error
        return self._result(page, found, time.perf_counter() - started)

    def _result(self, page: PageImage, found: Found, seconds: float) -> PageResult:
        text = RENDERERS[self.task](found.lines)
        sideways = found.turn % 180 == 90
        blank = not text and is_blank(page)
        return PageResult(
            text=text,
            state=PageState.BLANK if blank else PageState.OK,
            source=page.source,
            page_number=page.page_number,
            total_pages=page.total_pages,
            lines=found.lines,
            width=page.height if sideways else page.width,
            height=page.width if sideways else page.height,
            rotation=(page.rotation + found.turn) % 360,
            sha256=page.sha256,
            engine=self.name,
            model=self.model,
            cost_usd=0.0,
            seconds=round(seconds, 3),
            warnings=tuple(_warnings(text, found.unread, blank)),
        )


class Found(NamedTuple):
    """What was found on a page: lines, the boxes that could not be read, the turn that was needed."""

    lines: tuple[TextLine, ...]
    unread: int
    turn: int


def _warnings(text: str, unread: int, blank: bool) -> list[str]:
    warnings = []
    if unread:
        boxes = "text box was" if unread == 1 else "text boxes were"
        warnings.append(f"{unread} {boxes} found but could not be read")
    if not text and not blank:
        warnings.append(NO_TEXT)
    return warnings + page_warnings(text)


def _read(page: PageImage, models: Models) -> Found:
    from vlm_core.ocr.orientation import turn_image, turn_quads
    from vlm_core.ocr.recognition import read_box
    from vlm_core.ocr.tiles import find_text

    image = _as_bgr(page)
    quads = find_text(image, models.detect, page.dpi)
    if not len(quads) and not is_blank(page):
        quads = find_text(image, models.detect, page.dpi, closely=True)
    turn = _turn(image, quads, models)
    upright, quads = turn_image(image, turn), turn_quads(quads, turn, page.width, page.height)
    readings = [read_box(upright, quad, models.infer, models.characters) for quad in quads]
    height, width = upright.shape[:2]
    pieces = _pieces(quads, readings)
    hardly = sum(is_hardly_read(quad, reading) for quad, reading in zip(quads, readings, strict=True))
    return Found(lines_in_order(pieces, width, height), len(readings) - len(pieces) + hardly, turn)


def is_hardly_read(quad: Quads, reading: Reading) -> bool:
    """Whether a reading is far too short for its box, as one in a script that the model does not know.

    Such a line can come out as a sure comma. A drawn rule may be a single dash, and is none.
    """
    import numpy as np

    sides = np.linalg.norm(quad[[1, 2]] - quad[[0, 1]], axis=1)
    expected = SPARSE * float(sides.max() / max(sides.min(), 1.0))
    return reading.score >= READABLE and len(reading.text) < expected and not RULES.issuperset(reading.text)


def _as_bgr(page: PageImage) -> Pixels:
    import cv2
    import numpy as np

    rgb = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, 3)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)


def _turn(image: Pixels, quads: Quads, models: Models) -> int:
    """Which quarter turn sets the page upright, by a vote of its longest lines."""
    from vlm_core.ocr.orientation import clockwise_turn, is_tall, turn_image
    from vlm_core.ocr.recognition import cut_out

    if not len(quads):
        return 0
    voters = sorted(quads, key=lambda quad: -float((quad.max(axis=0) - quad.min(axis=0)).max()))[:VOTERS]
    tall = [is_tall(quad) for quad in voters]
    crops = [cut_out(image, quad) for quad in voters]
    held = [turn_image(crop, 270) if sideways else crop for crop, sideways in zip(crops, tall, strict=True)]
    # The classifier squeezes what it is given into a short strip, in which a long line is past telling.
    return clockwise_turn(tall, models.look_inverted([crop[:, : STRIP * crop.shape[0]] for crop in held]))


def _pieces(quads: Quads, readings: Sequence[Reading]) -> list[Piece]:
    skew = math.atan(_slope(quads))
    return [
        _piece(quad, reading, skew)
        for quad, reading in zip(quads, readings, strict=True)
        if reading.text and reading.score >= READABLE
    ]


def _piece(quad: Quads, reading: Reading, skew: float) -> Piece:
    import numpy as np

    along, down = np.array([[math.cos(skew), math.sin(skew)], [-math.sin(skew), math.cos(skew)]])
    begin, end = quad[[0, 3]].mean(axis=0), quad[[1, 2]].mean(axis=0)
    return Piece(
        reading.text,
        reading.score,
        _box(quad),
        level=float(quad.mean(axis=0) @ down),
        thickness=float(np.linalg.norm(quad[[3, 2]] - quad[[0, 1]], axis=1).mean()),
        ends=(float(begin @ along), float(end @ along)),
    )


def _box(quad: Quads) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _slope(quads: Quads) -> float:
    """How many pixels the lines fall for each pixel to the right: the scan's skew."""
    import numpy as np

    if not len(quads):
        return 0.0
    across = quads[:, 1] - quads[:, 0]
    wide = across[across[:, 0] >= np.median(across[:, 0])]
    slope = float(np.median(wide[:, 1] / np.maximum(wide[:, 0], 1.0)))
    return slope if abs(slope) < math.tan(math.radians(20)) else 0.0


_loading = Lock()


def load_models() -> Models:
    """Load RapidOCR's models, once in a process.

    Raises:
        MissingExtraError: RapidOCR or onnxruntime is not installed.
    """
    with _loading:
        return _load_models()


@cache
def _load_models() -> Models:
    try:
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        import onnxruntime  # noqa: F401
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtraError(
            "The local OCR engine is not installed", hint="Install it with: pip install 'vlm-adapters[local]'"
        ) from error
    return _models_of(
        RapidOCR(
            params={
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.limit_side_len": 32,
                "Det.box_thresh": 0.4,
            }
        )
    )


def _models_of(rapidocr: Any) -> Models:
    """RapidOCR's three models as functions; its own call keeps arguments on the object."""
    import numpy as np

    detector = rapidocr._load_det_model()
    classifier = rapidocr._load_cls_model()
    recognizer = rapidocr._load_rec_model()

    def detect(image: Pixels) -> Quads:
        boxes = detector(image).boxes
        return np.zeros((0, 4, 2), np.float32) if boxes is None else np.asarray(boxes, np.float32)

    def look_inverted(crops: list[Pixels]) -> list[bool]:
        return [label == "180" for label, _ in classifier(crops).cls_res]

    def infer(line: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(recognizer.session(line)[0], np.float32)

    return Models(detect, look_inverted, infer, recognizer.postprocess_op.character)
