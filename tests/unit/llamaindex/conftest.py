"""Pictures of one shade, and an engine that reads the shade: what the tests of this folder share."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vlm_core import PageImage, PageResult, PageState, TextLine

WHITE, TURNED, REFUSED = 255, 99, 66


class Typist:
    """Reads a grey page as its shade, in a block above and one below, and counts.

    White pages are blank, those of the shade 99 it turns by a quarter, those of 66 it fails on.
    """

    name = "typist"
    model: str | None = None

    def __init__(self) -> None:
        self.read: list[int] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def read_page(self, page: PageImage) -> PageResult:
        shade = page.pixels[0]
        with self._lock:
            self.read.append(shade)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return self._result(page, shade)
        finally:
            with self._lock:
                self.running -= 1

    def _result(self, page: PageImage, shade: int) -> PageResult:
        if shade == REFUSED:
            raise RuntimeError("it hurts my eyes")
        blank = shade == WHITE
        lines = (
            TextLine(text=f"shade {shade}", bbox=(0.1, 0.1, 0.5, 0.2)),
            TextLine(text="below", bbox=(0.1, 0.8, 0.5, 0.9), block=1),
        )
        return PageResult(
            text="" if blank else f"shade {shade}",
            state=PageState.BLANK if blank else PageState.OK,
            lines=() if blank else lines,
            rotation=90 if shade == TURNED else page.rotation,
            sha256=page.sha256,
            engine=self.name,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Typist, ()


@pytest.fixture
def typist() -> Typist:
    """An engine that reads shades of grey."""
    return Typist()


@pytest.fixture
def grey() -> Callable[..., bytes]:
    """Makes a picture file with a page of each shade."""
    return _grey


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture file with a page of each shade, into the folder of the test."""

    def write(name: str, *shades: int, kind: str = "PNG") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_grey(*shades, kind=kind))
        return path

    return write


@pytest.fixture
def shade_in() -> Callable[..., int]:
    """Tells the shade of a picture: of its bytes or its path."""

    def shade(picture: bytes | Path) -> int:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
            value = image.convert("L").getpixel((5, 5))
            assert isinstance(value, int)
            return value

    return shade


@pytest.fixture
def fax_url() -> Iterator[tuple[str, list[str]]]:
    """A URL on this machine with a fax of two pages behind it, and the paths that were asked for."""
    asked: list[str] = []

    class Fax(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(_grey(10, 20, kind="TIFF"))

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Fax) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/fax.tif?key=hush", asked
        server.shutdown()
        thread.join()


def _grey(*shades: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    first, *rest = (Image.new("L", (60, 40), shade) for shade in shades)
    first.save(file, kind, **({"save_all": True, "append_images": rest} if rest else {}))
    return file.getvalue()
