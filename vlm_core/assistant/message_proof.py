"""The proof of what a chat model extracted: the pictures of its messages are read by this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from vlm_core.assistant.data_checks import DataCheck
from vlm_core.assistant.proof import printed_pages, proved
from vlm_core.flow.message_images import ImagePart, parts_of, read_messages
from vlm_core.types import MAX_PAGES, ExtractionResult, PageImage, Verify


def proved_by_messages(
    messages: Sequence[Mapping[str, Any]],
    data: Any,
    schema: Mapping[str, Any] | None,
    *,
    checks: Sequence[DataCheck] = (),
    verify: Verify = True,
    allow_private_urls: bool = False,
    **facts: Any,
) -> ExtractionResult:
    """Data with the place of each value in the pictures of a conversation.

    Args:
        messages: as `VLMClient` takes them.
        data: that the model gave: plain values, or an object of a class.
        schema: the JSON schema that it fits, or None.
        checks: of the data.
        verify: "strict" has notes about numbers looked at, too.
        allow_private_urls: whether a URL may lead to this machine or its network.
        facts: other fields of the result.

    Raises:
        InputError: a picture cannot be read.
        MissingExtraError: the local engine is not installed.

    Example:
        >>> proved_by_messages([{"role": "user", "content": "9?"}], {"total": 9}, None).fields["total"].status
        'not_checked'
    """
    pages = list(_pages(messages, allow_private_urls=allow_private_urls))
    return proved(
        to_jsonable_python(data),
        data,
        schema,
        printed_pages(pages),
        checks=checks,
        verify=verify,
        source=pages[0].source if pages else "",
        pages=tuple(dict.fromkeys(page.page_number for page in pages)),
        **facts,
    )


def _pages(messages: Sequence[Mapping[str, Any]], *, allow_private_urls: bool) -> Iterator[PageImage]:
    read = read_messages(messages, allow_private_urls=allow_private_urls)
    for part in (part for message in read for part in parts_of(message)):
        if isinstance(part, ImagePart):
            yield from _pages_of(part, allow_private_urls=allow_private_urls)


def _pages_of(part: ImagePart, *, allow_private_urls: bool) -> Iterator[PageImage]:
    from vlm_core.images.sources import expand

    given = part.source if part.source is not None else part.url
    for source in expand(given, allow_private_urls=allow_private_urls):
        with source.open(password=part.password) as pages:
            every = range(1, min(pages.total_pages, MAX_PAGES) + 1)
            for number in every if part.pages is None else part.pages:
                yield pages.page(number)
