"""The parts of messages: read once at the border, images typed, and sent as the provider takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.completion import EncodedImage
from vlm_core.errors import InputError, UnsafeURLError
from vlm_core.images.data_uris import bytes_in
from vlm_core.images.files import base64_as_uri, file_part
from vlm_core.images.reading import fetched
from vlm_core.warning import warn_caller
from vlm_core.wire.messages import TOOL_ROLES

if TYPE_CHECKING:
    from vlm_core.images.encode import Picture
    from vlm_core.images.sources import Source

Message: TypeAlias = Mapping[str, Any]
Part: TypeAlias = Mapping[str, Any]
Images: TypeAlias = Sequence[EncodedImage | str]

_ADDRESS = re.compile(r"(https?://|data:)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_KEYS = ("detail", "pages", "password", "max_side", "cache_control")
_GIVE_FILE = 'Give the file itself: {"type": "file", "file": {"file_data": "data:...;base64,..."}}.'


@dataclass(frozen=True)
class ImagePart:
    """An image part of a message: where its bytes are, and what is asked of it.

    It has either a `source` or the `url` of a picture in the web, which some providers fetch themselves.
    """

    position: str
    """Where it stands, for errors: `messages[0].content[1]`."""
    source: Source | None = field(default=None, repr=False)
    url: str | None = None
    detail: str | None = None
    pages: tuple[int, ...] | None = None
    password: str | None = field(default=None, repr=False)
    max_side: int | None = None
    cache_control: object = None
    """The mark for prompt caching, which stands at the last page."""

    def as_sent(self, images: Images) -> list[Part]:
        """The parts that take its place: one for each page, or one for its URL."""
        detail = {"detail": self.detail} if self.detail else {}
        parts: list[Part] = [{"type": "image", "image": image, **detail} for image in images]
        if self.cache_control is not None and parts:
            parts[-1] = {**parts[-1], "cache_control": self.cache_control}
        return parts


# --- the border


def read_messages(messages: Sequence[Message], *, allow_private_urls: bool = False) -> list[Message]:
    """The conversation with each image as an `ImagePart`, and each file as the text or the image that it is.

    An open file is read only once, however often the messages are sent.

    Args:
        messages: as OpenAI has them; they stay as they are. An image part is `{"type": "image_url",
            "image_url": {"url": ...}}` with a web or data URL, or `{"type": "image", "image": ...}` with a
            path, bytes, a picture or a URL, and perhaps `"detail"`, `"pages"` (from 1), the `"password"` of a
            PDF, `"max_side"`, pixels of the longer side to which it is shrunk at least, and
            `"cache_control"`. Base64 of a picture or PDF may stand in place of its data URL. Parts of type
            file, input_file, input_image and input_text are read too.
        allow_private_urls: whether a file's URL may lead to this machine or its network.

    Raises:
        InputError: a part is not written so, or holds more than one file, or a file that cannot be sent.

    Example:
        >>> (message,) = read_messages([{"role": "user", "content": [{"type": "image", "image": "a.png"}]}])
        >>> message["content"][0].source.name, message["content"][0].position
        ('a.png', 'messages[0].content[0]')
        >>> file = {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi", "filename": "a.csv"}}
        >>> read_messages([{"role": "user", "content": [file]}])
        [{'role': 'user', 'content': [{'type': 'text', 'text': 'a,b'}]}]
    """
    return [_read(message, f"messages[{at}]", allow_private_urls) for at, message in enumerate(messages)]


def parts_of(message: object) -> Sequence[Any]:
    """The parts of a message's content; none where it is a text, or not there."""
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, (list, tuple)) else ()


def _read(message: Message, position: str, allow_private_urls: bool) -> Message:
    parts = parts_of(message)
    # Most messages are text alone, and a conversation is read again with every turn.
    if all(_kind(part) in ("text", "") for part in parts):
        return message
    content = [
        _read_part(part, f"{position}.content[{number}]", allow_private_urls)
        for number, part in enumerate(parts)
    ]
    return {**message, "content": content}


def _kind(part: object) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _read_part(part: Part | str, position: str, allow_private_urls: bool) -> Part | str | ImagePart:
    kind = _kind(part)
    if isinstance(part, str) or kind not in (*_PLAINER, *_READERS):
        return part
    if kind in _PLAINER:
        part = _PLAINER[kind](part, position, allow_private_urls)
        kind = part["type"]
    if kind not in _READERS:
        return part
    _check_keys(part, ("type", kind, *_KEYS), position)
    image, detail = _READERS[kind](part, position)
    is_url = isinstance(image, str) and _WEB.match(image) is not None
    return ImagePart(
        position,
        None if is_url else _source(image, position),
        image if is_url else None,
        detail,
        _page_numbers(part, position),
        part.get("password"),
        _max_side(part, position),
        part.get("cache_control"),
    )


def _check_keys(part: Part, known: Sequence[str], position: str) -> None:
    """Refuse what would have no effect, since somebody meant something by it."""
    for key in part:
        if key not in known:
            near = get_close_matches(str(key).lower(), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It may hold {', '.join(known)}."
            raise InputError(f"{position}: an image part has no {key!r}", hint=hint)


def _read_image_url(part: Part, position: str) -> tuple[Any, str | None]:
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


def _read_image(part: Part, position: str) -> tuple[Any, str | None]:
    image = part.get("image")
    if image is None:
        raise InputError(
            f"{position}: an image part without an image",
            hint='Write {"type": "image", "image": ...} with a path, bytes, URL or picture.',
        )
    if isinstance(image, str) and not _ADDRESS.match(image):
        image = _of_base64(image, position) or image  # or a path
    return image, part.get("detail")


_READERS: Mapping[str, Callable[[Part, str], tuple[Any, str | None]]] = {
    "image": _read_image,
    "image_url": _read_image_url,
}


def _of_base64(text: str, position: str) -> Source | None:
    """The picture or PDF that a string without a label holds; None for any other string."""
    from vlm_core.images.sources import Source

    if (uri := base64_as_uri(text, position)) is None:
        return None
    return Source("<base64>", partial(fetched, "<base64>", partial(bytes_in, uri)), key=uri)


def _source(image: object, position: str) -> Source:
    """The one document behind what the caller gave."""
    from vlm_core.images.sources import Source, expand

    if isinstance(image, Source):
        return image
    try:
        sources = expand(image)
        source, another = next(sources, None), next(sources, None)
    except InputError as error:
        raise InputError(f"{position}: {error.message}", hint=error.hint) from None
    if source is None or another is not None:
        raise InputError(
            f"{position}: an image part holds one file, and no folder, pattern or list",
            hint="Give each file a part of its own.",
        )
    # An open file can be read only once, and a message is sent again where a route fails.
    is_open_file = callable(getattr(image, "read", None))
    return replace(source, read=cache(source.read)) if is_open_file else source


def _page_numbers(part: Part, position: str) -> tuple[int, ...] | None:
    pages = part.get("pages")
    if pages is None:
        return None
    if not isinstance(pages, Sequence) or not all(isinstance(page, int) and page > 0 for page in pages):
        hint = "It is a list of numbers from 1, as in [1, 3]."
        raise InputError(f"{position}: pages={pages!r} is not a list of page numbers", hint=hint)
    return tuple(pages)


def _max_side(part: Part, position: str) -> int | None:
    side = part.get("max_side")
    if side is None or (isinstance(side, int) and not isinstance(side, bool) and side > 0):
        return side
    raise InputError(f"{position}: max_side={side!r} is not a number of pixels", hint="Give one from 1.")


# --- parts of OpenAI's two APIs, in the few kinds that are sent


def _of_file(part: Part, position: str, allow_private_urls: bool) -> Part:
    inner = part.get("file")
    file = inner if isinstance(inner, Mapping) else part
    held = next((file[name] for name in ("file_data", "file_url") if file.get(name) is not None), None)
    if not isinstance(held, (str, bytes)):
        problem = "names a file in one provider's store" if file.get("file_id") else "holds no file"
        raise InputError(f"{position} {problem}", hint=_GIVE_FILE)
    if isinstance(held, str) and _WEB.match(held):
        from vlm_core.images.sources import expand

        # Fetched here, for providers fetch images alone.
        image = next(expand(held, allow_private_urls=allow_private_urls))
        return {"type": "image", "image": image, **_beside(part, is_text=False)}
    if isinstance(held, str) and held[:5].lower() != "data:":
        held = f"data:;base64,{held}"
    read = file_part(held, position)
    return {**read, **_beside(part, is_text=read["type"] == "text")}


def _beside(part: Part, *, is_text: bool) -> dict[str, Any]:
    names = ("cache_control",) if is_text else ("detail", "pages", "password", "cache_control")
    return {name: part[name] for name in names if part.get(name) is not None}


_PLAINER: Mapping[str, Callable[[Part, str, bool], Part]] = {
    "file": _of_file,
    "input_file": _of_file,
    "input_image": lambda part, position, allow_private_urls: {**part, "type": "image_url"},
    "input_text": lambda part, position, allow_private_urls: {**part, "type": "text"},
}


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
        if role not in TOOL_ROLES and any(map(holds_picture, _texts_of(message))):
            from vlm_core.images.encode import ImageWarning

            warn_caller(_WRITTEN.format(at=at), ImageWarning)


_WRITTEN = (
    "messages[{at}] holds a picture that became text: the model reads its base64, and sees none. Give the "
    "image as a part of its own. In a template of LangChain, put in the whole message: "
    '("placeholder", "{{asked}}"), with asked=[("human", [image_block(picture), question])]. In one of '
    "LlamaIndex, write {{{{ picture | image }}}} in a RichPromptTemplate."
)


def _texts_of(message: Message) -> Iterator[str]:
    content = message.get("content")
    for part in [content] if isinstance(content, str) else parts_of(message):
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            yield text


# --- as a provider takes them


def image_parts(messages: Sequence[Message]) -> list[ImagePart]:
    """The images of messages that were read, in order."""
    return [part for message in messages for part in parts_of(message) if isinstance(part, ImagePart)]


def encoded_images(messages: Sequence[Message]) -> list[EncodedImage]:
    """The pictures in messages whose images are as they are sent."""
    images = (part.get("image") for message in messages for part in parts_of(message) if _kind(part))
    return [image for image in images if isinstance(image, EncodedImage)]


def with_images(messages: Sequence[Message], images: Sequence[Images]) -> list[Message]:
    """The conversation with its image parts as the provider takes them.

    Args:
        messages: those that were read; they stay as they are.
        images: for each image part the pages, or the URL, that take its place.

    Example:
        >>> part = {"type": "image", "image": "two.tif", "detail": "low"}
        >>> (message,) = with_images(read_messages([{"role": "user", "content": [part]}]), [["one", "two"]])
        >>> message["content"][1]
        {'type': 'image', 'image': 'two', 'detail': 'low'}
    """
    rest = iter(images)
    return [
        {**message, "content": list(_with_images(parts_of(message), rest))}
        if any(isinstance(part, ImagePart) for part in parts_of(message))
        else message
        for message in messages
    ]


def _with_images(parts: Sequence[Any], images: Iterator[Images]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, ImagePart):
            yield from part.as_sent(next(images))
        else:
            yield part


def to_picture(
    part: ImagePart, *, max_pages: int | None = None, allow_private_urls: bool = False, seconds: float = 60.0
) -> Picture:
    """An image part as a picture to be read and fitted.

    Args:
        part: of messages that were read.
        max_pages: how many it may have where they are not named; None for the usual number.
        allow_private_urls: whether its URL may lead to this machine or its network.
        seconds: how long what is behind a URL may take to come.
    """
    from vlm_core.images.encode import MAX_PAGES, Picture
    from vlm_core.images.sources import expand

    source = part.source or next(
        expand(part.url, allow_private_urls=allow_private_urls, download_seconds=seconds)
    )
    return Picture(source, part.pages, part.position, part.password, max_pages or MAX_PAGES, part.max_side)


def forwarded_url(part: ImagePart, allow_private_urls: bool) -> str | None:
    """The web address of an image part, for the provider to fetch; None where it has none.

    Raises:
        UnsafeURLError: it leads to this machine or its network, as far as it tells.
    """
    from vlm_core.images.netguard import check_url

    if part.url is not None:
        try:
            check_url(part.url, allow_private=allow_private_urls)
        except UnsafeURLError as error:
            raise UnsafeURLError(f"{part.position}: {error.message}", hint=error.hint) from None
    return part.url


def text_bytes(value: object) -> int:
    """About as many bytes as messages take in a request, their images left out."""
    return sum(len(text.encode("utf-8", "replace")) for text in _texts_in(value))


def _texts_in(value: object) -> Generator[str, None, None]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts_in(inner)
