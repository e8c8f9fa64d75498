"""How pictures are read: the options that the reader and the transform have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    model_validator,
)
from llama_index.core.schema import BaseComponent

from llamaindex_vlm.engines import as_engine
from vlm_core import (
    EmptyPages,
    Mode,
    PageResult,
    ReaderOptions,
    check_mode,
    check_names,
    engine_name,
    reader_with,
)

if TYPE_CHECKING:
    from vlm_core import DocumentReader, OCREngine


class ReadingOptions(BaseComponent):
    """A component that reads pictures. It cannot be changed, and may be pickled."""

    # The DocumentReader is made once, from what was given.
    model_config = ConfigDict(frozen=True)

    engine: str | Any = Field(
        default="local",
        description='"local", a vision model as "provider:model" or VLMClient, any LLM that takes '
        "images, or an OCR engine of your own.",
    )
    mode: Mode = Field(
        default="page",
        description='What becomes one Document: a "document", a "page", a "block" of lines or a "chunk".',
    )
    chunk_tokens: int = Field(
        default=512,
        ge=1,
        description="Of a chunk, at most: words, marks, and Chinese, Japanese and Korean characters.",
    )
    task: str = Field(
        default="markdown",
        description='What the text is to look like: "markdown", "text" or "layout"; of a vision model also '
        '"table", "json", "handwriting", "receipt" or "describe".',
    )
    prompt: str | None = Field(
        default=None, description="Words of your own for a vision model, in place of the task's."
    )
    output_schema: Any = Field(
        default=None, exclude=True, description="Of the JSON wanted: a JSON schema or a pydantic model."
    )
    request_options: dict[str, Any] | None = Field(
        default=None, description="For a vision model: temperature, max_tokens, max_side, detail, extra_body."
    )
    fallbacks: list[Any] = Field(
        default_factory=list,
        exclude=True,
        description='Routes to ask where the engine cannot answer; the last one may be "local".',
    )
    journal: Any = Field(
        default=None,
        exclude=True,
        description="A file in which each page is recorded, so that none is paid twice.",
    )
    budget_usd: float | None = Field(
        default=None, description="Once so much is spent in one call, its further pages are skipped."
    )
    pdf_text: Literal["auto", "ignore"] = Field(
        default="auto", description='"ignore" reads the picture of a PDF page even where it has text.'
    )
    dehyphenate: bool = Field(
        default=True, description="Whether words that a line's end has parted are put together."
    )
    password: SecretStr | None = Field(default=None, exclude=True, description="For encrypted PDFs.")
    max_pages: int | None = Field(
        default=None, description="At most so many pages of each document are read."
    )
    max_concurrency: int = Field(default=8, description="Pages read at once, by all calls together.")
    on_error: Literal["record", "raise"] = Field(
        default="record", description='"raise" raises the error of the first page that fails.'
    )
    on_page: Callable[[PageResult], None] | None = Field(
        default=None, exclude=True, description="Is called with the result of every page."
    )
    progress: bool | Literal["auto"] = Field(
        default=False, description='Whether to show a progress bar; "auto" does so on a terminal.'
    )
    allow_private_urls: bool = Field(
        default=False, description="Whether URLs may lead to this machine or its network."
    )
    attachments: bool = Field(
        default=False, description="Whether the pictures and PDFs that a PDF carries are read too."
    )
    trusted: bool = Field(
        default=False,
        description="Whether no one means harm with the documents, so that they are not decoded apart.",
    )
    empty_pages: EmptyPages = Field(
        default=False,
        description="Give pages without text too; `ocr_state` says what became of them. "
        '"failed" gives those that are not blank.',
    )
    image_reference: bool = Field(
        default=False,
        description="Let `image_resource` refer to the picture, where it is a file on this disk that "
        "holds the one page upright, as PNG, JPEG, WebP or GIF.",
    )
    image_dir: Path | None = Field(
        default=None,
        description="Where the pictures of all other pages, such as those of PDFs, are written to be "
        "referred to; implies image_reference.",
    )
    _reader: DocumentReader = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, options: dict[str, Any]) -> dict[str, Any]:
        check_names(options, cls.model_fields)
        check_mode(options.get("mode", "page"))
        return options

    def model_post_init(self, context: Any) -> None:
        """Make the reader that all calls share, so that its bound on pages holds over them."""
        options = {name: getattr(self, name) for name in ReaderOptions.__annotations__}
        options["password"] = self._password()
        self._reader = reader_with(as_engine(self.engine), cast("ReaderOptions", options))

    def __reduce__(self) -> tuple[Any, ...]:
        # LlamaIndex would leave out what cannot be pickled, and so change the engine in silence.
        return _revive, (type(self), {name: getattr(self, name) for name in type(self).model_fields})

    @field_serializer("engine")
    def _engine_name(self, engine: str | OCREngine) -> str:
        return engine_name(as_engine(engine))

    @field_serializer("image_dir")
    def _image_dir_name(self, image_dir: Path | None) -> str | None:
        return None if image_dir is None else str(image_dir)

    def _password(self) -> str | None:
        return None if self.password is None else self.password.get_secret_value()


def _revive(kind: type[ReadingOptions], options: dict[str, Any]) -> ReadingOptions:
    return kind(**options)
