"""extract(): values from a document by a schema, each with the proof of where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from vlm_core.assistant.data_checks import Check, DataCheck, data_checks
from vlm_core.assistant.page_selection import scores
from vlm_core.assistant.proof import check_engine, printed_pages, proved
from vlm_core.assistant.questions import (
    Steps,
    ask_blocking,
    ask_on_loop,
    ending_of,
    model_of,
    most_images,
    plain_schema,
    question,
    values_in,
    values_wanted,
    words_of,
)
from vlm_core.completion import Completion
from vlm_core.errors import ConfigError, InputError, TooManyImagesError
from vlm_core.flow.validation import check_counts
from vlm_core.ocr.dialects.json_answers import check_schema
from vlm_core.threads import on_own_thread
from vlm_core.types import MAX_PAGES, ExtractionResult, PageImage, Verify
from vlm_core.wire.options import check_options

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.images.decode import Pages
    from vlm_core.ocr.callable_client import ForeignClient

# Pages that are shown to a model in one question, unless the caller gives another number.
_MAX_IMAGES = 8


def extract(
    source: Any,
    schema: Any,
    model: str | Route | VLMClient | ForeignClient,
    page: int | Sequence[int] | None = None,
    verify: Verify = True,
    checks: Sequence[Check] = (),
    *,
    max_images: int = _MAX_IMAGES,
    password: str | None = None,
    request_options: Mapping[str, Any] | None = None,
    allow_private_urls: bool = False,
) -> ExtractionResult:
    """Get values from a document as a schema has them, and where each of them stands.

    The model is asked once. Then this machine reads the pages itself, by the local engine or by the text that
    a PDF brings, and looks each value up: numbers and dates compare by value. Findings say what differs. They
    never change the data.

    Args:
        source: one document: a path, URL, data URI, bytes, binary file, Pillow image or PageImage.
        schema: a pydantic model's class, or a JSON schema. A field whose schema has "x-not-printed": true is
            a conclusion, and is not looked up.
        model: who is asked: "provider:model", a Route or a VLMClient.
        page: which page, or pages, from 1; by default all, or the best by their text where there are more
            than `max_images`.
        verify: whether values are looked up; "strict": notes about numbers are to be looked at, too.
        checks: of the data: expressions such as "sum(items.price) == total", in which numbers that differ by
            less than 0.005 are equal; or functions of the data that give False, or words that say what is
            wrong. What fails is a finding.
        max_images: pages shown to the model, at most; fewer where the provider takes fewer.
        password: of an encrypted PDF.
        request_options: temperature, max_tokens ..., and `detail` and `max_side` of pictures.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Raises:
        ConfigError: an argument cannot be used.
        InputError: the document cannot be read.
        MissingExtraError: verify needs the local engine, which is not installed; before the model is asked.
        MalformedResponse: what the model gave is not JSON, or does not fit the schema.
        VLMError: the model's provider failed.

    Example:
        >>> from vlm_core import VLMClient
        >>> from vlm_core.testing import ScriptedServer
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> schema = {"type": "object", "properties": {"total": {"type": "number"}}}
        >>> with ScriptedServer() as server:
        ...     server.say('{"total": 9.0}')
        ...     model = VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)
        ...     result = extract(white, schema, model)
        ...     model.close()
        >>> result.data, result.fields["total"].status, result.findings[0].kind
        ({'total': 9.0}, 'not_found', 'not_on_page')
    """
    asked = _Asked.of(schema, model, page, verify, checks, max_images, request_options)
    with asked.client() as client, _opened(source, password, allow_private_urls=allow_private_urls) as pages:
        return ask_blocking(asked.steps(pages, client), client)


async def aextract(
    source: Any,
    schema: Any,
    model: str | Route | VLMClient | ForeignClient,
    page: int | Sequence[int] | None = None,
    verify: Verify = True,
    checks: Sequence[Check] = (),
    *,
    max_images: int = _MAX_IMAGES,
    password: str | None = None,
    request_options: Mapping[str, Any] | None = None,
    allow_private_urls: bool = False,
) -> ExtractionResult:
    """As `extract`, without blocking the event loop."""
    asked = _Asked.of(schema, model, page, verify, checks, max_images, request_options)
    pages = await on_own_thread(_opened, source, password, allow_private_urls=allow_private_urls)
    try:
        client, owned = model_of(asked.model, None, 1)
        try:
            return await ask_on_loop(asked.steps(pages, client), client)
        finally:
            for made in owned:
                await made.aclose()
    finally:
        await on_own_thread(pages.close)


def _opened(source: object, password: str | None, *, allow_private_urls: bool) -> Pages:
    from vlm_core.images.sources import expand

    sources = list(islice(expand(source, allow_private_urls=allow_private_urls), 2))
    if len(sources) != 1:
        raise InputError(
            f"extract takes one document, and there are {'several' if sources else 'none'} here",
            hint="Call it for each of them.",
        )
    return sources[0].open(password=password)


@dataclass(frozen=True)
class _Asked:
    """What is wanted, checked before anything is opened."""

    schema: Any
    model: str | Route | VLMClient | ForeignClient
    numbers: tuple[int, ...] | None
    verify: Verify
    checks: Sequence[DataCheck]
    max_images: int
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def of(
        cls,
        schema: Any,
        model: Any,
        page: object,
        verify: Verify,
        checks: Sequence[Check],
        max_images: int,
        request_options: Mapping[str, Any] | None,
    ) -> _Asked:
        check_schema(schema)
        if schema is None:
            raise ConfigError("extract got no schema", hint="Give a pydantic model's class or a JSON schema.")
        if model is None:
            raise ConfigError(
                "extract needs a model", hint='Give one, such as "novita:qwen/qwen3-vl-8b-instruct".'
            )
        if verify not in (True, False, "strict"):
            raise ConfigError(f"verify={verify!r} is not known", hint='It is True, False or "strict".')
        check_counts(max_images=max_images)
        options = dict(request_options or {})
        check_options({name: options[name] for name in options if name not in ("detail", "max_side")})
        return cls(schema, model, _numbers(page), verify, data_checks(checks), max_images, options)

    @contextmanager
    def client(self) -> Iterator[VLMClient | ForeignClient | None]:
        """Who is asked; closed where it was made here."""
        client, owned = model_of(self.model, None, 1)
        try:
            yield client
        finally:
            for made in owned:
                made.close()

    def steps(self, pages: Pages, client: VLMClient | ForeignClient | None) -> Steps[ExtractionResult]:
        """Asks the model, and is sent its answer."""
        numbers, notes = self._chosen(pages, most_images(self.max_images, client))
        shown = [pages.page(number) for number in numbers]
        if self.verify:
            check_engine(shown)
        options = {**self.options, "response_format": self.schema}
        completion: Completion = yield question(shown, values_wanted(self.schema), options)
        plain, data = values_in(completion, self.schema)
        return proved(
            plain,
            data,
            plain_schema(self.schema),
            printed_pages(shown) if self.verify else (),
            checks=self.checks,
            verify=self.verify,
            source=shown[0].source,
            pages=tuple(numbers),
            notes=(*ending_of(completion), *notes),
            route=completion.route,
            usage=completion.usage,
        )

    def _chosen(self, pages: Pages, most: int) -> tuple[list[int], list[str]]:
        """The pages to show, and what is to be said of the others."""
        total = pages.total_pages
        if self.numbers is not None:
            if beyond := [number for number in self.numbers if number > total]:
                raise InputError(
                    f"page {beyond[0]} is beyond the last one", hint=f"The document has {total}."
                )
            if len(self.numbers) > most:
                raise TooManyImagesError(
                    f"{len(self.numbers)} pages are too many", hint=f"Name {most} at most."
                )
            return list(self.numbers), []
        if total <= most:
            return list(range(1, total + 1)), []
        looked = range(1, min(total, MAX_PAGES) + 1)
        scored = scores(words_of(self.schema), [_text_of(pages.page(number)) for number in looked])
        ranked = sorted(looked, key=lambda number: (-scored[number - 1], number))
        chosen = sorted(ranked[:most])
        named = ", ".join(map(str, chosen))
        return chosen, [f"Of {total} pages these were looked at, chosen by the text: {named}."]


def _numbers(page: object) -> tuple[int, ...] | None:
    if page is None:
        return None
    numbers = tuple(page) if isinstance(page, Sequence) and not isinstance(page, str) else (page,)
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in numbers):
        raise ConfigError(f"page={page!r} is not a page number", hint="Pages are whole numbers from 1.")
    return tuple(dict.fromkeys(numbers))


def _text_of(page: PageImage) -> str:
    """The words of a page, to choose by; none where they cannot be had."""
    if page.text_layer is not None:
        return "\n".join(line.text for line in page.text_layer.lines)
    if find_spec("rapidocr") is None:
        return ""
    from vlm_core.ocr.local import LocalEngine

    return LocalEngine().read_page(page).text
