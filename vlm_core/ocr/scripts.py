"""Scripts that RapidOCR cannot read: their languages, how they are told, and what must be installed.

Names of packs are those of the tessdata repositories. Debian's packages are named after them, with "-" in
place of "_".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import bidirectional

from vlm_core.errors import ConfigError
from vlm_core.option_names import did_you_mean


@dataclass(frozen=True)
class Script:
    """A script, as Tesseract's detection calls it.

    Args:
        name: of the script.
        packs: of its languages, the one with the most readers first.
        letters: the first and last code point of each of its ranges.
        from_right: whether it is written from right to left.
    """

    name: str
    packs: tuple[str, ...]
    letters: tuple[tuple[int, int], ...]
    from_right: bool = False

    def has(self, character: str) -> bool:
        """Whether a character is of the script.

        Example:
            >>> script_called("Greek").has("λ")
            True
        """
        return any(first <= ord(character) <= last for first, last in self.letters)


SCRIPTS = (
    Script("Cyrillic", ("rus", "ukr", "bul", "srp", "bel", "mkd", "kaz", "mon"), ((0x400, 0x52F),)),
    Script("Arabic", ("ara", "fas", "urd"), ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFEFC)), True),
    Script("Hebrew", ("heb", "yid"), ((0x590, 0x5FF), (0xFB1D, 0xFB4F)), True),
    Script("Greek", ("ell",), ((0x370, 0x3FF), (0x1F00, 0x1FFF))),
    Script("Korean", ("kor",), ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF))),
    Script("Devanagari", ("hin", "mar", "nep", "san"), ((0x900, 0x97F),)),
    Script("Bengali", ("ben", "asm"), ((0x980, 0x9FF),)),
    Script("Tamil", ("tam",), ((0xB80, 0xBFF),)),
    Script("Thai", ("tha",), ((0xE00, 0xE7F),)),
    Script("Vietnamese", ("vie",), ((0x1EA0, 0x1EF9), (0x1A0, 0x1B0), (0x102, 0x103))),
    Script("Gurmukhi", ("pan",), ((0xA00, 0xA7F),)),
    Script("Gujarati", ("guj",), ((0xA80, 0xAFF),)),
    Script("Oriya", ("ori",), ((0xB00, 0xB7F),)),
    Script("Telugu", ("tel",), ((0xC00, 0xC7F),)),
    Script("Kannada", ("kan",), ((0xC80, 0xCFF),)),
    Script("Malayalam", ("mal",), ((0xD00, 0xD7F),)),
    Script("Sinhala", ("sin",), ((0xD80, 0xDFF),)),
    Script("Lao", ("lao",), ((0xE80, 0xEFF),)),
    Script("Myanmar", ("mya",), ((0x1000, 0x109F),)),
    Script("Georgian", ("kat",), ((0x10A0, 0x10FF),)),
    Script("Armenian", ("hye",), ((0x530, 0x58F),)),
    Script("Ethiopic", ("amh", "tir"), ((0x1200, 0x137F),)),
    Script("Khmer", ("khm",), ((0x1780, 0x17FF),)),
)
"""All that are told, those with more readers first."""

READ_WITHOUT = [
    "afr",
    "cat",
    "ces",
    "chi_sim",
    "chi_tra",
    "cym",
    "dan",
    "deu",
    "eng",
    "est",
    "eus",
    "fin",
    "fra",
    "gle",
    "glg",
    "hrv",
    "hun",
    "ind",
    "isl",
    "ita",
    "jpn",
    "lat",
    "lav",
    "lit",
    "mlt",
    "msa",
    "nld",
    "nor",
    "pol",
    "por",
    "ron",
    "slk",
    "slv",
    "spa",
    "sqi",
    "swe",
    "tur",
]
"""Languages that RapidOCR reads, by the names of their packs."""

# ISO 639-1, as people write them.
_SHORT = {
    "ar": "ara", "be": "bel", "bg": "bul", "bn": "ben", "cs": "ces", "da": "dan", "de": "deu", "el": "ell",
    "en": "eng", "es": "spa", "fa": "fas", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun",
    "it": "ita", "ja": "jpn", "ka": "kat", "ko": "kor", "mr": "mar", "nl": "nld", "no": "nor", "pl": "pol",
    "pt": "por", "ro": "ron", "ru": "rus", "sr": "srp", "sv": "swe", "ta": "tam", "te": "tel", "th": "tha",
    "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "chi_sim",
}  # fmt: skip


def script_called(name: str) -> Script | None:
    """The script of a name that Tesseract's detection gives; None for one that RapidOCR reads.

    Example:
        >>> script_called("Latin") is None
        True
    """
    return next((script for script in SCRIPTS if script.name == name), None)


def script_of_pack(pack: str) -> Script | None:
    """The script of a language's pack; None where RapidOCR reads it.

    Example:
        >>> script_of_pack("ukr").name
        'Cyrillic'
    """
    return next((script for script in SCRIPTS if pack in script.packs), None)


def is_from_right(text: str) -> bool:
    """Whether a text is written from right to left, by its first letter that says so.

    Example:
        >>> is_from_right("2024 שלום"), is_from_right("12")
        (True, False)
    """
    directions = (bidirectional(character) for character in text)
    return next((direction for direction in directions if direction in ["L", "R", "AL"]), "L") != "L"


def as_packs(languages: str | Iterable[str], *, name: str = "languages") -> tuple[str, ...]:
    """Languages as names of packs.

    Args:
        languages: names of packs, or two letters of ISO 639-1; in one string they are parted by "+".
        name: of the argument.

    Raises:
        ConfigError: one of them is not known.

    Example:
        >>> as_packs("ru+eng")
        ('rus', 'eng')
    """
    known = [*READ_WITHOUT, *(pack for script in SCRIPTS for pack in script.packs)]
    given = languages.split("+") if isinstance(languages, str) else languages
    named = filter(None, map(str.strip, given))
    packs = tuple(dict.fromkeys(_SHORT.get(language, language) for language in named))
    for pack in packs:
        if pack not in known:
            hint = did_you_mean(pack, known) or f"They are {', '.join(sorted(known))}."
            raise ConfigError(f"{name}: {pack!r} is not a language that is known", hint=hint, argument=name)
    if not packs:
        raise ConfigError(f"{name}: a language is missing", hint='Such as "rus" or "rus+eng".', argument=name)
    return packs


def how_to_install(packs: Iterable[str]) -> str:
    """Which packages bring the packs of languages, system by system.

    Example:
        >>> how_to_install(["chi_sim"]).split(";")[0]
        'apt-get install tesseract-ocr-chi-sim (Debian, Ubuntu)'
    """
    names = list(packs)
    debian = " ".join(f"tesseract-ocr-{pack.replace('_', '-')}" for pack in names)
    files = " and ".join(f"{pack}.traineddata" for pack in names)
    return (
        f"apt-get install {debian} (Debian, Ubuntu); brew install tesseract-lang (macOS); on Windows tick "
        f"the language in the UB Mannheim installer of Tesseract, or put {files} of "
        "github.com/tesseract-ocr/tessdata_fast into its folder tessdata"
    )
