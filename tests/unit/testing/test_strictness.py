"""What a strict server refuses: a row for each rule, and what stays within it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from vlm_core.catalog.schema import ImageLimits, Provider, Quirk
from vlm_core.testing import ScriptedServer

HYPERBOLIC = ImageLimits(formats=frozenset({"png", "jpeg"}), max_side=2048, max_images=1, accepts_url=False)
DEEPINFRA = ImageLimits(
    formats=frozenset({"png", "jpeg", "webp"}),
    max_image_bytes=20_000_000,
    accepts_url=True,
    accepts_detail=False,
)
NOVITA = ImageLimits(
    target_base64_bytes=1_000_000, recommended_images=2, accepts_url=True, accepts_detail=True
)
GROQ = ImageLimits(max_images=5, max_body_bytes=4_000_000)

URL = "https://example.org/scan.png"
CALL = {"id": "call_1", "type": "function", "function": {"name": "read_image", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "read_image", "parameters": {"type": "object"}}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "TOTAL 9.00"}
HELLO = {"role": "user", "content": "hello"}
JSON = {"type": "json_object"}
FORCED = {"type": "function", "function": {"name": "read_image"}}


@pytest.fixture
def message(picture: Any, image_part: Any) -> Callable[..., dict[str, Any]]:
    """A message of "what is this" and pictures; a number is one of so many pixels on a side."""

    def part(given: Any) -> dict[str, Any]:
        return image_part(picture("png", given, 1)) if isinstance(given, int) else given

    def message(*pictures: Any, role: str = "user") -> dict[str, Any]:
        text = {"type": "text", "text": "what is this"}
        return {"role": role, "content": [text, *map(part, pictures)]}

    return message


def refused(
    ask: Any, row: Provider, *messages: Any, strict: Any = True, **fields: Any
) -> tuple[int, str] | None:
    """Status and words of the refusal, None where there was an answer."""
    with ScriptedServer(provider=row, strict=strict) as server:
        ask(server, messages=list(messages or [HELLO]), **fields)
        refusal = server.seen[0].refusal
    return (refusal.status, refusal.message) if refusal else None


def row(name: str, limits: ImageLimits | None = None, *quirks: Quirk, **fields: Any) -> Provider:
    return Provider(name=name, limits=limits or ImageLimits(), quirks=frozenset(quirks), **fields)


# Rules about the request.


@pytest.mark.parametrize(
    ("provider", "fields", "status", "words"),
    [
        pytest.param(row("deepinfra"), {"model": None}, 400, "model", id="no model"),
        pytest.param(row("deepinfra"), {"model": " "}, 400, "model", id="empty model"),
        pytest.param(row("deepinfra"), {"colour": 1}, 422, "colour", id="unknown field"),
        pytest.param(row("openai"), {"top_k": 5}, 422, "top_k", id="field of other vendors"),
        pytest.param(row("deepinfra"), {"tools": []}, 400, "too short", id="no tools"),
        pytest.param(row("devup", tools=False), {"tools": [TOOL]}, 400, "not support tools", id="tools"),
        pytest.param(
            row("deepinfra", None, Quirk.TOOL_CHOICE_AUTO_OR_NONE),
            {"tools": [TOOL], "tool_choice": "required"},
            400,
            "auto or none",
            id="any tool forced",
        ),
        pytest.param(
            row("deepinfra", None, Quirk.TOOL_CHOICE_AUTO_OR_NONE),
            {"tools": [TOOL], "tool_choice": FORCED},
            400,
            "auto or none",
            id="one tool forced",
        ),
        pytest.param(
            row("groq", None, Quirk.NO_STREAMED_RESPONSE_FORMAT),
            {"response_format": JSON, "stream": True},
            400,
            "while streaming",
            id="streamed response_format",
        ),
        pytest.param(
            row("deepinfra", response_formats=frozenset({"json_schema"})),
            {"response_format": JSON},
            400,
            "json_object",
            id="response_format",
        ),
        pytest.param(
            row("novita"), {"max_completion_tokens": 9}, 400, "'max_tokens' instead", id="length, new name"
        ),
        pytest.param(
            row("openai", None, Quirk.MAX_COMPLETION_TOKENS),
            {"max_tokens": 9},
            400,
            "'max_completion_tokens' instead",
            id="length, old name",
        ),
        pytest.param(
            row("lab", None, Quirk.NO_STREAM_OPTIONS),
            {"stream": True, "stream_options": {"include_usage": True}},
            400,
            "stream_options",
            id="stream_options",
        ),
        pytest.param(
            row("lab"), {"stream_options": {"include_usage": True}}, 400, "when 'stream'", id="no stream"
        ),
        pytest.param(row("groq", GROQ), {"user": "x" * 4_000_000}, 413, "4000000", id="body bytes"),
    ],
)
def test_a_request_is_refused(
    ask: Any, provider: Provider, fields: dict[str, Any], status: int, words: str
) -> None:
    found = refused(ask, provider, **fields)
    assert found is not None
    assert found[0] == status
    assert words in found[1]


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        pytest.param(row("novita"), {"top_k": 5, "enable_thinking": False}, id="the vendor's own fields"),
        pytest.param(row("novita"), {"max_tokens": 9}, id="length, old name"),
        pytest.param(
            row("openai", None, Quirk.MAX_COMPLETION_TOKENS),
            {"max_completion_tokens": 9},
            id="length, new name",
        ),
        pytest.param(
            row("deepinfra", None, Quirk.TOOL_CHOICE_AUTO_OR_NONE),
            {"tools": [TOOL], "tool_choice": "auto"},
            id="a free choice of tools",
        ),
        pytest.param(
            row("novita"), {"tools": [TOOL], "tool_choice": FORCED}, id="a tool forced where it can be"
        ),
        pytest.param(
            row("groq", None, Quirk.NO_STREAMED_RESPONSE_FORMAT), {"response_format": JSON}, id="whole JSON"
        ),
        pytest.param(
            row("groq"), {"response_format": JSON, "stream": True}, id="streamed JSON where it can be"
        ),
        pytest.param(
            row("lab", response_formats=frozenset()), {"response_format": {"type": "text"}}, id="plain text"
        ),
        pytest.param(row("groq", GROQ), {"user": "x" * 3_999_000}, id="a body within the limit"),
    ],
)
def test_a_request_is_answered(ask: Any, provider: Provider, fields: dict[str, Any]) -> None:
    assert refused(ask, provider, **fields) is None


# Rules about the messages.


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        pytest.param([{"role": "robot", "content": "x"}], "messages[0] has no known role", id="role"),
        pytest.param(
            [{"role": ["user"], "content": "x"}], "messages[0] has no known role", id="role, a list"
        ),
        pytest.param(["hello"], "messages[0] has no known role", id="no object"),
        pytest.param([{"role": "user", "content": 3}], "messages[0].content must be", id="content"),
        pytest.param([{"role": "user", "content": None}], "messages[0].content must be", id="no content"),
        pytest.param(
            [HELLO, {"role": "user", "content": [{"type": "video_url"}]}],
            "messages[1].content[0] is of no known type",
            id="part",
        ),
        pytest.param([HELLO, RESULT], "response to a preceding message", id="tool without a call"),
        pytest.param([HELLO, RESULT, CALLED], "response to a preceding message", id="tool before its call"),
        pytest.param(
            [HELLO, CALLED, {**RESULT, "tool_call_id": "call_2"}],
            "response to a preceding message",
            id="tool of another call",
        ),
    ],
)
def test_messages_are_refused(ask: Any, messages: list[Any], words: str) -> None:
    found = refused(ask, row("lab"), *messages)
    assert found is not None
    assert found[0] == 400
    assert words in found[1]


@pytest.mark.parametrize("messages", [[], None, "hello"])
def test_a_request_without_messages_is_refused(ask: Any, messages: Any) -> None:
    with ScriptedServer(strict=True) as server:
        assert ask(server, messages=messages).status == 400


def test_the_result_of_a_tool_may_follow_its_call(ask: Any) -> None:
    assert refused(ask, row("lab"), HELLO, CALLED, RESULT) is None


@pytest.mark.parametrize(
    ("quirks", "status"),
    [pytest.param((Quirk.TOOL_CONTENT_STRING,), 422, id="a string"), pytest.param((), 200, id="anything")],
)
def test_the_result_of_a_tool_is_what_the_provider_takes(
    ask: Any, quirks: tuple[Quirk, ...], status: int
) -> None:
    parts = {**RESULT, "content": [{"type": "text", "text": "TOTAL"}]}
    with ScriptedServer(provider=row("deepinfra", None, *quirks)) as server:
        answer = ask(server, messages=[HELLO, CALLED, parts])
    assert answer.status == status
    if status == 422:
        assert answer.json["detail"][0]["loc"] == ["body", "messages", 2, "content"]


# Rules about pictures.


def test_one_picture_too_many_is_refused_over_the_whole_conversation(ask: Any, message: Any) -> None:
    answer = {"role": "assistant", "content": "a receipt"}
    assert refused(ask, row("hyperbolic", HYPERBOLIC), message(8), answer, HELLO) is None
    found = refused(ask, row("hyperbolic", HYPERBOLIC), message(8), answer, message(8))
    assert found == (400, "At most 1 image(s) may be provided in one request.")


@pytest.mark.parametrize(("side", "status"), [(2048, 200), (2049, 400)])
def test_a_side_too_long_is_refused(ask: Any, message: Any, side: int, status: int) -> None:
    with ScriptedServer(provider=row("hyperbolic", HYPERBOLIC)) as server:
        answer = ask(server, messages=[message(side)])
    assert answer.status == status
    if status == 400:
        assert "2049 pixels on a side; at most 2048" in answer.json["message"]


@pytest.mark.parametrize(("size", "status"), [((100, 90), 200), ((101, 90), 400)])
def test_too_many_pixels_are_refused(
    ask: Any, message: Any, image_part: Any, picture: Any, size: tuple[int, int], status: int
) -> None:
    limits = ImageLimits(max_pixels=9000)
    found = refused(ask, row("groq", limits), message(image_part(picture("png", *size))))
    assert (found or (200,))[0] == status


def test_too_many_bytes_are_refused(ask: Any, message: Any, image_part: Any) -> None:
    noise = Image.effect_noise((100, 100), 90)
    data = b"P5 100 100 255 " + noise.tobytes()
    assert (
        refused(ask, row("lab", ImageLimits(max_image_bytes=len(data))), message(image_part(data, "ppm")))
        is None
    )
    found = refused(
        ask, row("lab", ImageLimits(max_image_bytes=len(data) - 1)), message(image_part(data, "ppm"))
    )
    assert found == (400, "Image too large: it has 10015 bytes; at most 10014 are allowed.")


@pytest.mark.parametrize(
    ("kind", "limits", "status"),
    [
        pytest.param("webp", HYPERBOLIC, 400, id="webp at hyperbolic"),
        pytest.param("gif", DEEPINFRA, 400, id="gif at deepinfra"),
        pytest.param("webp", DEEPINFRA, 200, id="webp at deepinfra"),
        pytest.param("jpeg", HYPERBOLIC, 200, id="jpeg at hyperbolic"),
        pytest.param("webp", NOVITA, 200, id="webp where nothing is said of formats"),
    ],
)
def test_a_format_that_is_not_allowed_is_refused(
    ask: Any, message: Any, image_part: Any, picture: Any, kind: str, limits: ImageLimits, status: int
) -> None:
    found = refused(ask, row("lab", limits), message(image_part(picture(kind), kind)))
    assert (found or (200,))[0] == status


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        pytest.param(HYPERBOLIC, 400, id="hyperbolic"),
        pytest.param(DEEPINFRA, 200, id="deepinfra"),
        pytest.param(ImageLimits(), 200, id="unknown"),
    ],
)
def test_a_url_is_refused_where_only_base64_is_taken(
    ask: Any, message: Any, image_part: Any, limits: ImageLimits, status: int
) -> None:
    assert (refused(ask, row("lab", limits), message(image_part(URL))) or (200,))[0] == status


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        pytest.param(DEEPINFRA, 422, id="deepinfra"),
        pytest.param(NOVITA, 200, id="novita"),
        pytest.param(HYPERBOLIC, 200, id="unknown at hyperbolic"),
    ],
)
def test_detail_is_refused_where_it_is_not_supported(
    ask: Any, message: Any, image_part: Any, picture: Any, limits: ImageLimits, status: int
) -> None:
    found = refused(ask, row("lab", limits), message(image_part(picture(), detail="auto")))
    assert (found or (200,))[0] == status


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        pytest.param("data:image/jpeg;base64,{png}", "says jpeg, but the data is an image/png", id="label"),
        pytest.param("data:;base64,{png}", "says nothing, but the data is an image/png", id="no label"),
        pytest.param("data:image/gif;base64,R0lGODk", "base64", id="padding"),
        pytest.param("data:image/png;base64,_-8=", "base64", id="the alphabet of URLs"),
        pytest.param("data:image/png;base64,bm9uZQ==", "the data is not an image", id="no image"),
        pytest.param("data:image/png;base64, {png} ", "blanks", id="blanks"),
        pytest.param("data:image/png;base64,{png}\n", "blanks", id="newline"),
        pytest.param("data:image/png,{png}", "base64", id="not base64"),
        pytest.param("data:image/png;base64,", "base64", id="empty"),
        pytest.param("data:image/png;base64,{cut}", "cannot be decoded", id="damaged"),
        pytest.param("file:///etc/passwd", "http(s) URL", id="file"),
        pytest.param("", "http(s) URL", id="nothing"),
    ],
)
def test_a_data_uri_that_is_not_right_is_refused(
    ask: Any, message: Any, image_part: Any, picture: Any, uri: str, words: str
) -> None:
    png = picture("png", 300, 200)
    filled = uri.format(png=base64.b64encode(png).decode(), cut=base64.b64encode(png[:60]).decode())
    found = refused(ask, row("lab"), message(image_part(filled)))
    assert found is not None
    assert found[0] == 400
    assert words in found[1]


def test_jpg_is_as_good_a_label_as_jpeg(ask: Any, message: Any, image_part: Any, picture: Any) -> None:
    assert refused(ask, row("lab", HYPERBOLIC), message(image_part(picture("jpeg"), "jpg"))) is None


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool"])
def test_a_picture_is_refused_in_any_role_but_the_users(ask: Any, message: Any, role: str) -> None:
    held = {**message(8, role=role), "tool_call_id": "call_1"}
    found = refused(ask, row("lab"), HELLO, CALLED, held)
    assert found is not None
    assert found[0] == 400
    assert found[1].startswith("Image URLs are only allowed for messages with role 'user'")


@pytest.mark.parametrize(
    ("quirks", "status"),
    [pytest.param((Quirk.IMAGES_FIRST,), 400, id="first"), pytest.param((), 200, id="anywhere")],
)
def test_a_picture_behind_text_is_refused_where_pictures_come_first(
    ask: Any, message: Any, quirks: tuple[Quirk, ...], status: int
) -> None:
    late = message(8)
    early = {**late, "content": late["content"][::-1]}
    assert (refused(ask, row("lab", None, *quirks), late) or (200,))[0] == status
    assert refused(ask, row("lab", None, *quirks), early) is None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("images", id="more pictures than recommended"),
        pytest.param("base64", id="more base64 than recommended"),
        pytest.param("format", id="a format that nobody documents"),
    ],
)
def test_a_recommendation_is_a_rule_only_if_wanted(
    ask: Any, message: Any, image_part: Any, picture: Any, fault: str
) -> None:
    large = b"P5 1000 1000 255 " + bytes(1_000_000)
    content = {
        "images": message(8, 8, 8),
        "base64": message(image_part(large, "ppm")),
        "format": message(image_part(picture("webp"), "webp")),
    }[fault]
    formats = None if fault == "format" else frozenset({"png", "ppm"})
    limits = NOVITA.model_copy(update={"formats": formats})
    assert refused(ask, row("novita", limits), content) is None
    found = refused(ask, row("novita", limits), content, strict="recommendations")
    assert found is not None
    assert found[0] == 400


# Who is strict, and about what.


def test_a_server_that_plays_nobody_is_not_strict(server: ScriptedServer, ask: Any) -> None:
    assert ask(server, colour=1, messages=[]).status == 200


def test_a_server_that_plays_a_provider_may_be_lenient(ask: Any) -> None:
    assert refused(ask, row("hyperbolic", HYPERBOLIC), strict=False, colour=1) is None


def test_extra_fields_are_let_through(ask: Any) -> None:
    with ScriptedServer(strict=True, extra_fields=["colour"]) as server:
        assert (ask(server, colour=1).status, ask(server, taste=1).status) == (200, 422)


def test_a_strict_server_knows_only_the_models_it_was_given(ask: Any) -> None:
    with ScriptedServer(strict=True, models=["m"]) as server:
        known, unknown = ask(server), ask(server, model="n")
    assert (known.status, unknown.status) == (200, 404)
    assert unknown.json["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("provider", "place"),
    [
        pytest.param(row("openai"), ("error", "message"), id="openai"),
        pytest.param(row("deepinfra"), ("detail", "error"), id="deepinfra"),
        pytest.param(row("devup"), ("error", "message"), id="devup"),
        pytest.param(row("novita"), ("message",), id="novita"),
        pytest.param(row("vllm"), ("message",), id="vllm"),
    ],
)
def test_a_wrong_key_is_refused_in_the_providers_shape(
    ask: Any, provider: Provider, place: tuple[str, ...]
) -> None:
    with ScriptedServer(provider=provider) as server:
        answer = ask(server, key="sk-wrong-key")
    found = answer.json
    for name in place:
        found = found[name]
    assert (answer.status, found) == (401, "Incorrect API key provided.")
    assert b"sk-wrong-key" not in answer.body


def test_a_key_of_your_own_is_wanted(ask: Any) -> None:
    with ScriptedServer(api_key="sk-mine") as server:
        assert (ask(server, key="sk-mine").status, ask(server, key="sk-other").status) == (200, 401)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"api_key": ""}, id="where none is wanted"),
        pytest.param({"provider": row("ollama", key_required=False)}, id="where the provider wants none"),
    ],
)
def test_any_key_will_do(ask: Any, settings: dict[str, Any]) -> None:
    with ScriptedServer(**settings) as server:
        assert ask(server, key="whatever").status == 200


# What a model wants to see again.


def called(**fields: Any) -> dict[str, Any]:
    return {**CALLED, **fields}


SIGNED = {**CALL, "extra_content": {"google": {"thought_signature": "s"}}}
WANTED = [
    pytest.param(Quirk.NEEDS_REASONING, called(), 400, "reasoning_content is missing", id="no-reasoning"),
    pytest.param(Quirk.NEEDS_REASONING, called(reasoning_content=""), 400, "missing", id="empty-reasoning"),
    pytest.param(Quirk.NEEDS_REASONING, called(reasoning_content="hm"), None, "", id="reasoning"),
    pytest.param(Quirk.NEEDS_THOUGHT_SIGNATURE, called(), 400, "thought_signature", id="no-signature"),
    pytest.param(Quirk.NEEDS_THOUGHT_SIGNATURE, called(tool_calls=[SIGNED]), None, "", id="signature"),
]


@pytest.mark.parametrize(("quirk", "said", "status", "words"), WANTED)
def test_what_a_model_wants_back_must_be_in_the_history(
    ask: Any, quirk: Quirk, said: Any, status: int | None, words: str
) -> None:
    lab = Provider(name="lab", quirks=frozenset({quirk}))
    found = refused(ask, lab, HELLO, said, RESULT)
    assert (found[0] if found else None) == status
    assert words in (found[1] if found else "")


def test_reasoning_is_refused_where_the_row_says_so(ask: Any) -> None:
    lab = Provider(name="lab", reasoning_back="never")
    found = refused(ask, lab, HELLO, called(reasoning_content="hm"), RESULT)
    assert found is not None
    assert "unsupported" in found[1]


def test_a_second_system_message_is_refused_where_the_row_says_so(ask: Any) -> None:
    lab = Provider(name="lab", quirks=frozenset({Quirk.ONE_SYSTEM_MESSAGE}))
    system = {"role": "system", "content": "Be brief."}
    assert refused(ask, lab, system, HELLO) is None
    assert refused(ask, lab, system, system, HELLO) == (400, "System message must be at the beginning.")


HISTORIES = [
    pytest.param([HELLO, CALLED, HELLO], "call_1", id="no-result"),
    pytest.param([HELLO, called(tool_calls=[CALL, CALL]), RESULT], "Duplicate", id="one-id-twice"),
    pytest.param(
        [HELLO, called(tool_calls=[{**CALL, "function": {"name": "look", "arguments": "{"}}]), RESULT],
        "JSON object",
        id="broken-arguments",
    ),
]


@pytest.mark.parametrize(("history", "words"), HISTORIES)
def test_a_history_of_tool_calls_is_in_order(ask: Any, history: list[Any], words: str) -> None:
    found = refused(ask, row("lab"), *history)
    assert found is not None
    assert words in found[1]
