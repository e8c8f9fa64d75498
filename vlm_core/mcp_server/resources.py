"""The documents that may be read as MCP resources: their lists, templates, contents and completions.

A resource's URL names the text of a document, the text of a page, or the picture of a page.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit

from mcp import types

from vlm_core.assistant.image_assistant import ImageAssistant
from vlm_core.assistant.page_pictures import SIDE
from vlm_core.assistant.results import DocumentEntry
from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import InputError
from vlm_core.mcp_server.results import as_base64, media_type

_TEXT = "text/plain"
_DOCUMENT: Final = "vlm://documents/{+name}"
_PAGE: Final = "vlm://pages/{page}/{+name}"
_PICTURE: Final = "vlm://pictures/{page}/{+name}{?max_side}"
TEMPLATES = (
    types.ResourceTemplate(
        name="document",
        title="Text of a document",
        uri_template=_DOCUMENT,
        mime_type=_TEXT,
        description="The text of all pages, read from the picture where the file does not hold it.",
    ),
    types.ResourceTemplate(
        name="page",
        title="Text of a page",
        uri_template=_PAGE,
        mime_type=_TEXT,
        description="The text of one page, counted from 1.",
    ),
    types.ResourceTemplate(
        name="picture",
        title="Picture of a page",
        uri_template=_PICTURE,
        description=f"One page as a PNG or JPEG, its longer side no longer than max_side pixels ({SIDE}).",
    ),
)
# Which the protocol allows.
_MOST_COMPLETIONS = 100


@dataclass(frozen=True)
class _Address:
    """What a resource's URL names."""

    kind: str
    name: str
    page: int | None = None
    max_side: int = SIDE


async def listed(assistant: ImageAssistant, cursor: str | None) -> types.ListResourcesResult:
    """The documents, newest first, some at a time.

    Args:
        assistant: looks where the client may.
        cursor: what the list before gave for the next one.

    Raises:
        InputError: the cursor is not one of ours.
    """
    found = await assistant.alist_documents(start=_number(cursor or "1", "cursor"))
    return types.ListResourcesResult(
        resources=[_resource(entry) for entry in found.documents],
        next_cursor=str(found.next_start) if found.next_start else None,
    )


def _resource(entry: DocumentEntry) -> types.Resource:
    pages = "" if entry.total_pages is None else f", {entry.total_pages} pages"
    return types.Resource(
        name=one_line(entry.name),
        uri=f"vlm://documents/{quote(os.fsencode(entry.name))}",
        description=f"{entry.kind or 'document'}{pages if entry.total_pages != 1 else ', 1 page'}",
        mime_type=_TEXT,
        annotations=types.Annotations(last_modified=entry.modified),
    )


async def contents(assistant: ImageAssistant, uri: str) -> types.ReadResourceResult:
    """What stands behind a resource's URL.

    Raises:
        InputError: it is not a resource's, or its document may not be read.
        VLMError: the engine cannot read it.
    """
    address = _address(uri)
    if address.kind == "pictures":
        shown = await assistant.ashow_page(address.name, address.page or 1, address.max_side)
        blob = types.BlobResourceContents(uri=uri, mime_type=media_type(shown), blob=as_base64(shown))
        return types.ReadResourceResult(contents=[blob])
    read = await assistant.aread_image(address.name, address.page)
    return types.ReadResourceResult(
        contents=[types.TextResourceContents(uri=uri, mime_type=_TEXT, text=read.text)]
    )


def _address(uri: str) -> _Address:
    try:
        parts = urlsplit(uri)
        kind, path, query = parts.netloc, parts.path.removeprefix("/"), parse_qs(parts.query)
    except ValueError:
        raise _no_resource() from None
    if parts.scheme != "vlm" or kind not in ("documents", "pages", "pictures") or not path:
        raise _no_resource()
    page, _, name = path.partition("/") if kind != "documents" else ("", "", path)
    side = query.get("max_side", [str(SIDE)])[-1]
    return _Address(
        kind,
        os.fsdecode(unquote_to_bytes(name)),
        _number(page, "page") if page else None,
        _number(side, "max_side"),
    )


def _no_resource() -> InputError:
    templates = ", ".join((_DOCUMENT, _PAGE, _PICTURE))
    return InputError("this is not the URL of a resource", hint=f"They are {templates}.")


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):
        raise InputError(f"the {what} is not a number", hint="Give a whole number from 1.")
    return int(text)


async def completed(assistant: ImageAssistant, asked: types.CompleteRequestParams) -> types.CompleteResult:
    """Names of documents that begin as what was typed does, then others that hold it; and numbers of pages.

    Args:
        assistant: looks where the client may.
        asked: the argument of a template, and what is typed of it.
    """
    argument, value = asked.argument.name, asked.argument.value
    known = (asked.context.arguments if asked.context else None) or {}
    if argument == "name":
        found = await assistant.alist_documents(value or None)
        names = sorted(
            (one_line(entry.name) for entry in found.documents), key=lambda name: not name.startswith(value)
        )
        return _completion(names, found.total_documents)
    if argument == "page" and known.get("name"):
        total = (await assistant.alist_pages(known["name"])).total_pages
        numbers = [str(number) for number in range(1, total + 1) if str(number).startswith(value)]
        return _completion(numbers, len(numbers))
    return _completion([], 0)


def _completion(values: list[str], total: int) -> types.CompleteResult:
    shown = values[:_MOST_COMPLETIONS]
    return types.CompleteResult(
        completion=types.Completion(values=shown, total=total, has_more=total > len(shown))
    )
