"""The shape of a row: what a provider takes, what a model can.

A field that is not documented is None, which means unknown and not unlimited.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vlm_core.catalog.image_tokens import find_formula
from vlm_core.errors import ConfigError
from vlm_core.option_names import validation_problems

ImageFormat = Literal["png", "jpeg", "webp", "gif", "bmp", "tiff", "ppm", "avif", "heic"]
ResponseFormat = Literal["json_schema", "json_object", "tool"]
ReasoningBack = Literal["always", "with_tool_calls", "never"]
_Number: TypeAlias = Annotated[int, Field(gt=0)]
_Dollars: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Quirk(StrEnum):
    """Where a provider differs from the protocol; a closed list, for each is handled by name."""

    MAX_COMPLETION_TOKENS = "max_completion_tokens"
    """The limit of output goes by this name, not by max_tokens."""
    TOOL_CONTENT_STRING = "tool_content_string"
    """What a tool returned must be a string, never a list of parts."""
    TOOL_CHOICE_AUTO_OR_NONE = "tool_choice_auto_or_none"
    """No tool can be forced."""
    NO_STREAMED_RESPONSE_FORMAT = "no_streamed_response_format"
    """response_format and stream exclude each other."""
    NO_STREAM_OPTIONS = "no_stream_options"
    """stream_options is refused; usage comes unasked or not at all."""
    IMAGES_FIRST = "images_first"
    """Images must stand before text."""
    API_KEY_HEADER = "api_key_header"
    """The key goes into the header api-key, not into Authorization."""
    ONE_SYSTEM_MESSAGE = "one_system_message"
    """Only one system message, and only in the first place. Others are merged into it, in their order."""
    NEEDS_REASONING = "needs_reasoning"
    """An assistant's message that calls tools must hold reasoning_content. Where none is known, as of calls
    that another model made, a blank is sent."""
    NEEDS_THOUGHT_SIGNATURE = "needs_thought_signature"
    """Tool calls must hold a thought signature of Gemini. Calls of another model are marked as Google
    documents it."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ImageLimits(_Row):
    """What images must be like. Numbers are upper bounds; None is unknown."""

    formats: frozenset[ImageFormat] | None = None
    """None: only png and jpeg are relied upon."""
    max_side: _Number | None = None
    """Pixels of the longer side."""
    max_pixels: _Number | None = None
    """Width × height."""
    max_image_bytes: _Number | None = None
    """Of the file, before base64."""
    target_base64_bytes: _Number | None = None
    """What the provider recommends, of the base64 text; kept to wherever the picture stays readable."""
    max_body_bytes: _Number | None = None
    """Of the whole request."""
    max_images: _Number | None = None
    """Of the whole conversation."""
    recommended_images: _Number | None = None
    """More are sent, with a warning."""
    accepts_url: bool | None = None
    """False: pictures behind a URL are downloaded here and sent with the request."""
    accepts_detail: bool | None = None
    """Only True lets `detail` through."""


class Price(_Row):
    """US dollars for a million tokens."""

    input_usd: _Dollars | None = None
    output_usd: _Dollars | None = None
    source: str = ""
    checked: date | None = None

    def cost_usd(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """What so many tokens cost; None where a price or a number is missing.

        Example:
            >>> Price(input_usd=0.2, output_usd=0.6).cost_usd(1_000_000, 500_000)
            0.5
        """
        if None in (input_tokens, output_tokens, self.input_usd, self.output_usd):
            return None
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1_000_000  # type: ignore[operator]


class Provider(_Row):
    """A hosted or local API that speaks OpenAI's chat completions.

    Args:
        name: as it stands before the colon of a route.
        base_url: of the API, without /chat/completions.
        api_key_env: variables that may hold the key, the first that is set counts; none where no key
            is needed.

    Example:
        >>> Provider(name="lab", base_url="http://127.0.0.1:8000/v1", api_key_env=()).name
        'lab'
    """

    name: str
    title: str = ""
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    """Other hosts that are this provider's, as "api.example.com" or "localhost:1234"; one that begins with
    a point stands for all below it."""
    api_key_env: tuple[str, ...] = ()
    key_required: bool = True
    limits: ImageLimits = ImageLimits()
    quirks: frozenset[Quirk] = frozenset()
    tools: bool | None = None
    cache_control: bool | None = None
    """Whether it takes marks for prompt caching beside parts and tools. Only True lets them through."""
    response_formats: frozenset[ResponseFormat] | None = None
    reasoning_back: ReasoningBack | None = None
    """Whether reasoning that came with an answer is sent back to it: with each message, within turns that
    call tools, or never since it is refused. None: within turns that call tools."""
    returned_fields: frozenset[str] = frozenset()
    """Further fields of an answer's message or tool calls that are sent back, beside reasoning and
    extra_content."""
    bills_abandoned: bool | None = None
    """Whether an answer that is broken off is paid for all the same. Only where it is not, one that runs in
    circles is ended early."""
    model_list_url: str = ""
    """A page for people, where its models stand."""
    notes: tuple[str, ...] = ()
    source: str = ""
    """Pages that the row was made from."""
    checked: date | None = None
    """When they were read."""

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not name or ":" in name or name != name.strip().lower():
            raise ValueError("a provider's name is in lower case, without a colon or blanks around it")
        return name

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("https://", "http://")):
            raise ValueError("base_url begins with https:// or http://")
        return url.rstrip("/")

    def to_dict(self) -> dict[str, object]:
        """The row as plain JSON, without what is as by default.

        Example:
            >>> Provider(name="lab", key_required=False).to_dict()
            {'name': 'lab', 'key_required': False}
        """
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Provider:
        """A row from what `to_dict` gave.

        Raises:
            ConfigError: it is not a row.

        Example:
            >>> Provider.from_dict({"name": "lab"}).name
            'lab'
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            problems = "; ".join(validation_problems(error))
        raise ConfigError(
            f"the row of a provider cannot be used: {problems}", hint="Give a name, or a Provider(name=...)."
        )


class ModelProfile(_Row):
    """What a family of models can, or what one provider makes of it.

    Args:
        prefix: the first words of the model's id after its last slash; the row with the longest prefix
            counts most, and "" fits all.
        provider: where the row holds; None for everywhere.

    Example:
        >>> ModelProfile(prefix="my-vlm", context_tokens=32_768).provider is None
        True
    """

    prefix: str
    provider: str | None = None
    model: str | None = None
    """The id in full, where the row is about one model of one provider."""
    family: str | None = None
    """Models of one family are each other's replacement, as in "qwen2.5-vl"."""
    vision: bool | None = None
    context_tokens: _Number | None = None
    max_output_tokens: _Number | None = None
    image_tokens: str | None = None
    """The formula in `image_tokens.FORMULAS` that counts its images."""
    min_pixels: _Number | None = None
    max_pixels: _Number | None = None
    """Larger images are scaled down by the model's own processor."""
    grid: _Number | None = None
    """Pixels to which the processor rounds the sides."""
    ocr_dialect: str | None = None
    """The trained prompt and answer format, where the model reads documents only."""
    tools: bool | None = None
    cache_control: bool | None = None
    """As for a provider, and before it."""
    response_formats: frozenset[ResponseFormat] | None = None
    thinking: bool | None = None
    """Whether it thinks aloud before it answers."""
    reasoning_back: ReasoningBack | None = None
    """Whether reasoning that came with an answer is sent back to it: with each message, within turns that
    call tools, or never since it is refused. None: within turns that call tools."""
    returned_fields: frozenset[str] = frozenset()
    """Further fields of an answer's message or tool calls that are sent back, beside reasoning and
    extra_content."""
    limits: ImageLimits = ImageLimits()
    """Where they differ from the provider's."""
    quirks: frozenset[Quirk] = frozenset()
    price: Price | None = None
    sunset: str | None = None
    """The day it goes or went, as "2026-01-05", or "announced" where no day was named."""
    source: str = ""
    checked: date | None = None

    @field_validator("image_tokens")
    @classmethod
    def _is_a_formula(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                find_formula(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return name

    @field_validator("sunset")
    @classmethod
    def _is_a_day(cls, sunset: str | None) -> str | None:
        if sunset is not None and sunset != "announced":
            date.fromisoformat(sunset)
        return sunset
