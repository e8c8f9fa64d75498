"""What an assistant found, as MCP has it: a text for the model, and the same with its places for a program.

Many clients show the model the structured content in place of the text; so the text stands in it, too.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeAlias

from mcp import types

from vlm_core.assistant.results import AssistantResult, DocumentList, ImageData, PagePicture
from vlm_core.assistant.untrusted import one_line, sanitize
from vlm_core.errors import VLMError

Outcome: TypeAlias = AssistantResult | VLMError
# What else a kind of finding has. Whole pages are left out: they have the whole text, without marks.
_MORE: dict[type[AssistantResult], tuple[str, ...]] = {
    ImageData: ("data",),
    DocumentList: ("documents", "total_documents", "next_start"),
    PagePicture: ("width", "height"),
}
_NAMES = frozenset({"source", "name"})
_LIST: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "the whole answer, as it is to be shown"},
        "trust": {"type": "string", "description": "whether its words are a stranger's"},
        "citations": {
            **_LIST,
            "description": "where it stands: source, page, boxes as fractions of the page",
        },
        "images": {**_LIST, "description": "the pages behind it"},
        "notes": {"type": "array", "items": {"type": "string"}, "description": "what was left out"},
    },
    "required": ["text", "trust"],
}
"""Of the structured content of every tool."""


def result(outcome: Outcome) -> types.CallToolResult:
    """The result of a call."""
    if isinstance(outcome, VLMError):
        return types.CallToolResult(content=[types.TextContent(text=str(outcome))], is_error=True)
    content: list[types.ContentBlock] = [types.TextContent(text=outcome.text)]
    if isinstance(outcome, PagePicture):
        content.append(types.ImageContent(data=as_base64(outcome), mime_type=media_type(outcome)))
    return types.CallToolResult(content=content, structured_content=_structured(outcome))


def as_base64(shown: PagePicture) -> str:
    """The bytes of a picture."""
    return base64.b64encode(shown.picture.data).decode("ascii")


def media_type(shown: PagePicture) -> str:
    """As "image/png"."""
    return f"image/{shown.picture.format}"


def _structured(finding: AssistantResult) -> dict[str, object]:
    plain = finding.to_dict()
    names = ("citations", "images", "notes", *_MORE.get(type(finding), ()))
    return {"text": finding.text, "trust": "untrusted", **{name: _harmless(plain[name]) for name in names}}


def _harmless(value: object) -> object:
    """Plain values whose texts cannot pass for marks of ours; a name is as it is in the text beside it."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, Mapping):
        return {
            sanitize(name): one_line(inner) if name in _NAMES and isinstance(inner, str) else _harmless(inner)
            for name, inner in value.items()
        }
    return [_harmless(inner) for inner in value] if isinstance(value, list) else value
