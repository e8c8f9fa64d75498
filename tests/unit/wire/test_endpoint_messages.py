"""Images move to where providers take them, and none is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.catalog.schema import ImageLimits, Quirk
from vlm_core.completion import EncodedImage
from vlm_core.wire.request import Request, build_request

ONE, TWO = EncodedImage(b"one", "png", 1, 1), EncodedImage(b"two", "jpeg", 1, 1)
CALLS = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}, {"id": "c2"}]}
ASK = {"role": "user", "content": "And?"}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(picture: Any, **more: Any) -> dict[str, Any]:
    return {"type": "image", "image": picture, **more}


def tool(call: str, *parts: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": list(parts)}


def sent(request: Request) -> list[Any]:
    messages: list[Any] = json.loads(request.body)["messages"]
    return messages


def outline(request: Request) -> list[str]:
    """Each message as its role and what its parts are."""
    return [
        f"{message['role']}: "
        + (
            message["content"]
            if isinstance(message["content"], str)
            else " ".join(part["type"] for part in message["content"] or ())
        )
        for message in sent(request)
    ]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [CALLS, tool("c1", image(ONE)), tool("c2", text("b"))],
            ["assistant: ", "tool: text", "tool: text", "user: text image_url"],
            id="behind the whole batch",
        ),
        pytest.param(
            [CALLS, tool("c1", text("a"), image(ONE)), tool("c2", image(TWO))],
            ["assistant: ", "tool: text text", "tool: text", "user: text image_url text image_url"],
            id="of two calls, each with its words",
        ),
        pytest.param(
            [CALLS, tool("c1", image(ONE)), ASK],
            ["assistant: ", "tool: text", "user: text image_url text"],
            id="into the user message behind",
        ),
        pytest.param(
            [CALLS, tool("c1", image(ONE)), CALLS, tool("c1", text("a"))],
            ["assistant: ", "tool: text", "user: text image_url", "assistant: ", "tool: text"],
            id="before the next call",
        ),
        pytest.param(
            [{"role": "system", "content": [text("s"), image(ONE)]}, ASK],
            ["system: text text", "user: text image_url text"],
            id="of the system",
        ),
        pytest.param(
            [ASK, {"role": "assistant", "content": [image(ONE)], "tool_calls": [1]}, tool("c1", text("a"))],
            ["user: And?", "assistant: text", "tool: text", "user: text image_url"],
            id="of an assistant that calls tools",
        ),
        pytest.param(
            [{"role": "function", "name": "look", "content": [image(ONE)]}],
            ["function: text", "user: text image_url"],
            id="of a function",
        ),
    ],
)
def test_an_image_moves_into_a_user_message(messages: list[Any], expected: list[str], lab: Any) -> None:
    assert outline(build_request(messages, {}, lab)) == expected


def test_a_moved_image_says_which_call_returned_it(lab: Any) -> None:
    *_, last = sent(build_request([CALLS, tool("c1", image(ONE)), tool("c2", image(TWO))], {}, lab))
    assert [part.get("text") for part in last["content"]] == [
        "Returned by the tool call c1:",
        None,
        "Returned by the tool call c2:",
        None,
    ]
    assert last["content"][3]["image_url"]["url"] == TWO.data_uri.decode()


def test_inline_leaves_images_with_the_tool(lab: Any) -> None:
    request = build_request([CALLS, tool("c1", image(ONE))], {}, lab, tool_images="inline")
    assert outline(request) == ["assistant: ", "tool: image_url"]


def test_inline_is_impossible_where_tools_return_strings(make_endpoint: Any) -> None:
    endpoint = make_endpoint(quirks={Quirk.TOOL_CONTENT_STRING})
    request = build_request([CALLS, tool("c1", text("a"), image(ONE))], {}, endpoint, tool_images="inline")
    assert outline(request)[1:] == ["tool: a\n[image: see the next user message]", "user: text image_url"]
    assert "takes no image from a tool" in request.warnings[0]


def test_a_placeholder_takes_the_place_of_a_tools_image_only(lab: Any) -> None:
    messages = [{"role": "user", "content": [image(TWO)]}, CALLS, tool("c1", image(ONE))]
    request = build_request(messages, {}, lab, tool_images="placeholder")
    assert outline(request) == ["user: image_url", "assistant: ", "tool: text"]
    assert sent(request)[2]["content"][0]["text"] == "[image not shown]"


def test_what_tools_return_is_joined_where_it_must_be_a_string(make_endpoint: Any) -> None:
    endpoint = make_endpoint(quirks={Quirk.TOOL_CONTENT_STRING})
    assert outline(build_request([CALLS, tool("c1", text("a"), text("b"))], {}, endpoint))[1] == "tool: a\nb"


def test_what_tools_return_stays_a_list_elsewhere(lab: Any) -> None:
    assert sent(build_request([CALLS, tool("c1", text("a"))], {}, lab))[1]["content"] == [text("a")]


@pytest.mark.parametrize(
    ("quirks", "expected"),
    [
        pytest.param((), ["text", "image_url", "text", "image_url"], id="order of the caller"),
        pytest.param({Quirk.IMAGES_FIRST}, ["image_url", "image_url", "text", "text"], id="images first"),
    ],
)
def test_order_of_parts(quirks: Any, expected: list[str], make_endpoint: Any) -> None:
    parts = [text("a"), image(ONE), text("b"), image(TWO)]
    request = build_request([{"role": "user", "content": parts}], {}, make_endpoint(quirks=quirks))
    assert [part["type"] for part in sent(request)[0]["content"]] == expected
    uris = [part["image_url"]["url"] for part in sent(request)[0]["content"] if part["type"] == "image_url"]
    assert uris == [ONE.data_uri.decode(), TWO.data_uri.decode()]


@pytest.mark.parametrize(
    ("accepts", "given", "goes_out", "warned"),
    [
        pytest.param(True, "low", "low", False, id="taken"),
        pytest.param(False, "low", None, True, id="not taken"),
        pytest.param(None, "low", None, True, id="not known"),
        pytest.param(True, None, None, False, id="not set"),
        pytest.param(None, None, None, False, id="not set, not known"),
    ],
)
def test_detail_goes_out_only_where_it_is_set_and_taken(
    accepts: bool | None, given: str | None, goes_out: str | None, warned: bool, make_endpoint: Any
) -> None:
    part = image(ONE, detail=given) if given else image(ONE)
    endpoint = make_endpoint(limits=ImageLimits(accepts_detail=accepts))
    request = build_request([{"role": "user", "content": [part, image(TWO)]}], {}, endpoint)
    urls = [part["image_url"] for part in sent(request)[0]["content"]]
    assert [url.get("detail") for url in urls] == [goes_out, None]
    assert any("detail" in warning for warning in request.warnings) is warned


def test_other_fields_of_an_image_part_are_kept(lab: Any) -> None:
    part = image("https://a.example/b.png", fetch_seconds=3)
    assert sent(build_request([{"role": "user", "content": [part]}], {}, lab))[0]["content"] == [
        {
            "type": "image_url",
            "image_url": {"url": "https://a.example/b.png"},
            "fetch_seconds": 3,
        }
    ]
