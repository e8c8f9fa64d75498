"""Parts of messages on their way through VLMClient: files, base64 without a label, marks for caching."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from vlm_core import (
    Completion,
    ImageLimits,
    ImageWarning,
    InputError,
    ModelProfile,
    Provider,
    UnsupportedImageError,
    VLMClient,
)
from vlm_core.catalog.routes import Endpoint
from vlm_core.testing import ScriptedServer

MARK = {"type": "ephemeral"}
Way = Callable[[VLMClient, Any], Completion]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[VLMClient]:
    with client_of(server) as ours:
        yield ours


def client_of(server: ScriptedServer, provider: str | Provider | None = None) -> VLMClient:
    return VLMClient("some-vlm", provider=provider, base_url=server.base_url, api_key=server.api_key)


def chat(client: VLMClient, messages: Any, **options: Any) -> Completion:
    return client.chat(messages, **options)


def achat(client: VLMClient, messages: Any, **options: Any) -> Completion:
    return asyncio.run(client.achat(messages, **options))


def stream(client: VLMClient, messages: Any, **options: Any) -> Completion:
    *_, last = client.stream(messages, **options)
    assert isinstance(last, Completion)
    return last


def astream(client: VLMClient, messages: Any, **options: Any) -> Completion:
    async def ask() -> Any:
        return [step async for step in client.astream(messages, **options)][-1]

    last = asyncio.run(ask())
    assert isinstance(last, Completion)
    return last


EVERY_WAY = pytest.mark.parametrize("way", [chat, achat, stream, astream])


def user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, kind)
    return file.getvalue()


# --- files


TEXTS = [
    pytest.param(b"item,price\nTea,2.00", "text/csv", "item,price\nTea,2.00", id="csv"),
    pytest.param(b'{"total": 9}', "application/json", '{"total": 9}', id="json"),
    pytest.param(b"# Bill", "text/markdown", "# Bill", id="md"),
    pytest.param(b"<!doctype html><p>Tea</p>", "text/html", "<!doctype html><p>Tea</p>", id="html"),
    pytest.param(b'<?xml version="1.0"?><a/>', "application/xml", '<?xml version="1.0"?><a/>', id="xml"),
    pytest.param("Größe".encode(), "text/plain", "Größe", id="txt"),
    pytest.param(b"\xef\xbb\xbfa;b", "text/csv", "a;b", id="utf-8-with-mark"),
    pytest.param("Größe".encode("utf-16"), "text/csv", "Größe", id="utf-16"),
    pytest.param(b"item,price", "application/pdf", "item,price", id="wrong-label"),
    pytest.param(b"item,price", "application/octet-stream", "item,price", id="no-label"),
    pytest.param(b"A file begins with %PDF-1.7.", "text/plain", "A file begins with %PDF-1.7.", id="of-pdf"),
]


@EVERY_WAY
@pytest.mark.parametrize(("data", "label", "text"), TEXTS)
def test_a_text_file_is_sent_as_text(
    server: ScriptedServer, client: VLMClient, way: Way, data: bytes, label: str, text: str
) -> None:
    uri = f"data:{label};base64,{encoded(data)}"
    way(client, user({"type": "file", "file": {"file_data": uri, "filename": "a.csv"}}, "Total?"))
    parts = server.seen[0].messages[0]["content"]
    assert parts == [{"type": "text", "text": text}, {"type": "text", "text": "Total?"}]


FILES = [
    pytest.param(lambda uri: {"type": "file", "file": {"file_data": uri, "filename": "a"}}, id="file"),
    pytest.param(lambda uri: {"type": "file", "file": {"file_data": uri.partition(",")[2]}}, id="bare"),
    pytest.param(lambda uri: {"type": "input_file", "file_data": uri, "filename": "a"}, id="input-file"),
]


@pytest.mark.parametrize("make_part", FILES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PDF"])
def test_a_picture_or_pdf_in_a_file_is_an_image(
    server: ScriptedServer, client: VLMClient, kind: str, make_part: Any
) -> None:
    uri = f"data:text/csv;base64,{encoded(picture(kind))}"
    client.chat(user(make_part(uri), "Total?"))
    assert len(server.seen[0].images) == 1


REFUSED = [
    pytest.param(b"PK\x03\x04\x14\x00word/document.xml\x00", "Word document", id="docx"),
    pytest.param(b"\x1f\x8b\x08\x00\x00\x00", "archive", id="gzip"),
    pytest.param(b"\x00\x01\x02\x03", "no known format", id="binary"),
    pytest.param("Größe;1".encode("cp1252"), "no known format", id="older-encoding"),
    pytest.param(b"", "empty", id="empty"),
]


@EVERY_WAY
@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_another_file_is_refused_by_its_place_and_says_what_it_is(
    server: ScriptedServer, client: VLMClient, way: Way, data: bytes, words: str
) -> None:
    part = {"type": "file", "file": {"file_data": f"data:text/csv;base64,{encoded(data)}"}}
    with pytest.raises(UnsupportedImageError, match=words) as caught:
        way(client, user("Total?", part))
    assert caught.value.message.startswith("messages[0].content[1]")
    assert caught.value.hint
    assert server.requests == 0


def test_a_text_in_an_older_encoding_says_what_to_do(client: VLMClient) -> None:
    part = {"type": "file", "file": {"file_data": encoded("Größe;1".encode("cp1252"))}}
    with pytest.raises(UnsupportedImageError) as caught:
        client.chat(user(part))
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param({"file_id": "file-1"}, "provider's store", id="id"),
        pytest.param({"filename": "a.csv"}, "holds no file", id="nothing"),
        pytest.param({"file_data": "data:text/csv;base64,@@"}, "damaged", id="damaged"),
    ],
)
def test_a_file_part_without_a_file_is_refused(
    server: ScriptedServer, client: VLMClient, file: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        client.chat(user({"type": "file", "file": file}))
    assert server.requests == 0


# --- base64 without a label


BARE = [
    pytest.param(lambda text: {"type": "image_url", "image_url": {"url": text}}, id="image-url"),
    pytest.param(lambda text: {"type": "image_url", "image_url": text}, id="image-url-as-a-string"),
    pytest.param(lambda text: {"type": "input_image", "image_url": text}, id="input-image"),
    pytest.param(lambda text: {"type": "image", "image": text}, id="image"),
]
WRITTEN = [
    pytest.param(encoded, id="standard"),
    pytest.param(lambda data: base64.encodebytes(data).decode(), id="line-breaks"),
    pytest.param(lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="), id="url-safe"),
]


@EVERY_WAY
@pytest.mark.parametrize("make_part", BARE)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "PDF"])
def test_base64_needs_no_label(
    server: ScriptedServer, client: VLMClient, way: Way, make_part: Any, kind: str
) -> None:
    way(client, user(make_part(encoded(picture(kind))), "Total?"))
    assert len(server.seen[0].images) == 1


@pytest.mark.parametrize("write", WRITTEN)
@pytest.mark.parametrize("make_part", BARE)
def test_base64_may_be_written_in_any_of_its_ways(
    server: ScriptedServer, client: VLMClient, make_part: Any, write: Any
) -> None:
    client.chat(user(make_part(write(picture("PNG"))), "Total?"))
    assert server.seen[0].images[0].size == (40, 30)


@pytest.mark.parametrize("make_part", BARE)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"just words " * 100, "plain text", id="text"),
        pytest.param(b"PK\x03\x04" + bytes(500), "ZIP archive", id="zip"),
        pytest.param(picture("PNG")[:60] + bytes(300), "base64", id="damaged-picture"),
    ],
)
def test_base64_of_something_else_is_an_error_that_helps(
    server: ScriptedServer, client: VLMClient, make_part: Any, data: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        client.chat(user(make_part(encoded(data))))
    assert caught.value.message.startswith("messages[0].content[0]")
    assert caught.value.hint
    assert server.requests == 0


def test_a_path_stays_a_path(server: ScriptedServer, client: VLMClient, tmp_path: Any) -> None:
    path = tmp_path / "R0lG"
    path.write_bytes(picture("PNG"))
    client.chat(user({"type": "image", "image": str(path)}))
    assert server.seen[0].images[0].size == (40, 30)
    with pytest.raises(InputError, match="neither a web address"):
        client.chat(user({"type": "image_url", "image_url": {"url": str(path)}}))


# --- marks for prompt caching


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TAKES = Provider(name="gateway", cache_control=True, limits=ImageLimits(accepts_url=True))
LEAVES = Provider(name="lab", limits=ImageLimits(accepts_url=True))


def marked_messages() -> list[dict[str, Any]]:
    return [
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": MARK}]},
        {
            "role": "user",
            "content": [
                {"type": "image", "image": picture("PNG"), "cache_control": MARK},
                {"type": "image_url", "image_url": "https://example.com/a.png", "cache_control": MARK},
                {"type": "text", "text": "Total?", "cache_control": MARK},
            ],
        },
        {"role": "assistant", "content": "9.00", "cache_control": MARK},
        {"role": "user", "content": "Sure?"},
    ]


@EVERY_WAY
@pytest.mark.parametrize("provider", ["openrouter", TAKES], ids=["openrouter", "row"])
def test_marks_go_where_they_are_taken(server: ScriptedServer, provider: Any, way: Any) -> None:
    completion = way(client_of(server, provider), marked_messages(), tools=[{**TOOL, "cache_control": MARK}])
    system, asked, said, again = server.seen[0].messages
    assert system["content"] == [{"type": "text", "text": "Be brief.", "cache_control": MARK}]
    assert [part.get("cache_control") for part in asked["content"]] == [MARK, MARK, MARK]
    assert said == {
        "role": "assistant",
        "content": [{"type": "text", "text": "9.00", "cache_control": MARK}],
    }
    assert again == {"role": "user", "content": "Sure?"}
    assert server.seen[0].options["tools"] == [{**TOOL, "cache_control": MARK}]
    assert completion.warnings == ()


@EVERY_WAY
@pytest.mark.parametrize("provider", ["openai", "novita", LEAVES], ids=["openai", "novita", "row"])
def test_marks_are_taken_off_with_a_warning_elsewhere(
    server: ScriptedServer, provider: Any, way: Any
) -> None:
    tools = [TOOL, {**TOOL, "cache_control": MARK}]
    completion = way(client_of(server, provider), marked_messages(), tools=tools)
    assert "cache_control" not in server.seen[0].body.decode()
    assert [message["content"] for message in server.seen[0].messages][::2] == ["Be brief.", "9.00"]
    (warning,) = [one for one in completion.warnings if "cache_control" in one]
    assert "is not sent" in warning


def test_a_mark_within_a_function_stands_beside_it(server: ScriptedServer) -> None:
    tool = {"type": "function", "function": {"name": "look", "cache_control": MARK}}
    client_of(server, TAKES).chat("Hi", tools=[tool])
    assert server.seen[0].options["tools"] == [
        {"cache_control": MARK, "type": "function", "function": {"name": "look"}}
    ]


def test_of_several_pages_the_last_one_is_marked(server: ScriptedServer) -> None:
    file = io.BytesIO()
    pages = [Image.new("RGB", (40, 30), shade) for shade in ("white", "black")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    part = {"type": "image", "image": file.getvalue(), "cache_control": MARK}
    client_of(server, TAKES).chat(user(part, "Total?"))
    marks = [sent.get("cache_control") for sent in server.seen[0].messages[0]["content"]]
    assert marks == [None, MARK, None]


def test_a_model_may_differ_from_its_provider() -> None:
    def takes(of_provider: bool | None, of_model: bool | None) -> bool:
        row = Provider(name="lab", cache_control=of_provider)
        profile = ModelProfile(prefix="m", cache_control=of_model)
        return Endpoint(row, "m", profile, ImageLimits(), "http://lab/v1").cache_control

    assert takes(None, True)
    assert not takes(True, False)
    assert takes(True, None)
    assert not takes(None, None)


# --- pictures that became text


@EVERY_WAY
@pytest.mark.parametrize("role", ["user", "system"])
@pytest.mark.parametrize("as_part", [False, True], ids=["string", "part"])
def test_a_picture_written_out_in_a_text_is_warned_of(
    server: ScriptedServer, client: VLMClient, way: Way, role: str, as_part: bool
) -> None:
    text = f"Look: data:image/png;base64,{encoded(picture('PNG'))}"
    content = [{"type": "text", "text": text}] if as_part else text
    messages = [{"role": role, "content": content}, {"role": "user", "content": "Total?"}]
    with pytest.warns(ImageWarning, match=r"messages\[0\] holds a picture that became text"):
        way(client, messages)
    assert server.requests == 1


@pytest.mark.filterwarnings("error")
def test_it_is_said_once_and_not_in_each_turn(server: ScriptedServer, client: VLMClient) -> None:
    client.chat(
        [
            {"role": "user", "content": f"data:image/png;base64,{encoded(picture('PNG'))}"},
            {"role": "assistant", "content": "A gradient."},
            {"role": "user", "content": "Sure?"},
        ]
    )


@pytest.mark.filterwarnings("error")
def test_a_picture_in_a_part_of_its_own_is_no_cause_for_a_warning(client: VLMClient) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(picture('PNG'))}"}}
    client.chat(user(image, "Total?"))
