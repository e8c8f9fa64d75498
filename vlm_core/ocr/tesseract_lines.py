"""Lines read by Tesseract, one at a time, each within a bound of pixels and time.

Tesseract sees nothing but single lines: where they stand, RapidOCR's detector says. So its own look at a
page, which takes any time on noise, is not needed, and a page askew is read as an upright one is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple

import cv2
import numpy as np

from vlm_core.ocr.line_ink import HEIGHT, ink_of, without_rules
from vlm_core.ocr.pixels import TALL, Pixels, in_grey
from vlm_core.ocr.recognition import RecognizedLine, at_height, crop_box, with_margin
from vlm_core.ocr.tiles import Quads
from vlm_core.ocr.unread_ink import Ink
from vlm_core.ocr.word_boxes import WordSpan, words_on_page

NAME = "tesseract"
"""Of the engine."""
DOUBTFUL = 85.0
"""The confidence below which a line is read once more, cut otherwise."""
# Of a line's height, added above and below, since the detector cuts off marks over and under letters.
_ABOVE = (0.05, 0.1)
# Pixels about a line, as its edge is: Tesseract passes over letters at the edge.
_BORDER = 10
# Pixels of a line's height and width: Tesseract makes it 36 high in any case.
_TALLEST, _WIDEST = 64, 4800
# For one line, which takes some 30; what was read by then counts.
_MOST_MILLISECONDS = 3000
# Readers that are kept for the next page, of some ten MB each.
_KEPT = 3
# Print beside which other ink is, in columns of 48 pixels, that belongs to a word.
_BESIDE = 6
# Tesseract's confidence, and the score of RapidOCR at which as many letters are right. Measured on 168 lines
# of receipts, each read by both.
_CONFIDENCE = (0.0, 20.0, 40.0, 55.0, 70.0, 80.0, 88.0, 92.0, 96.0, 100.0)
_SCORE = (0.0, 0.5, 0.78, 0.84, 0.89, 0.92, 0.955, 0.98, 0.99, 1.0)
# Marks that Tesseract leaves at the ends of words, and those that it puts about parts that run the other way.
_JOINERS = "\u200c\u200d"
_DIRECTIONS = dict.fromkeys([0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


class Confident(NamedTuple):
    """A line as Tesseract read it, and how sure it was: from 0 to 100, the mean of its letters."""

    line: RecognizedLine
    confidence: float

    @property
    def text(self) -> str:
        """What was read."""
        return self.line.text


NOTHING = Confident(RecognizedLine(), 0.0)


def calibrated(confidence: float) -> float:
    """Tesseract's confidence as a score that means what RapidOCR's does, from 0 to 1.

    Example:
        >>> calibrated(92)
        0.98
    """
    return float(np.interp(confidence, _CONFIDENCE, _SCORE))


class LineReader:
    """Reads lines with the packs of one folder, from any number of threads.

    Args:
        folder: that holds the packs.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._idle: list[tuple[str, Any]] = []
        self._lock = Lock()

    def read(self, image: Pixels, quad: Quads, languages: str) -> Confident:
        """Read the text in one box of an upright page.

        Args:
            image: its pixels.
            quad: 4 × 2, the box's corners in pixels.
            languages: names of packs, parted by "+".
        """
        best = NOTHING
        with self._reader(languages) as reader:
            for above in _ABOVE:
                held = with_margin(quad, -above)
                crop = in_grey(crop_box(image, held))
                for turn in [1, -1] if crop.shape[0] >= TALL * crop.shape[1] else [0]:
                    reading = _on_page(_read(reader, np.rot90(crop, turn)), np.roll(held, -turn, axis=0))
                    best = max(best, reading, key=lambda one: one.confidence)
                if best.confidence >= DOUBTFUL:
                    break
        return best

    def read_as_held(self, crop: Pixels, languages: str) -> RecognizedLine:
        """Read a line as it is held; its score is Tesseract's own confidence, from 0 to 1."""
        with self._reader(languages) as reader:
            line, confidence = _read(reader, in_grey(crop))
        return RecognizedLine(line.text, confidence / 100, confidence / 100)

    def script_of(self, lines: Sequence[Pixels]) -> tuple[str, float]:
        """The script of lines as Tesseract's detection tells it, with its confidence; empty where it cannot.

        Args:
            lines: height × width × 3, of one page.
        """
        picture = _below_each_other(lines)
        with self._reader("osd") as reader:
            reader.SetImageBytes(picture.tobytes(), picture.shape[1], picture.shape[0], 1, picture.shape[1])
            try:
                found = reader.DetectOrientationScript()
            except RuntimeError:  # too few letters
                found = None
        return ("", 0.0) if not found else (str(found["script_name"]), float(found["script_conf"]))

    @contextmanager
    def _reader(self, languages: str) -> Iterator[Any]:
        """One that no other thread uses meanwhile."""
        with self._lock:
            kept = next((one for one in self._idle if one[0] == languages), None)
            if kept is not None:
                self._idle.remove(kept)
        reader = kept[1] if kept is not None else _made(self._folder, languages)
        try:
            yield reader
        finally:
            reader.Clear()
            with self._lock:
                self._idle.append((languages, reader))
                ended = self._idle[:-_KEPT]
                del self._idle[:-_KEPT]
            for _, other in ended:
                other.End()


@cache
def line_reader(folder: str) -> LineReader:
    """The reader of a folder's packs, one in a process."""
    return LineReader(folder)


def _tesserocr() -> Any:
    """The module, of which its stubs give an enumeration's members as "..."."""
    return import_module("tesserocr")


def _made(folder: str, languages: str) -> Any:
    tesserocr = _tesserocr()

    mode = tesserocr.PSM.OSD_ONLY if languages == "osd" else tesserocr.PSM.SINGLE_LINE
    reader = tesserocr.PyTessBaseAPI(path=folder, lang=languages, psm=mode)
    reader.SetVariable("debug_file", "/dev/null")
    reader.SetVariable("min_characters_to_try", "20")
    return reader


def _read(reader: Any, crop: Pixels) -> Confident:
    """A line as it is held, grey; as one without blanks where its letters are not found otherwise."""
    tesserocr = _tesserocr()

    line = _fitting(crop)
    pixels = np.ascontiguousarray(line)
    height, width = pixels.shape
    reading = NOTHING
    for mode in (tesserocr.PSM.SINGLE_LINE, tesserocr.PSM.RAW_LINE):
        reader.SetPageSegMode(mode)
        reader.SetImageBytes(pixels.tobytes(), width, height, 1, width)
        reader.Recognize(_MOST_MILLISECONDS)
        reading = _reading(reader, width)
        if reading.text:
            break
    at_48 = at_height(_in_three_channels(line[_BORDER:-_BORDER, _BORDER:-_BORDER]))
    ink = _ink_outside(reading.line.spans, at_48)
    return Confident(_with_ink(reading.line, ink), reading.confidence)


def _in_three_channels(line: Pixels) -> Pixels:
    """A grey line with three channels."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(line), cv2.COLOR_GRAY2RGB), np.uint8)


def _with_ink(line: RecognizedLine, ink: Ink) -> RecognizedLine:
    return RecognizedLine(line.text, line.score, line.weakest, ink, line.spans, engine=NAME)


def _fitting(crop: Pixels) -> Pixels:
    """A line within the bounds, with a border."""
    height, width = crop.shape
    scale = min(1.0, _TALLEST / height, _WIDEST / width)
    shape = max(1, round(scale * width)), max(1, round(scale * height))
    smaller = cv2.resize(np.ascontiguousarray(crop), shape, interpolation=cv2.INTER_AREA)
    border = (_BORDER,) * 4
    return np.asarray(cv2.copyMakeBorder(smaller, *border, cv2.BORDER_REPLICATE), np.uint8)


def _reading(reader: Any, width: int) -> Confident:
    """What was recognised, with where its words begin and end."""
    words = [_cleaned(word) for word in reader.GetUTF8Text().split()]
    parts = list(_parts(reader, width))
    confidence = sum(part.letters * part.confidence for part in parts) / max(
        1, sum(part.letters for part in parts)
    )
    spans = tuple(_spans([word for word in words if word], parts))
    text = " ".join(span.text for span in spans)
    score = calibrated(confidence)
    return Confident(RecognizedLine(text, score, score, spans=spans), confidence if text else 0.0)


class _Part(NamedTuple):
    """What Tesseract calls a word, which may be a single letter of one: where, and how sure."""

    letters: int
    start: float
    end: float
    confidence: float


def _parts(reader: Any, width: int) -> Iterator[_Part]:
    """The parts of a line in the order of reading. The letters of each may run the other way."""
    tesserocr = _tesserocr()

    level = tesserocr.RIL.WORD
    result = reader.GetIterator()
    if result is None:
        return
    for word in tesserocr.iterate_level(result, level):
        try:
            text = word.GetUTF8Text(level)
        except RuntimeError:  # there is none
            continue
        box = word.BoundingBoxInternal(level)
        if box is not None:
            yield _Part(len(_cleaned(text)), *_span(box, width), word.Confidence(level))


def _cleaned(word: str) -> str:
    """A word without marks that show nowhere; between two letters they may be part of its spelling."""
    return unicodedata.normalize("NFC", word.translate(_DIRECTIONS)).strip().strip(_JOINERS)


def _spans(words: Sequence[str], parts: Sequence[_Part]) -> Iterator[WordSpan]:
    """Words with where they begin and end: each takes as many parts as it has letters."""
    place = letters = taken = 0
    for word in words:
        letters += len(word)
        first = place
        while place < len(parts) and (place == first or taken + parts[place].letters <= letters):
            taken += parts[place].letters
            place += 1
        own = parts[first:place] or parts[-1:]
        if own:
            yield WordSpan(word, min(part.start for part in own), max(part.end for part in own))


def _span(box: tuple[int, int, int, int], width: int) -> tuple[float, float]:
    length = max(width - 2 * _BORDER, 1)
    start, end = ((edge - _BORDER) / length for edge in (box[0], box[2]))
    return min(max(start, 0.0), 1.0), min(max(end, 0.0), 1.0)


def _on_page(reading: Confident, held: Quads) -> Confident:
    line = reading.line
    placed = RecognizedLine(
        line.text,
        line.score,
        line.weakest,
        line.ink,
        line.spans,
        words_on_page(line.spans, held),
        engine=NAME,
    )
    return Confident(placed, reading.confidence)


def _ink_outside(words: Sequence[WordSpan], line: Pixels) -> Ink:
    """How much of a line's ink stands in none of the words that were read."""
    inked = np.asarray(without_rules(ink_of(line)).any(axis=0))
    covered = np.zeros(len(inked), bool)
    for word in words:
        covered[max(0, int(word.start * len(inked)) - _BESIDE) : int(word.end * len(inked)) + _BESIDE] = True
    return Ink(int((inked & ~covered).sum()), int(inked.sum()))


def _below_each_other(lines: Sequence[Pixels]) -> Pixels:
    """Lines as a page of white paper."""
    fitted = [_fitting(in_grey(line)) for line in lines]
    width = max(line.shape[1] for line in fitted)
    page = np.full((sum(line.shape[0] + HEIGHT // 4 for line in fitted) + HEIGHT, width), 255, np.uint8)
    top = HEIGHT // 2
    for line in fitted:
        page[top : top + line.shape[0], : line.shape[1]] = line
        top += line.shape[0] + HEIGHT // 4
    return page
