"""What RapidOCR left unread, read by Tesseract: the lines, the script they are in, the pack that reads it.

Tesseract's detection of scripts names most of them, but not Thai and Vietnamese. What settles it is that a
pack reads a few of the lines surely: those of the right language reach a confidence of 90 and more, others
87 at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from vlm_core.ocr.line_ink import HEIGHT
from vlm_core.ocr.page_rotation import is_lone
from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.recognition import RecognizedLine, crop_box
from vlm_core.ocr.scripts import SCRIPTS, Script, how_to_install, script_called, script_of_pack
from vlm_core.ocr.tesseract_lines import DOUBTFUL, Confident, LineReader, line_reader
from vlm_core.ocr.tesseract_packs import Packs
from vlm_core.ocr.tiles import Quads
from vlm_core.ocr.unread_ink import SHARE, is_unread

# Lines that each pack is tried on, and those that the script is told by.
_SAMPLE, _SHOWN = 4, 16
# The mean confidence of a sample from which a pack is right: if it is of the script that was told, and if it
# is of another one, which reaches 84 now and then; and from which no other is tried.
_RIGHT_AS_TOLD, _RIGHT, _SURE = 75.0, 88.0, 90.0
# The confidence from which a line is taken that RapidOCR did not read, and one that it read with this score.
_TAKEN, _TAKEN_FROM_SURE, _SURELY_READ = 50.0, 88.0, 0.9
# That from which a line counts that RapidOCR read whole: then it has letters that RapidOCR lacks.
_OTHERWISE_READ = 75.0
# Below this confidence a line is read once more with English beside its language.
_MIXED = 88.0
# Scripts on one page.
_ROUNDS = 3
# Pixels, in lines 48 high, that are read of one page: some 300 lines of print across a page, or 12 s of CPU.
_MOST_PIXELS = 15_000_000
# Letters of Vietnamese that RapidOCR knows, and their share of a text that is Vietnamese.
_VIETNAMESE, _VIETNAMESE_SHARE = frozenset("đươăĐƯƠĂ"), 0.02
# Tesseract takes Thai for Latin without being sure, where most of the ink is unread.
_THAI_DOUBT, _THAI_UNREAD = 2.0, 0.4


class LoneReader:
    """Reads all lines of a page by Tesseract, where RapidOCR has found them.

    Args:
        packs: that are installed.
        languages: names of packs, parted by "+".
    """

    is_always = is_alone = True

    def __init__(self, packs: Packs, languages: str) -> None:
        self._languages = languages
        self._reader = line_reader(packs.folder)

    def __call__(
        self,
        image: Pixels,
        quads: Quads,
        readings: Sequence[RecognizedLine],
        characters: Sequence[str],
    ) -> tuple[Sequence[RecognizedLine], str]:
        """As that of `TesseractReader`; nothing is advised."""
        page = _Page(image, quads, list(readings), frozenset(), self._reader)
        page.read_all(self._languages)
        return page.readings, ""

    def read_as_held(self, crop: Pixels) -> RecognizedLine:
        """Read one line as it is held; its score is Tesseract's own confidence, from 0 to 1."""
        return self._reader.read_as_held(crop, self._languages)


class TesseractReader:
    """Reads by Tesseract what RapidOCR left unread on a page.

    Args:
        packs: that are installed.
        languages: that are expected; otherwise the script is told.
    """

    is_alone = False

    def __init__(self, packs: Packs, languages: Sequence[str] = ()) -> None:
        self.is_always = bool(languages)
        self._packs = packs
        self._languages = languages

    def __call__(
        self,
        image: Pixels,
        quads: Quads,
        readings: Sequence[RecognizedLine],
        characters: Sequence[str],
    ) -> tuple[Sequence[RecognizedLine], str]:
        """The lines of a page, and what to do about what is unread or unsure; "" where that is not known.

        Args:
            image: the upright page.
            quads: its text boxes, in pixels.
            readings: what RapidOCR read in each.
            characters: all that it can read.
        """
        packs = self._packs
        page = _Page(image, quads, list(readings), frozenset(characters), line_reader(packs.folder))
        tried: list[str] = []
        script = None
        for _ in range(_ROUNDS):
            missed = page.missed()
            if not self._is_wanted(page, missed, tried):
                break
            script, order = self._candidates(page, missed)
            told = self._languages or (script.packs if script else ())
            pack = _best([name for name in order if name not in tried], told, page, missed or page.longest())
            if pack is None:
                break
            tried.append(pack)
            page.read(missed, pack, has_english="eng" in packs.names)
        if page.missed():
            return page.readings, _advice(script, packs)
        return page.readings, _doubt(tried[0], packs) if page.is_doubtful() else ""

    def read_as_held(self, crop: Pixels) -> RecognizedLine:
        """Read one line as it is held. RapidOCR tells which way is up, so that nothing is read here."""
        return RecognizedLine()

    def _is_wanted(self, page: _Page, missed: Sequence[int], tried: Sequence[str]) -> bool:
        """Whether another pack is tried: at first always, then if enough is still unread."""
        return not tried or is_unread([page.readings[number].counted_ink for number in missed])

    def _candidates(self, page: _Page, missed: Sequence[int]) -> tuple[Script | None, list[str]]:
        """The script that lines seem to be in, and the packs to be tried, the likeliest first."""
        if self._languages:
            return None, [*self._languages]
        installed = self._packs.names
        script = _script_of(page, missed, self._packs) if missed else None
        first = [pack for pack in (script.packs if script else ()) if pack in installed]
        others = (next((pack for pack in one.packs if pack in installed), None) for one in SCRIPTS)
        return script, list(dict.fromkeys([*first, *filter(None, others)]))


class _Page:
    """A page whose lines are read anew, until what may be spent on it is."""

    def __init__(
        self,
        image: Pixels,
        quads: Quads,
        readings: list[RecognizedLine],
        alphabet: frozenset[str],
        reader: LineReader,
    ) -> None:
        self.image = image
        self.quads = quads
        self.readings = readings
        self.alphabet = alphabet
        self.reader = reader
        self._left = _MOST_PIXELS
        self._confidences: list[float] = []

    def missed(self) -> list[int]:
        """The numbers of the lines whose ink is unread, the longest first."""
        return [number for number in self.longest() if self._is_missed(number)]

    def longest(self) -> list[int]:
        """The numbers of all lines, the longest first."""
        return sorted(range(len(self.readings)), key=lambda number: -self.readings[number].ink.all)

    def tried(self, number: int, languages: str) -> Confident | None:
        """A line as Tesseract reads it; None once enough was read."""
        pixels = HEIGHT * max(self.readings[number].ink.all, HEIGHT)
        self._left -= pixels
        if self._left < 0:
            return None
        reading = self.reader.read(self.image, self.quads[number], languages)
        self._left -= pixels * (reading.confidence < DOUBTFUL)  # it was read more than once
        return reading

    def read(self, missed: Sequence[int], pack: str, *, has_english: bool) -> None:
        """Read lines with a pack: those that were missed, and those that RapidOCR may have read wrongly."""
        for number in missed:
            reading = self.tried(number, pack)
            if reading is not None and reading.confidence < _MIXED and has_english:
                mixed = self.tried(number, f"{pack}+eng")
                reading = max(filter(None, (reading, mixed)), key=lambda one: one.confidence)
            if reading is not None and _is_taken(reading, self.readings[number]):
                self.readings[number] = reading.line
                self._confidences.append(reading.confidence)
        for number in set(range(len(self.readings))) - set(missed):
            if self._is_whole(number):
                reading = self.tried(number, pack)
                if reading is not None and self._is_better(reading, pack):
                    self.readings[number] = reading.line

    def read_all(self, languages: str) -> None:
        """Read every line."""
        for number in range(len(self.readings)):
            reading = self.tried(number, languages)
            if reading is not None and reading.text:
                self.readings[number] = reading.line

    def is_doubtful(self) -> bool:
        """Whether the lines were read so unsurely that another language's pack may be the right one."""
        return bool(self._confidences) and fmean(self._confidences) < _RIGHT

    def _is_missed(self, number: int) -> bool:
        line = self.readings[number]
        is_unread = line.counted_ink.unread > SHARE * line.ink.all
        return is_unread and (line.is_readable or not is_lone(self.quads[number]))

    def _is_whole(self, number: int) -> bool:
        """Whether RapidOCR read all of a line's ink."""
        line = self.readings[number]
        return line.engine is None and line.is_readable

    def _is_better(self, reading: Confident, pack: str) -> bool:
        """Whether a line has letters that RapidOCR lacks, so that it cannot have read it rightly."""
        script = script_of_pack(pack)
        lacking = set(reading.text) - self.alphabet
        is_of_script = script is not None and any(script.has(letter) for letter in lacking)
        return reading.confidence >= _OTHERWISE_READ and is_of_script


def _is_taken(reading: Confident, before: RecognizedLine) -> bool:
    is_surely_read = before.is_readable and before.score >= _SURELY_READ
    return bool(reading.text) and reading.confidence >= (_TAKEN_FROM_SURE if is_surely_read else _TAKEN)


def _script_of(page: _Page, missed: Sequence[int], packs: Packs) -> Script | None:
    crops = [crop_box(page.image, page.quads[number]) for number in missed[:_SHOWN]]
    name, sure = page.reader.script_of(crops) if "osd" in packs.names else ("", 0.0)
    if (script := script_called(name)) is not None:
        return script
    letters = [letter for line in page.readings if line.is_readable for letter in line.text]
    if sum(letter in _VIETNAMESE for letter in letters) > _VIETNAMESE_SHARE * len(letters):
        return script_called("Vietnamese")
    inks = [line.counted_ink for line in page.readings]
    unread = sum(ink.unread for ink in inks) / max(sum(ink.all for ink in inks), 1)
    return (
        script_called("Thai") if name == "Latin" and sure < _THAI_DOUBT and unread >= _THAI_UNREAD else None
    )


def _best(order: Sequence[str], told: Sequence[str], page: _Page, missed: Sequence[int]) -> str | None:
    """The pack that reads a sample of lines most surely, if it does so surely enough.

    Args:
        order: the packs to try.
        told: those that are likely.
        page: with the lines.
        missed: the numbers of the lines that are to be read.
    """
    sample = missed[:_SAMPLE]
    found: dict[str, float] = {}
    for pack in order:
        readings = [page.tried(number, pack) for number in sample]
        if None in readings:
            break
        found[pack] = fmean(reading.confidence for reading in readings if reading is not None)
        if found[pack] >= _SURE and not _has_kin(pack, order, found):
            break
    right = {
        pack: sure for pack, sure in found.items() if sure >= (_RIGHT_AS_TOLD if pack in told else _RIGHT)
    }
    return max(right, key=lambda pack: right[pack], default=None)


def _has_kin(pack: str, order: Sequence[str], found: dict[str, float]) -> bool:
    """Whether another language of the same script is yet to be tried."""
    script = script_of_pack(pack)
    return script is not None and any(other in order and other not in found for other in script.packs)


def _doubt(pack: str, packs: Packs) -> str:
    """What to install where a page may be in another language of a script; "" where its packs are here."""
    script = script_of_pack(pack)
    others = [other for other in (script.packs if script else ()) if other not in packs.names]
    if script is None or not others:
        return ""
    return (
        f"it was read as {pack}, unsurely; if it is in another language in {script.name} "
        f"({', '.join(others)}), install its pack: {how_to_install(others[:1])}"
    )


def _advice(script: Script | None, packs: Packs) -> str:
    """What to install for a script."""
    if script is None:
        return "" if packs.names else f"Tesseract has no language packs here: {how_to_install(['osd'])}"
    if any(pack in packs.names for pack in script.packs):
        return ""
    first, *others = script.packs
    languages = f" (or instead of {first} the pack of its language: {', '.join(others)})" if others else ""
    return f"It looks like {script.name}. Tesseract reads it: {how_to_install([first])}{languages}"
