"""The errors, all of one family.

VLMError
├─ ConfigError             a setting is wrong
│  ├─ MissingExtraError    an optional dependency is not installed
│  ├─ MissingKeyError      no key for a provider, or one that is a placeholder
│  ├─ UnknownOptionError   an argument has a name that is not known
│  └─ UnknownProviderError
├─ InputError              the document cannot be read: missing, unreadable or over a limit
│  ├─ DocumentNotFoundError
│  ├─ UnsupportedImageError
│  ├─ CorruptImageError
│  ├─ ImageTooLargeError
│  │  └─ DecompressionBombError
│  ├─ PDFError
│  │  └─ PasswordRequiredError
│  ├─ UnsafeURLError
│  ├─ TooManyImagesError
│  └─ ResultVersionError   .version, of a stored result that a later release wrote
├─ EngineError             an OCR engine failed on a page
├─ PagesFailed             .pages, those of a job that could not be read
├─ ProviderError           a provider could not be reached, or refused
│  ├─ ConnectionFailed
│  ├─ ProviderTimeout      may have been billed
│  ├─ RateLimited          .retry_after in seconds
│  ├─ ServerError
│  ├─ AuthenticationFailed
│  ├─ QuotaExhausted
│  ├─ ModelNotFound
│  ├─ RequestRejected
│  ├─ ContextOverflow
│  └─ PayloadTooLarge
├─ ResponseError           a provider answered, and the answer cannot be used
│  ├─ MalformedResponse
│  ├─ IncompleteResponse   .partial
│  ├─ OutputTruncated      .partial
│  │  └─ ToolCallTruncated a MalformedResponse too
│  ├─ OutputLooped         .partial
│  ├─ ContentFiltered
│  └─ EmptyOutput
├─ DeadlineExceeded        the time for the whole call is over
├─ BudgetExceeded          the money for the whole job is spent
└─ AllRoutesFailed         .causes, one for each route

No error holds a request, a response, a header or a key.
"""

from __future__ import annotations

from typing import Any, Literal


class VLMError(Exception):
    """Anything that went wrong, said so that the reader knows what to do next.

    Args:
        message: what happened, where and why.
        hint: what to do about it; a class has its own where none is given.
        page: the page concerned, counted from 1.
        route: the provider and model asked, as "provider:model".
        request_id: what the provider calls the request, for its support.
        argument: which one the message begins with, or the hint tells to give; a class has its own.

    Example:
        >>> error = VLMError("scan.png: no text", hint="Try a sharper scan.", page=2)
        >>> str(error)
        'scan.png: no text. Try a sharper scan.'
        >>> error.page
        2
    """

    default_hint = "Run the call again; if it fails again, report it with this message."
    argument: str | None = None
    """The argument of ours that is spoken of, for programs that have another name for it.

    In hints each argument stands as `name=...`, or with the value that it should have.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        page: int | None = None,
        route: str | None = None,
        request_id: str | None = None,
        argument: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message.rstrip(". ")
        self.hint = hint or self.default_hint
        self.page = page
        self.route = route
        self.request_id = request_id
        if argument is not None:
            self.argument = argument
        self.attempts: tuple[Any, ...] = ()
        """What was tried, in order: an Attempt for each request that was sent."""

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.message), self.__dict__


def _revive(kind: type[VLMError], message: str) -> VLMError:
    return kind(message)


class ConfigError(VLMError):
    """A setting cannot be used as it was given."""

    default_hint = "Correct the setting named here."


class MissingExtraError(ConfigError, ImportError):
    """A feature needs a package that is not installed; the hint holds the command.

    It is an ImportError too, because LlamaIndex's directory reader lets only that one through.
    """

    default_hint = "Install everything with: pip install 'vlm-adapters[all]'"


class InputError(VLMError):
    """A document cannot be read."""

    default_hint = "Check that the document exists and can be opened."


class DocumentNotFoundError(InputError, FileNotFoundError):
    """There is no file of this name."""


class UnsupportedImageError(InputError):
    """The bytes are in no format that is read."""

    default_hint = "Give a PNG, JPEG, WebP, GIF, TIFF, BMP, PPM, AVIF, HEIC or PDF."


class CorruptImageError(InputError):
    """The picture is cut short or damaged."""

    default_hint = "Get the file again from where it came from; it is damaged."


class ImageTooLargeError(InputError):
    """The picture is over a limit."""

    default_hint = "Make the picture smaller."


class DecompressionBombError(ImageTooLargeError):
    """A small file that would unpack into an enormous picture; it is not unpacked."""

    default_hint = "If the file is trusted, shrink it with a picture editor first."


class PDFError(InputError):
    """A PDF, or one page of it, cannot be read."""

    default_hint = "Open the file in a PDF viewer; if that fails too, get it again."


class PasswordRequiredError(PDFError):
    """A PDF is encrypted, and the password is missing or wrong."""

    default_hint = "Give the right one with password=..."
    argument = "password"


class UnsafeURLError(InputError):
    """A URL leads where a stranger's URL may not lead, such as to this machine or its network."""

    default_hint = "If the address is your own, give allow_private_urls=True."
    argument = "allow_private_urls"


class ResultVersionError(InputError):
    """A stored result was written by a later release, whose form is not known here."""

    default_hint = "Upgrade vlm-adapters, or read the page again: with another journal, if it stands in one."
    version: int = 0
    """Of the result."""


class EngineError(VLMError):
    """An OCR engine failed on a page."""

    default_hint = "Read the page again, or with another engine."


class PagesFailed(VLMError):
    """Pages of a job could not be read. `pages` are their source, page_number, state and reason."""

    default_hint = "Read them again."
    pages: tuple[Any, ...] = ()


class UnknownOptionError(ConfigError, TypeError):
    """An argument has a name that is not known. It is a TypeError, as for any function of Python."""


class MissingKeyError(ConfigError):
    """There is no key for a provider, or what stands for it is a placeholder."""

    default_hint = "Pass api_key=..., or set the variable named here."
    argument = "api_key"


class UnknownProviderError(ConfigError):
    """No provider has this name."""

    default_hint = "Give a known provider, or any name with base_url=..."
    argument = "base_url"


class TooManyImagesError(InputError):
    """A conversation holds more images than the provider takes in one request."""

    default_hint = "Send fewer images, or ask about them one by one."


class ProviderError(VLMError):
    """A provider could not be reached, or refused the request.

    `status` is the HTTP status, None where there was none; `code` the provider's own word for it.
    """

    default_hint = "Try again; if it stays, ask the provider, with the request id where there is one."
    status: int | None = None
    code: str | None = None
    may_be_billed = False
    """Whether the provider may charge for the attempt."""


class ConnectionFailed(ProviderError):
    """No connection came about, or it broke before an answer."""

    default_hint = "Check the network, the base_url and any proxy; then try again."
    is_passing = True
    """Whether it may be otherwise in a moment, as a wrong certificate will not be."""


class ProviderTimeout(ProviderError):
    """Nothing came in the time allowed. The provider may have done the work, and charge for it."""

    default_hint = "Allow more time with timeout=..., or ask for less with max_tokens=..."
    argument = "timeout"
    may_be_billed = True


class RateLimited(ProviderError):
    """Too many requests. `retry_after` is the wait that the provider asks for, in seconds."""

    default_hint = "Lower max_concurrency, wait, or add a fallback route."
    retry_after: float | None = None


class ServerError(ProviderError):
    """The provider failed on its own side. `retry_after` as for RateLimited."""

    default_hint = "Try again later, or add a fallback route."
    retry_after: float | None = None


class AuthenticationFailed(ProviderError):
    """The key is not accepted, or not for this."""

    default_hint = "Check the key, and that it may use this model."


class QuotaExhausted(ProviderError):
    """The account has no credit left."""

    default_hint = "Add credit to the account, or use another provider."


class ModelNotFound(ProviderError):
    """The provider does not know the model."""

    default_hint = "Check the model's id in the provider's list."


class RequestRejected(ProviderError):
    """The provider finds fault with the request. `parameter` is the option that it names, if any."""

    default_hint = "Change what the provider names."
    parameter: str | None = None


class ContextOverflow(RequestRejected):
    """The request is longer than the model's context."""

    default_hint = "Send less text, fewer or smaller images, or use a model with a larger context."


class PayloadTooLarge(RequestRejected):
    """The request, or an image in it, has more bytes or pixels than the provider takes."""

    default_hint = "Send smaller or fewer images."


class ResponseError(VLMError):
    """A provider answered, and the answer cannot be used. `partial` is the text that came."""

    default_hint = "Try again, or use another model."
    partial = ""


class MalformedResponse(ResponseError):
    """What came is not a chat completion."""

    default_hint = "Check the base_url; if it is right, try again."


class IncompleteResponse(ResponseError):
    """The answer ended before its end. `reason` says how."""

    default_hint = "Try again; .partial holds what came."
    reason: Literal["cut", "silent", "damaged", "different"] = "cut"
    """cut: the connection or the stream ended; silent: nothing came for too long; damaged: an event of the
    stream cannot be read; different: asked again, the model gave another answer than the one it began."""


class OutputTruncated(ResponseError):
    """The answer reached the limit of tokens."""

    default_hint = "Raise max_tokens=...; .partial holds what came."
    argument = "max_tokens"


class ToolCallTruncated(OutputTruncated, MalformedResponse):
    """The answer ended within a tool's arguments, and claims to be whole. `partial` is what came of them."""

    default_hint = "Ask again, or raise max_tokens=...; .partial holds what came of the arguments."
    argument = "max_tokens"


class OutputLooped(ResponseError):
    """The model repeats itself without end."""

    default_hint = (
        "Use another model, or try request_options with a lower max_tokens, a frequency_penalty or a higher "
        "temperature; .partial holds what came."
    )


class ContentFiltered(ResponseError):
    """The provider or the model declined to answer."""

    default_hint = "Change the question or the image."


class EmptyOutput(ResponseError):
    """The answer holds no text, or only the model's reasoning."""

    default_hint = "Raise max_tokens=..., switch the model's thinking off, or use another model."
    argument = "max_tokens"
    usage: Any = None
    """What the answer took, as `Completion.usage`."""
    reasoning = ""
    """What the model thought."""


class DeadlineExceeded(VLMError):
    """The time for the whole call, with its waits and retries, is over."""

    default_hint = "Allow more time with timeout=..."
    argument = "timeout"


class BudgetExceeded(VLMError):
    """The money for the whole job is spent."""

    default_hint = "Raise budget_usd=..., or use a cheaper route."
    argument = "budget_usd"


class AllRoutesFailed(VLMError):
    """No route gave an answer. `causes` are their errors, one for each route, in order of preference.

    A route that was not asked, because it had failed too often just before or because the time was over,
    has a cause too, whose message says so.
    """

    default_hint = "See .causes for what each route said."
    causes: tuple[VLMError, ...] = ()
