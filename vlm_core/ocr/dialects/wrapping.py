"""What models put around a page's text: thoughts, tags, fences, remarks. That alone is taken off."""

from __future__ import annotations

import re
from typing import NamedTuple

_THOUGHT = re.compile(r"\s*<(think|thinking)>")
# One that ends a line, so that no page which writes about such tags is taken for a thought.
_END_OF_THOUGHT = re.compile(r"</think(?:ing)?>[ \t]*(?=\n|\Z|<answer>)")
_ANSWER = re.compile(r"\s*<answer>")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]{0,8}([A-Za-z0-9_+-]{0,32})")
# Languages of a fence that is put around an answer; any other one is the page's own, as of a program.
_WRAPPERS = frozenset({"", "markdown", "md", "text", "txt", "plaintext", "plain", "html", "json", "latex"})
_REMARK = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok)\b[^\n:]{0,40}?)?"
    r"(?:here|below)(?:['’]s| is| are)\b[^\n:]{0,80}"
    r"\b(?:text|content|contents|transcription|markdown|table|json|document|image|page|receipt)\b[^\n:]{0,80}:",
    re.IGNORECASE,
)
# What a remark speaks of; a page that begins with "Below is a table:" does not.
_OF_A_MODEL = re.compile(r"extract|transcri|convert|\b(?:image|picture|photo|ocr)\b", re.IGNORECASE)
_LONGEST_REMARK = 240


class Bare(NamedTuple):
    """An answer without its wrapping."""

    text: str
    problem: str = ""
    warnings: tuple[str, ...] = ()


def unwrapped(text: str, end_tokens: tuple[str, ...] = (), *, was_cut: bool = False) -> Bare:
    """An answer without what the model put around it.

    Args:
        text: as the model wrote it.
        end_tokens: of the model's family; they are taken off the end only.
        was_cut: whether it ended at the limit of tokens, so that no end of a wrapping can be expected.

    Example:
        >>> unwrapped("<think>A receipt.</think>\\n```markdown\\n# SHOP\\n```").text
        '# SHOP'
        >>> unwrapped("```python\\nprint()\\n```").text
        '```python\\nprint()\\n```'
    """
    said = _without_ends(text.replace("\r\n", "\n"), end_tokens)
    rest, is_marked = _without_thought(said)
    if rest is None:
        return Bare("", problem="" if was_cut else "the model thought and gave no answer")
    answer, no_end = _without_answer_tag(rest)
    bare, remarked = _without_remark(_trimmed(answer))
    warnings = [
        *(["what stands before </think> is left out"] if len(rest) < len(said) and not is_marked else []),
        *(["the answer has no end tag"] if no_end and not was_cut else []),
        *(["a remark of the model before the text is left out"] if remarked else []),
    ]
    return Bare(_trimmed(without_fence(bare)), warnings=tuple(warnings))


def _trimmed(text: str) -> str:
    """Without blank lines around it; blanks before the first word stay, as in a text's layout."""
    text = text.rstrip()
    blank = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, blank) + 1 :]


def _without_ends(text: str, tokens: tuple[str, ...]) -> str:
    end = len(text.rstrip())
    while token := next((token for token in tokens if text.endswith(token, 0, end)), None):
        end -= len(token)
        while end and text[end - 1].isspace():
            end -= 1
    return text[:end]


def _without_thought(text: str) -> tuple[str | None, bool]:
    """What stands behind a thought, None if nothing does; and whether the thought has both its marks."""
    if opening := _THOUGHT.match(text):
        _, end, rest = text[opening.end() :].partition(f"</{opening[1]}>")
        return rest if end else None, True
    closing = _END_OF_THOUGHT.search(text)
    if closing and "<think" not in text[: closing.start()] and text[: closing.start()].count("```") % 2 == 0:
        return text[closing.end() :], False
    return text, False


def _without_answer_tag(text: str) -> tuple[str, bool]:
    """What stands in <answer>, and whether its end is missing."""
    opening = _ANSWER.match(text)
    if not opening:
        return text, False
    end = text.rfind("</answer>", opening.end())
    return (text[opening.end() :], True) if end < 0 else (text[opening.end() : end], False)


def _without_remark(text: str) -> tuple[str, bool]:
    """Without words of the model's own before the text, such as "Here is the text:"."""
    first, _, rest = text[:_LONGEST_REMARK].partition("\n")
    if not rest.strip() or not _REMARK.fullmatch(first.strip()):
        return text, False
    if not _OF_A_MODEL.search(first) and not rest.lstrip().startswith("```"):
        return text, False
    return _trimmed(text[len(first) :]), True


def without_fence(text: str) -> str:
    """A text without the one code fence around all of it.

    Example:
        >>> without_fence("```json\\n{}\\n```"), without_fence("```\\na\\n```\\n\\n```\\nb\\n```")[:5]
        ('{}', '```\\na')
    """
    lines = text.split("\n")
    opening = _FENCE.fullmatch(lines[0].strip())
    if not opening or opening[2].lower() not in _WRAPPERS:
        return text
    end = _end_of_fence(lines, opening[1])
    if end is None:
        return "\n".join(lines[1:]) if opening[2] else text  # cut before its end
    return "\n".join(lines[1:-1]) if end == len(lines) - 1 else text


def _end_of_fence(lines: list[str], mark: str) -> int | None:
    """The line that closes the fence of the first one; fences with a language in it are others within."""
    depth = 1
    for number, line in enumerate(lines[1:], 1):
        fence = _FENCE.fullmatch(line.strip()) if mark[0] in line else None
        if fence is None or fence[1][0] != mark[0]:
            continue
        depth += 1 if fence[2] else -1
        if depth == 0:
            return number
    return None
