"""The images in a conversation: found where the caller put them, and put back as the provider takes them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.errors import InputError, UnsafeURLError
from vlm_core.images.data_uris import bytes_in
from vlm_core.images.files import base64_as_uri
from vlm_core.images.reading import fetched
from vlm_core.warning import warn_caller
from vlm_core.wire.messages import TOOL_ROLES

if TYPE_CHECKING:
    from vlm_core.completion import EncodedImage
    from vlm_core.images.encode import Picture

Message: TypeAlias = Mapping[str, Any]
Images: TypeAlias = "Sequence[EncodedImage | str]"
_IMAGE_TYPES = frozenset({"image", "image_url"})
_KEYS = {
    "image": ("type", "image", "detail", "pages", "password", "max_side", "cache_control"),
    "image_url": ("type", "image_url", "detail", "pages", "password", "max_side", "cache_control"),
}
_ADDRESS = re.compile(r"(https?://|data:)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class ImagePart:
    """An image part of a message.

    `given` is whatever the caller wrote: a path, bytes, a URL, a picture.
    """

    message: int
    part: int
    given: Any
    detail: str | None = None
    pages: tuple[int, ...] | None = None
    password: str | None = field(default=None, repr=False)
    max_side: int | None = None
    cache_control: Any = None
    """The mark for prompt caching, which stands at the last page."""

    @property
    def position(self) -> str:
        """Where it stands, for errors."""
        return f"messages[{self.message}].content[{self.part}]"

    @property
    def url(self) -> str | None:
        """The address, where it is one of the web."""
        return self.given if isinstance(self.given, str) and _WEB.match(self.given) else None


def image_parts(messages: Sequence[Message]) -> list[ImagePart]:
    """The image parts of a conversation, in order.

    Args:
        messages: as OpenAI has them; an image part is `{"type": "image_url", "image_url": {"url": ...}}`
            with a web or data URL, or `{"type": "image", "image": ...}` with a path, bytes, a picture
            or a URL, and perhaps `"detail"`, `"pages"` (from 1), the `"password"` of a PDF,
            `"max_side"`, pixels of the longer side to which it is shrunk at least, and
            `"cache_control"`. Base64 of a picture or PDF may stand in place of its data URL.

    Raises:
        InputError: a part is not written so.

    Example:
        >>> image_parts([{"role": "user", "content": [{"type": "image", "image": "a.png"}]}])[0].position
        'messages[0].content[0]'
    """
    return [
        _found(at, number, part)
        for at, message in enumerate(messages)
        for number, part in enumerate(_parts(message))
        if isinstance(part, Mapping) and part.get("type") in _IMAGE_TYPES
    ]


def _parts(message: Any) -> Sequence[Any]:
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, (list, tuple)) else ()


def _found(message: int, part: int, written: Mapping[str, Any]) -> ImagePart:
    position = f"messages[{message}].content[{part}]"
    _check_keys(written, _KEYS[written["type"]], position)
    read = _read_image_url if written["type"] == "image_url" else _read_image
    given, detail = read(written, position)
    return ImagePart(
        message,
        part,
        given,
        detail,
        _page_numbers(written, position),
        written.get("password"),
        _max_side(written, position),
        written.get("cache_control"),
    )


def _check_keys(part: Mapping[str, Any], known: Sequence[str], position: str) -> None:
    """Refuse what would have no effect, since somebody meant something by it."""
    for key in part:
        if key not in known:
            near = get_close_matches(str(key).lower(), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It may hold {', '.join(known)}."
            raise InputError(f"{position}: an image part has no {key!r}", hint=hint)


def _read_image_url(part: Mapping[str, Any], position: str) -> tuple[Any, str | None]:
    inner = part.get("image_url")
    inner = inner if isinstance(inner, Mapping) else {"url": inner}
    _check_keys(inner, ("url", "detail"), position)
    url = inner.get("url")
    if isinstance(url, str) and not _ADDRESS.match(url):
        url = _of_base64(url, position)
    elif not isinstance(url, str):
        url = None
    if url is None:
        # A message may come from a stranger: no path that stands here is opened.
        raise InputError(
            f"{position}: image_url holds neither a web address nor a data URI nor base64",
            hint='A file goes into a part of its own: {"type": "image", "image": "scan.png"}.',
        )
    return url, inner.get("detail", part.get("detail"))


def _read_image(part: Mapping[str, Any], position: str) -> tuple[Any, str | None]:
    if part.get("image") is None:
        raise InputError(
            f"{position}: an image part without an image",
            hint='Write {"type": "image", "image": ...} with a path, bytes, URL or picture.',
        )
    image = part["image"]
    if isinstance(image, str) and not _ADDRESS.match(image):
        image = _of_base64(image, position) or image  # or a path
    return image, part.get("detail")


def _of_base64(text: str, position: str) -> Any:
    """The picture or PDF that a string without a label holds; None for any other string."""
    from vlm_core.images.sources import Source

    if (uri := base64_as_uri(text, position)) is None:
        return None
    return Source("<base64>", partial(fetched, "<base64>", partial(bytes_in, uri)), key=uri)


def _page_numbers(part: Mapping[str, Any], position: str) -> tuple[int, ...] | None:
    pages = part.get("pages")
    if pages is None:
        return None
    if not isinstance(pages, Sequence) or not all(isinstance(page, int) and page > 0 for page in pages):
        hint = "It is a list of numbers from 1, as in [1, 3]."
        raise InputError(f"{position}: pages={pages!r} is not a list of page numbers", hint=hint)
    return tuple(pages)


def _max_side(part: Mapping[str, Any], position: str) -> int | None:
    side = part.get("max_side")
    if side is None or (isinstance(side, int) and not isinstance(side, bool) and side > 0):
        return side
    raise InputError(f"{position}: max_side={side!r} is not a number of pixels", hint="Give one from 1.")


def warn_of_images_in_text(messages: Sequence[Message]) -> None:
    """Warn where a text holds a picture, of which the model sees nothing.

    Only of messages that are new, which no answer stands behind: each is sent again with every turn. What
    tools return is not looked at, since frameworks have words of their own about it.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: a text holds one; it says how to give it instead.
    """
    from vlm_core.images.pictures_in_text import holds_picture

    for at, message in reversed(list(enumerate(messages))):
        role = message.get("role") if isinstance(message, Mapping) else "assistant"
        if role == "assistant":
            return
        if role not in TOOL_ROLES and any(map(holds_picture, _written_texts(message))):
            from vlm_core.images.encode import ImageWarning

            warn_caller(_WRITTEN.format(at=at), ImageWarning)


_WRITTEN = (
    "messages[{at}] holds a picture that became text: the model reads its base64, and sees none. Give the "
    "image as a part of its own. In a template of LangChain, put in the whole message: "
    '("placeholder", "{{asked}}"), with asked=[("human", [image_block(picture), question])]. In one of '
    "LlamaIndex, write {{{{ picture | image }}}} in a RichPromptTemplate."
)


def _written_texts(message: Message) -> Iterator[str]:
    content = message.get("content")
    for part in [content] if isinstance(content, str) else _parts(message):
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            yield text


def buffer_open_files(messages: Sequence[Message]) -> list[Message]:
    """The conversation with its open files read only once, however often it is sent.

    Args:
        messages: as the caller gave them; they stay as they are.
    """
    return [
        {**message, "content": [_held_part(part) for part in _parts(message)]} if _parts(message) else message
        for message in messages
    ]


def _held_part(part: Any) -> Any:
    from vlm_core.images.sources import Source, expand

    given = part.get("image") if isinstance(part, Mapping) and part.get("type") == "image" else None
    if isinstance(given, Source) or not callable(getattr(given, "read", None)):
        return part
    (source,) = expand(given)
    return {**part, "image": replace(source, read=cache(source.read))}


def to_picture(
    found: ImagePart, *, max_pages: int | None = None, allow_private_urls: bool = False, seconds: float = 60.0
) -> Picture:
    """An image part as a picture to be read and fitted.

    Args:
        found: the part.
        max_pages: how many it may have where they are not named; None for the usual number.
        allow_private_urls: whether a URL may lead to this machine or its network.
        seconds: how long what is behind a URL may take to come.

    Raises:
        InputError: what stands there is not an image, or more than one file.
    """
    from vlm_core.images.encode import MAX_PAGES, Picture
    from vlm_core.images.sources import expand

    try:
        sources = expand(found.given, allow_private_urls=allow_private_urls, download_seconds=seconds)
        source, another = next(sources, None), next(sources, None)
    except InputError as error:
        raise InputError(f"{found.position}: {error.message}", hint=error.hint) from None
    if source is None or another is not None:
        raise InputError(
            f"{found.position}: an image part holds one file, and no folder, pattern or list",
            hint="Give each file a part of its own.",
        )
    most = max_pages or MAX_PAGES
    return Picture(source, found.pages, found.position, found.password, most, found.max_side)


def forwarded_url(found: ImagePart, allow_private_urls: bool) -> str | None:
    """The web address of an image part, for the provider to fetch; None where it is none.

    Raises:
        UnsafeURLError: it leads to this machine or its network, as far as it tells.
    """
    from vlm_core.images.netguard import check_url

    if found.url is not None:
        try:
            check_url(found.url, allow_private=allow_private_urls)
        except UnsafeURLError as error:
            raise UnsafeURLError(f"{found.position}: {error.message}", hint=error.hint) from None
    return found.url


def replace_images(
    messages: Sequence[Message], found: Sequence[ImagePart], images: Sequence[Images]
) -> list[Message]:
    """The conversation with its image parts as the provider takes them; the caller's stays as it is.

    Args:
        messages: the conversation.
        found: its image parts.
        images: for each of these the pages, or the URL, that take its place.

    Example:
        >>> said = [{"role": "user", "content": [{"type": "image", "image": "two.tif", "detail": "low"}]}]
        >>> replace_images(said, image_parts(said), [["one", "two"]])[0]["content"][1]
        {'type': 'image', 'image': 'two', 'detail': 'low'}
    """
    parts: dict[int, dict[int, list[Message]]] = defaultdict(dict)
    for place, pages in zip(found, images, strict=True):
        detail = {"detail": place.detail} if place.detail else {}
        shown: list[Message] = [{"type": "image", "image": page, **detail} for page in pages]
        if place.cache_control is not None and shown:
            shown[-1] = {**shown[-1], "cache_control": place.cache_control}
        parts[place.message][place.part] = shown
    return [
        {**message, "content": list(_with(message["content"], parts[at]))} if at in parts else message
        for at, message in enumerate(messages)
    ]


def _with(content: Sequence[Any], replacements: Mapping[int, list[Message]]) -> Iterator[Any]:
    for number, part in enumerate(content):
        yield from replacements.get(number, [part])
