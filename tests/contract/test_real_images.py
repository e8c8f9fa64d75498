"""Every real picture reaches every provider, upright and in a form that the provider takes."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image, ImageChops, ImageStat

from vlm_core import providers
from vlm_core.client import VLMClient
from vlm_core.errors import InputError
from vlm_core.images.decode import open_document
from vlm_core.testing import ScriptedServer

FOLDERS = ("formats", "orientation")
PAGES_OF_A_FILE = 3
MOST_DIFFERENT = 12.0
"""Of 255 in the mean: what JPEG and a smaller size may change, and a turn may not."""


class Expected(NamedTuple):
    path: Path
    page_number: int
    look: Image.Image
    shape: float
    """Width over height."""


def small(image: Image.Image) -> Image.Image:
    return image.convert("RGB").resize((200, 200), Image.Resampling.BOX)


@pytest.fixture(scope="module")
def pages(data: Path) -> list[Expected]:
    """The pictures that can be decoded, page by page, as they should look."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in (data / folder).iterdir()):
        with suppress(InputError), open_document(path.read_bytes()) as document:
            for number in range(1, min(document.total_pages, PAGES_OF_A_FILE) + 1):
                page = document.page(number)
                look = small(Image.frombytes("RGB", (page.width, page.height), page.pixels))
                found.append(Expected(path, number, look, page.width / page.height))
    assert len({page.path for page in found}) >= 35
    return found


def difference(sent: bytes, page: Expected) -> float:
    with Image.open(BytesIO(sent)) as image:
        assert image.getexif().get(274, 1) == 1
        assert image.width / image.height == pytest.approx(page.shape, rel=0.05)
        return max(ImageStat.Stat(ImageChops.difference(small(image), page.look)).mean)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("provider", [row.name for row in providers()])
def test_every_picture_arrives_upright_and_truly_labelled(pages: list[Expected], provider: str) -> None:
    with (
        ScriptedServer(provider=provider) as server,
        VLMClient(f"{provider}:some-vlm", base_url=server.base_url, api_key=server.api_key) as client,
    ):
        server.say("Read.", usage={})
        for page in pages:
            part = {"type": "image", "image": page.path, "pages": [page.page_number]}
            client.chat([{"role": "user", "content": [part, {"type": "text", "text": "Read."}]}])
            (sent,) = server.seen[-1].images
            assert server.seen[-1].refusal is None
            assert sent.declared == sent.format, page.path.name
            assert sent.data is not None
            assert difference(sent.data, page) < MOST_DIFFERENT, page.path.name
