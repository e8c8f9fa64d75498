"""The embedded engine: RapidOCR (PP-OCRv6), which needs no key and no network.

RapidOCR brings the models and the text detector; around them stands what it lacks: small print on
large pages, the way up, lost spaces, columns, and a count of what was found but could not be read.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vlm_core.errors import ConfigError, EngineError, MissingExtraError
from vlm_core.ocr.layout import TASKS, Piece, PlacedPiece, in_order, text_of_page
from vlm_core.ocr.page_warnings import NO_TEXT, is_blank, page_warnings
from vlm_core.ocr.scripts import READ_WITHOUT, as_packs, is_from_right
from vlm_core.ocr.tesseract_packs import find_packs, is_installed, need_tesserocr
from vlm_core.ocr.unread_ink import Ink, Unread, is_little_unread, is_unread, unread_on
from vlm_core.reading_order.bent import straightened
from vlm_core.reading_order.columns import Work
from vlm_core.structure.figures import figures_of
from vlm_core.structure.table_finding.find import find_tables
from vlm_core.types import READING_PIXELS, Block, Box, PageImage, PageResult, PageState, TextLine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vlm_core.ocr.character_trace import MatrixFolding
    from vlm_core.ocr.pixels import Pixels
    from vlm_core.ocr.printed_line import PrintedLine
    from vlm_core.ocr.printed_page import PrintedPage
    from vlm_core.ocr.recognition import RecognizedLine
    from vlm_core.ocr.tiles import Quads

UNSURE = 0.8
"""The score below which a line is perhaps not what stands on the page."""
LETTERS = 20
"""Characters that must be read on a page before letters outside its boxes are known by their height."""
SAMPLE = 40
"""Boxes of a page of scraps that are read before the others are."""


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


class Reader(Protocol):
    """What reads lines beside RapidOCR."""

    is_always: bool
    """Whether it is asked also where nothing is unread."""
    is_alone: bool
    """Whether it reads all lines, and RapidOCR does nothing but find them."""

    def __call__(
        self,
        image: Pixels,
        quads: Quads,
        readings: Sequence[RecognizedLine],
        characters: Sequence[str],
    ) -> tuple[Sequence[RecognizedLine], str]:
        """The lines of a page as they are read again, and what to do about what is still unread.

        Args:
            image: the upright page.
            quads: its text boxes, in pixels.
            readings: what RapidOCR read in each.
            characters: all that it can read.
        """
        ...

    def read_as_held(self, crop: Pixels) -> RecognizedLine:
        """Read one line as it is held, to tell which way is up.

        Args:
            crop: height × width × 3, RGB.
        """
        ...


class LocalEngine:
    """Reads pages on this machine's CPU.

    It reads Latin, Chinese and Japanese script (see `docs/reference/local-engine.md`), and may be
    used from any number of threads; each page takes one core. What stays unread is read by Tesseract, where
    that is installed (`pip install 'vlm-adapters[tesseract]'`) with a pack for the script.

    Args:
        task: "markdown", "text", or "layout" (text where it stands on the page).
        languages: that are expected, as "rus" or "ru". Then no others are tried, and lines are read by
            Tesseract too in which RapidOCR lacks a letter.
        reads_again: whether Tesseract reads what stays unread.

    Raises:
        ConfigError: the task needs a vision model, or a language's pack is not installed.
        MissingExtraError: a language needs Tesseract, which is not installed.

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
    reading_pixels = READING_PIXELS
    """Of a picture, at most."""

    @property
    def identity(self) -> dict[str, str]:
        """What changes its answers beside the picture and the task: versions, and Tesseract's packs."""
        if not self._reads_again or not is_installed():
            return _versions()
        expected = {"languages": "+".join(self.languages)} if self.languages else {}
        return {**_versions(), **find_packs().identity, **expected}

    def __init__(
        self,
        task: str = "markdown",
        languages: str | Iterable[str] | None = None,
        *,
        reads_again: bool = True,
    ) -> None:
        if task not in TASKS:
            known = ", ".join(TASKS)
            raise ConfigError(
                f"The local engine does not know the task {task!r}",
                hint=f"It knows {known}; the others need a vision model.",
            )
        self.task = task
        self.languages = () if languages is None else as_packs(languages)
        lacking = tuple(pack for pack in self.languages if pack not in READ_WITHOUT)
        if lacking:
            need_tesserocr()
            find_packs().check(lacking, "languages")
        self._expected = lacking
        # Nothing that RapidOCR lacks is expected where languages are named and it has them all.
        self._reads_again = reads_again and (languages is None or bool(lacking))

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
        return self._found(page, load_models())[0]

    def read_closely(self, page: PageImage) -> PrintedPage:
        """Read one page, and keep what the recogniser thought of each character, some megabytes.

        It is for checking what another engine wrote of the page.

        Args:
            page: as of `read_page`.

        Raises:
            MissingExtraError: RapidOCR is not installed.
            EngineError: RapidOCR failed.
        """
        from vlm_core.ocr.page_pixels import PagePixels
        from vlm_core.ocr.printed_page import PrintedPage

        models = load_models()
        folding = _folding()
        result, found = self._found(page, models, folding)
        pixels = PagePixels(found.image, models.infer, models.characters, folding)
        return PrintedPage(result, found.printed, found.illegible_boxes, pixels, folding.alphabet)

    def _reader(self) -> Reader | None:
        """What reads lines beside RapidOCR."""
        if not self._reads_again or not is_installed():
            return None
        from vlm_core.ocr.tesseract_reading import TesseractReader

        return TesseractReader(find_packs(), self._expected)

    def _found(
        self, page: PageImage, models: Models, folding: MatrixFolding | None = None
    ) -> tuple[PageResult, LocalReading]:
        started = time.perf_counter()
        reader = self._reader() if folding is None else None  # what is looked at closely is RapidOCR's
        try:
            found = _read(page, models, folding, reader)
        except Exception as error:
            name = "RapidOCR" if reader is None else "RapidOCR or Tesseract"
            raise EngineError(
                f"{page.source}: {name} failed on page {page.page_number}: {error}", page=page.page_number
            ) from error
        return self._result(page, found, time.perf_counter() - started), found

    def _result(self, page: PageImage, found: LocalReading, seconds: float) -> PageResult:
        text = text_of_page(self.task, found.lines, found.found)
        sideways = found.turn % 180 == 90
        blank = not text and not found.unread.boxes and is_blank(page)
        state = PageState.BLANK if blank else PageState.PARTIAL if found.unread.boxes else PageState.OK
        return PageResult.of(
            page,
            state,
            text=text,
            lines=found.lines,
            found=found.found,
            width=page.height if sideways else page.width,
            height=page.width if sideways else page.height,
            rotation=(page.rotation + found.turn) % 360,
            engine=self.name,
            model=self.model,
            cost_usd=0.0,
            seconds=round(seconds, 3),
            unread_share=found.unread.share,
            unread=found.unread.boxes,
            warnings=tuple(_warnings(text, found, blank)),
        )


class LocalReading(NamedTuple):
    """What was found on a page: its lines, what of it could not be read, the turn that was needed."""

    lines: tuple[TextLine, ...]
    illegible: int
    unread: Unread
    turn: int
    spots: int
    """Of ink that hold no text, on a page that is all but empty."""
    doubts: tuple[str, ...] = ()
    """What is to be said of the text that was read."""
    found: tuple[Block, ...] = ()
    """Tables and figures."""
    printed: tuple[PrintedLine, ...] = ()
    """Where it was asked for, the lines' characters and"""
    illegible_boxes: tuple[Box, ...] = ()
    """what could not be read, in pixels, and"""
    image: Pixels | None = None
    """the page as it stands upright."""


def _warnings(text: str, found: LocalReading, blank: bool) -> list[str]:
    warnings = [found.unread.warning] if found.unread.boxes else []
    if found.illegible:
        boxes = "text box was" if found.illegible == 1 else "text boxes were"
        warnings.append(f"{found.illegible} {boxes} found but could not be read")
    if text and found.spots:
        spots = "1 more spot of ink holds" if found.spots == 1 else f"{found.spots} more spots of ink hold"
        warnings.append(f"{spots} no text that could be read")
    warnings += found.doubts
    if not text and not blank:
        warnings.append(NO_TEXT)
    return warnings + page_warnings(text)


def _read(
    page: PageImage, models: Models, folding: MatrixFolding | None = None, reader: Reader | None = None
) -> LocalReading:
    from vlm_core.ocr.ink_spots import text_in_spots
    from vlm_core.ocr.page_rotation import turn_image, turn_of, turn_quads
    from vlm_core.ocr.pixels import pixels_of
    from vlm_core.ocr.recognition import illegible, read_line
    from vlm_core.ocr.tiles import detection_scale, find_text

    image = pixels_of(page)
    quads = find_text(image, models.detect, page.dpi)
    without_text = 0
    if not len(quads):
        scale = detection_scale(page.width, page.height, page.dpi)
        quads, without_text = text_in_spots(image, scale, models.detect)
    if not len(quads) and not is_blank(page):
        quads = find_text(image, models.detect, page.dpi, closely=True)
    alone = reader if reader is not None and reader.is_alone else None
    read = (
        alone.read_as_held if alone else partial(read_line, infer=models.infer, characters=models.characters)
    )
    turn = turn_of(image, quads, models.look_inverted, read)
    upright, quads = turn_image(image, turn), turn_quads(quads, turn, page.width, page.height)
    readings: Sequence[RecognizedLine] = (
        [illegible(upright, quad) for quad in quads]
        if alone
        else _readings(upright, quads, models, folding, vertical=turn % 180 == 90)
    )
    height, width = upright.shape[:2]
    writing = _writing(upright, quads, readings)
    advice = ""
    if reader is not None and (reader.is_always or is_unread([ink for _, ink in writing])):
        readings, advice = reader(upright, quads, readings, models.characters)
        writing = _writing(upright, quads, readings)
    lines = [(quad, reading) for quad, reading in zip(quads, readings, strict=True) if reading.is_readable]
    hardly = sum(reading.is_hardly_one_of(quad) for quad, reading in lines)
    unread = unread_on(writing, width, height)._replace(advice=advice)
    work = Work()
    doubts = _doubts([reading for _, reading in lines], [ink for _, ink in writing])
    placed = in_order(_pieces(quads, readings), work)
    text_lines = tuple(line.as_line(width, height) for line in placed)
    reading = LocalReading(
        text_lines,
        len(quads) - len(lines) + hardly,
        unread,
        turn,
        without_text,
        (*doubts, *work.doubts, *([advice] if advice and not unread.boxes else ())),
        _found(text_lines, upright, _slope(quads)),
    )
    return reading if folding is None else _with_print(reading, upright, quads, readings, placed)


def _writing(
    image: Pixels, quads: Quads, readings: Sequence[RecognizedLine]
) -> list[tuple[tuple[float, float, float, float], Ink]]:
    """Where ink stands on a page that may be writing, and what of it no character accounts for."""
    from vlm_core.ocr.ink_outside_boxes import rows_outside
    from vlm_core.ocr.page_rotation import is_lone

    both = list(zip(quads, readings, strict=True))
    writing = [
        (_box(quad), reading.counted_ink)
        for quad, reading in both
        if reading.is_readable or not is_lone(quad)
    ]
    if sum(len(reading.text) for _, reading in both if reading.is_readable) >= LETTERS:
        writing += rows_outside(image, quads)
    return writing


def _with_print(
    reading: LocalReading,
    upright: Pixels,
    quads: Quads,
    readings: Sequence[RecognizedLine],
    placed: Sequence[PlacedPiece],
) -> LocalReading:
    """A reading with all that checking another one by it takes."""
    from vlm_core.ocr.printed_line import printed_line

    illegible = [_box(quad) for quad, line in zip(quads, readings, strict=True) if not line.is_readable]
    printed = [
        printed_line(readings[number], quads[number], number=place, block=line.block, row=line.row)
        for place, line in enumerate(placed)
        for number in line.piece.numbers
    ]
    return reading._replace(printed=tuple(printed), illegible_boxes=tuple(illegible), image=upright)


def _found(lines: Sequence[TextLine], image: Pixels, slope: float) -> tuple[Block, ...]:
    from vlm_core.ocr.figure_areas import figure_areas
    from vlm_core.ocr.ruling_lines import ruling_lines

    height, width = image.shape[:2]
    rules = ruling_lines(image, slope) if lines else []
    tables = list(find_tables(lines, rules, width, height, slope=slope))
    areas = figure_areas(image, lines, [block.bbox for block in tables if block.bbox])
    return *tables, *figures_of(areas, lines, tables, "ocr")


def _doubts(readings: Sequence[RecognizedLine], inks: Sequence[Ink]) -> Iterator[str]:
    if is_little_unread(inks):
        yield "a letter or more may be unread: look at the page"
    letters = sum(len(reading.text) for reading in readings)
    if 2 * sum(len(reading.text) for reading in readings if reading.score < UNSURE) > letters:
        yield "most of the text was read unsurely: look at the page"


def _readings(
    image: Pixels, quads: Quads, models: Models, folding: MatrixFolding | None, *, vertical: bool
) -> list[RecognizedLine]:
    """What is read in each box; of a page of scraps nothing but a sample, where that cannot be read.

    Print of thin dots comes out as a thousand scraps, which would take half a minute.
    """
    from vlm_core.ocr.recognition import illegible, read_box
    from vlm_core.ocr.tiles import are_scraps

    def read(number: int) -> RecognizedLine:
        return read_box(image, quads[number], models.infer, models.characters, folding, vertical=vertical)

    if not are_scraps(quads):
        return [read(number) for number in range(len(quads))]
    sample = {number: read(number) for number in range(0, len(quads), len(quads) // SAMPLE)}
    missed = is_unread([reading.counted_ink for reading in sample.values()])
    return [
        sample.get(number) or (illegible(image, quad) if missed else read(number))
        for number, quad in enumerate(quads)
    ]


def _pieces(quads: Quads, readings: Sequence[RecognizedLine]) -> Sequence[Piece]:
    skew = math.atan(_slope(quads))
    several = len({reading.engine for reading in readings if reading.is_readable}) > 1
    return straightened(
        [
            _piece(quad, reading, skew, number, LocalEngine.name if several else None)
            for number, (quad, reading) in enumerate(zip(quads, readings, strict=True))
            if reading.is_readable
        ]
    )


def _piece(quad: Quads, reading: RecognizedLine, skew: float, number: int, engine: str | None) -> Piece:
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
        fall=float((end - begin) @ down),
        words=reading.words,
        numbers=(number,),
        engine=reading.engine or engine,
        from_right=reading.engine is not None and is_from_right(reading.text),
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
                "Det.box_thresh": 0.4,
            }
        )
    )


def _models_of(rapidocr: Any) -> Models:
    """RapidOCR's three models as functions; its own call keeps arguments on the object."""
    import numpy as np

    from vlm_core.free_memory import release_free_memory
    from vlm_core.ocr.detection import boxes_in
    from vlm_core.ocr.pixels import for_network

    detector = rapidocr._load_det_model()
    classifier = rapidocr._load_cls_model()
    recognizer = rapidocr._load_rec_model()

    def look_inverted(crops: list[Pixels]) -> list[bool]:
        held = [np.ascontiguousarray(for_network(crop)) for crop in crops]
        return [label == "180" for label, _ in classifier(held).cls_res]

    def infer(line: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(recognizer.session(line)[0], np.float32)

    @cache
    def lean_session() -> Any:
        return _lean_session(detector.session.session)

    def detect_lean(levels: NDArray[np.float32]) -> NDArray[np.float32]:
        session = lean_session()
        release_free_memory()  # what reading the page's file has left would stand beside the network's
        return np.asarray(session.run(None, {session.get_inputs()[0].name: levels})[0], np.float32)

    return Models(boxes_in(detector, detect_lean), look_inverted, infer, recognizer.postprocess_op.character)


@cache
def _folding() -> MatrixFolding:
    from vlm_core.ocr.character_trace import MatrixFolding

    return MatrixFolding(load_models().characters)


def _lean_session(session: Any) -> Any:
    """The same network in a session that takes a quarter less memory and an eighth more time.

    ONNX Runtime's layout for speed, NCHWc, holds copies of what stands between two layers.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    return onnxruntime.InferenceSession(session._model_path, options, providers=["CPUExecutionProvider"])
