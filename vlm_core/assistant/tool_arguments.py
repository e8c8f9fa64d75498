"""The arguments of a tool as a model wrote them, and as they were meant.

Small models give a list where one name is wanted, a page as "page 2", a name in quotes, or the right value
under another argument's name. What can be meant in one way alone is understood; anything else is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from vlm_core.images.sniff import SUFFIXES

# Characters of a text that is looked at as JSON or as a list; a longer one is left as it is.
_LONGEST = 4096
# Of a run such as "1-5".
_MOST_PAGES = 1000
_WRAPPERS = frozenset({"arguments", "args", "kwargs", "input", "toolinput", "parameters", "properties"})
# Names under which models give the same thing, without underscores.
_SAME = (
    frozenset({"image", "images", "document", "documents", "file", "files", "filename", "filenames", "name"})
    | {"filepath", "imagepath", "path", "source", "picture", "doc", "pdf", "uri", "url"},
    frozenset({"page", "pages", "pagenumber", "pagenumbers", "pageno"}),
    frozenset({"text", "query", "question", "words", "search", "searchterm", "prompt", "q"}),
    frozenset({"pattern", "glob", "filter", "name", "filename", "path"}),
    frozenset({"start", "from", "first"}),
    frozenset({"jsonschema", "schema", "fields"}),
)
_NONE = frozenset({"", "null", "none", "all", "any"})
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
# A page as results name it.
_CITED = re.compile(r"(.{1,4000}), page (\d{1,6})(?: of \d{1,6})?")
_PAGE = re.compile(r"(?:pages?|pp?\.?|#|no\.?)?\s{0,5}(\d{1,9})(?:\.0| of \d{1,9})?", re.IGNORECASE)
_RUN = re.compile(r"(?:pages?|pp?\.?)?\s{0,5}(\d{1,9})\s?(?:-|\u2013|to)\s?(\d{1,9})", re.IGNORECASE)


def named(given: object, fields: Collection[str]) -> object:
    """Arguments under the names that a tool wants, as far as it is clear which are meant.

    Args:
        given: what a model wrote.
        fields: the tool's own names, in their order.

    Example:
        >>> named({"file": "a.pdf, page 2 of 3"}, ["image", "page"])
        {'image': 'a.pdf', 'page': '2'}
    """
    plain = _unwrapped(_from_json(given), fields)
    if isinstance(plain, str) and fields:
        plain = {next(iter(fields)): plain}
    return _with_page(_renamed(plain, fields), fields) if isinstance(plain, Mapping) else given


def _from_json(given: object) -> object:
    """A value that was written as a JSON text; anything else as it is."""
    if isinstance(given, str) and len(given) <= _LONGEST and given.strip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(given)
    return given


def _unwrapped(given: object, fields: Collection[str]) -> object:
    if isinstance(given, Mapping) and len(given) == 1:
        ((name, inner),) = given.items()
        if name not in fields and _folded(name) in _WRAPPERS:
            return _from_json(inner)
    return given


def _folded(name: object) -> str:
    return str(name).casefold().replace("_", "").replace("-", "")


def _renamed(given: Mapping[Any, Any], fields: Collection[str]) -> dict[str, Any]:
    """The same values under the tool's own names, where these are free."""
    renamed = {name: value for name, value in given.items() if name in fields}
    for name, value in given.items():
        if name not in fields:
            renamed[_meant(str(name), [own for own in fields if own not in renamed])] = value
    return renamed


def _meant(name: str, free: Sequence[str]) -> str:
    """Which argument is meant by another name; that name itself where none or several may be."""
    meant = [own for own in free if _folded(own) == _folded(name)]
    meant = meant or [own for own in free for same in _SAME if {_folded(own), _folded(name)} <= same]
    return meant[0] if meant else name


def _with_page(given: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The page taken out of a name such as "a.pdf, page 2 of 3", which results have."""
    for name in ("image", "document"):
        value = _name(given.get(name))
        cited = _CITED.fullmatch(value) if isinstance(value, str) else None
        if cited and PurePath(cited[1]).suffix.lower() in SUFFIXES:
            page = {"page": cited[2]} if "page" in fields else {}
            return {name: cited[1], **page, **{other: given[other] for other in given if other != name}}
    return given


# --- the forms of values --------------------------------------------------------------------------


def one_name(value: object) -> object:
    """A name, where one is wanted.

    Raises:
        ValueError: there are several.

    Example:
        >>> one_name(["`a.png`"])
        'a.png'
    """
    found = _name(value)
    if isinstance(found, list) and len(found) > 1:
        raise ValueError(f"one name is wanted, and {len(found)} were given: call it once for each")
    return found


def _name(value: object) -> object:
    """A name, or a list of them."""
    value = _from_json(value)
    if isinstance(value, Mapping):
        value = next((inner for key, inner in value.items() if _folded(key) in _SAME[0]), value)
    if isinstance(value, (list, tuple)):
        several = [_unquoted(one) if isinstance(one, str) else one for one in value]
        return several[0] if len(several) == 1 else several
    return _unquoted(value) if isinstance(value, str) else value


def _unquoted(text: str) -> str:
    stripped = text.strip()
    while len(stripped) > 2 and _QUOTES.get(stripped[0]) == stripped[-1]:
        stripped = text = stripped[1:-1].strip()
    return text


def names(value: object) -> object:
    """Names, where one or several are wanted.

    Example:
        >>> names("a.png"), names("a.png, b.pdf"), names('["a.png"]')
        (['a.png'], ['a.png', 'b.pdf'], ['a.png'])
    """
    found = _name(value)
    if isinstance(found, str):
        parts = [_unquoted(part.strip()) for part in found.split(",")]
        several = len(parts) > 1 and all(PurePath(part).suffix.lower() in SUFFIXES for part in parts)
        return parts if several else [found]
    return found


def one_page(value: object) -> object:
    """A page number; None where all pages are meant.

    Raises:
        ValueError: a text that holds no page number, or several.

    Example:
        >>> one_page("page 2"), one_page([2]), one_page("2 of 5"), one_page("all")
        (2, 2, 2, None)
    """
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        text = _unquoted(value).strip().casefold()
        number = _PAGE.fullmatch(text)
        if not number and text not in _NONE:
            raise ValueError("one page number is wanted, an integer from 1, such as 2")
        return int(number[1]) if number else None
    return None if value == [] else value


def one_number(value: object) -> object:
    """A number that counts something; 1 where none is given."""
    found = one_page(value)
    return 1 if found is None else found


def pages(value: object) -> object:
    """Page numbers; None where all pages are meant.

    Example:
        >>> pages("1-3, 7"), pages(2), pages(["page 2"])
        ([1, 2, 3, 7], [2], [2])
    """
    value = _from_json(value)
    if isinstance(value, str):
        value = _unquoted(value).replace(" and ", ",").split(",")
    if not isinstance(value, (list, tuple)):
        value = [] if value is None else [value]
    found = [number for one in value[:_MOST_PAGES] for number in _run(one)]
    return [number for number in found if number is not None] or None


def _run(value: object) -> Sequence[object]:
    run = _RUN.fullmatch(value.strip()) if isinstance(value, str) else None
    if run and 0 <= int(run[2]) - int(run[1]) < _MOST_PAGES:
        return range(int(run[1]), int(run[2]) + 1)
    return [one_page(value)]


def words(value: object) -> object:
    """Words or figures: those of a list as one text, a number as it is written.

    Raises:
        ValueError: there are none.
    """
    if value in ("", []):
        raise ValueError("it is empty; say in words what is wanted")
    if isinstance(value, (list, tuple)) and all(isinstance(one, (str, int, float)) for one in value):
        return " ".join(map(str, value))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else value


def optional_words(value: object) -> object:
    """Words, or None where there are none."""
    found = _name(value)
    return None if isinstance(found, str) and found.strip().casefold() in _NONE else found


def json_object(value: object) -> object:
    """An object, which models write as a text, too."""
    if not isinstance(value, str):
        return value
    with suppress(ValueError, RecursionError):
        return json.loads(value)
    return value
