"""Pictures that are made to cost much: each gets an answer, and so does the next one."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hostile_pictures import LARGE, MANY, made, unpacked_tiff

from vlm_core import CorruptImageError, DocumentReader, ImageTooLargeError, UnsupportedImageError, VLMError
from vlm_core.catalog.schema import ImageLimits
from vlm_core.images import picture_worker
from vlm_core.images.decode import open_document
from vlm_core.images.encode import sendable

MOST_MEGABYTES = 600
CPU_SECONDS = 5.0
DOT = b"P5 2 1 255 \x80\x80"
"""What is asked for next."""


def peak(process: str) -> float:
    """Megabytes that a process has held since it was last asked to forget."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def processes() -> list[str]:
    return ["self", *(str(worker.pid) for worker in picture_worker.workers("").all)]


def largest_that_ended() -> float:
    """Megabytes that the largest child of this process held, of those that have ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


@contextmanager
def in_memory() -> Iterator[None]:
    """Fails where this process has grown, with what its workers held, by more than it may."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system does not tell what a process held")
    for process in processes():
        Path(f"/proc/{process}/clear_refs").write_text("5")
    before, largest = peak("self"), largest_that_ended()
    yield
    # Other tests of this process may have had larger children, which are none of these workers.
    ended = [largest_that_ended()] if largest_that_ended() > largest else []
    workers = max([0.0, *ended, *(peak(process) for process in processes()[1:])])
    assert max(peak("self") - before, workers) < MOST_MEGABYTES


def cpu_of_workers() -> float:
    """Seconds of CPU that the workers have used, those that ended too."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = (Path(f"/proc/{process}/schedstat").read_text().split()[0] for process in processes()[1:])
    return ended.ru_utime + ended.ru_stime + sum(int(nanoseconds) / 1e9 for nanoseconds in alive)


def answer(work: Callable[[], object]) -> str:
    """What comes of it: an error of ours, or none."""
    try:
        work()
    except VLMError as error:
        return f"{error.message} {error.hint}"
    return "read"


def first_page(data: bytes) -> None:
    with open_document(data) as document:
        page = document.page(1)
        assert page.width * page.height <= 200_000_000


QUICK = ("a PNG of one bit", "a TIFF of one bit", "a WebP of a large canvas", "a bitmap of 8 bits")
"""Of the large ones; the others take seconds each."""


LONGER = [pytest.param(name, marks=pytest.mark.slow) for name in LARGE if name not in QUICK]


@pytest.mark.parametrize("name", [*MANY, *QUICK, *LONGER])
def test_a_picture_that_asks_for_too_much_gets_an_answer_and_so_does_the_next(name: str) -> None:
    open_document(DOT).close()
    data, before = made(name), cpu_of_workers()
    with in_memory():
        said = answer(lambda: first_page(data))
    assert "the picture" in said or said == "read"
    assert cpu_of_workers() - before < CPU_SECONDS
    with open_document(DOT) as next_document:
        assert next_document.page(1).pixels == b"\x80" * 6


WAYS = ("library", "vlm", "langchain", "llamaindex", "mcp")
# The engine of `vlm read` takes its own time for a large page, which is not what is tested here.
WAYS_OF_LARGE = ("library", "langchain", "llamaindex", "mcp")
# One of each kind goes every way, and each of the others one way, which the test above has had as pictures.
EVERY_WAY = ("a JPEG of 1,000 scans", "a PNG of one bit")
ONE_WAY = [
    (name, WAYS_OF_LARGE[place % 4])
    for kind in (MANY, LARGE)
    for place, name in enumerate(kind)
    if name not in EVERY_WAY
]
TRIED = [
    *((name, way) for name in EVERY_WAY for way in WAYS),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in ONE_WAY),
]


@pytest.mark.parametrize(("name", "look"), TRIED, indirect=["look"])
def test_whoever_looks_at_it_gets_an_answer_and_the_next_one_too(
    name: str,
    tmp_path: Path,
    look: Callable[[Path], str],
    bounded: Callable[[], AbstractContextManager[None]],
) -> None:
    path, good = tmp_path / "scan.png", tmp_path / "good.png"
    path.write_bytes(made(name))
    good.write_bytes(b"P5 40 40 255 " + b"\xff" * 1600)
    with bounded():
        assert look(path)
    assert "Traceback" not in look(good)


@pytest.mark.parametrize("name", list(MANY))
def test_what_a_message_holds_is_bounded_before_it_is_decoded(
    name: str, bounded: Callable[[], AbstractContextManager[None]]
) -> None:
    """It is decoded in this process, for it is the program's own."""
    data = made(name)
    with bounded():
        assert answer(lambda: sendable(data, ImageLimits(formats=frozenset({"png"})), pages=(1,)))


@pytest.mark.parametrize("trusted", [False, True])
def test_a_picture_that_pillow_would_read_wrong_is_refused(trusted: bool) -> None:
    planes = unpacked_tiff(40, 3, 16, 2, planes=True)
    refused = pytest.raises(UnsupportedImageError, match="16 bits RGB, a plane for each colour")
    with open_document(planes, trusted=trusted) as document, refused:
        document.page(1)


@pytest.mark.parametrize("side", [5_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_page_of_many_megapixels_is_read(side: int) -> None:
    from hostile_pictures import png

    with open_document(png(side, 8, 2)) as document:
        page = document.page(1)
    assert (page.width, page.height, len(page.pixels)) == (side, side, 3 * side**2)


def test_a_picture_that_is_trusted_may_take_more(tmp_path: Path) -> None:
    from hostile_pictures import gif

    data = gif(40, 3)
    with open_document(data, trusted=True) as mine, open_document(data) as strangers:
        assert [mine.page(number) for number in (1, 2, 3)] == [strangers.page(n) for n in (1, 2, 3)]
    assert DocumentReader(trusted=True).read(b"P5 40 40 255 " + b"\xff" * 1600).ok


@pytest.mark.parametrize("pixels", [b"\0", b"\xff"])
def test_a_worker_that_was_ended_is_not_missed(pixels: bytes) -> None:
    with open_document(b"P5 1 1 255 " + pixels) as document:
        for worker in picture_worker.workers("").all:
            worker.stop()
        assert document.page(1).pixels == pixels * 3


def test_pixels_come_through_a_pipe_where_no_memory_can_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = bytes(range(240)) * 100
    monkeypatch.delattr(os, "memfd_create", raising=False)
    picture_worker.workers.cache_clear()
    try:
        with open_document(b"P6 80 100 255 " + pixels) as document:
            assert document.page(1).pixels == pixels
        (worker,) = picture_worker.workers("").all
        assert worker.shared is None
        worker.stop()
    finally:
        picture_worker.workers.cache_clear()


def test_a_file_of_which_three_pages_ended_their_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from vlm_core.images.worker import Worker, WorkerEnded

    def ended(self: Worker, seconds: float, request: object, payload: bytes = b"") -> None:
        self.stop()
        raise WorkerEnded("timeout")

    from hostile_pictures import gif

    with open_document(gif(4, 5)) as document:
        monkeypatch.setattr(Worker, "ask", ended)
        for number in (1, 2, 3):
            with pytest.raises(ImageTooLargeError, match="takes too long"):
                document.page(number)
        with pytest.raises(CorruptImageError, match="was not tried"):
            document.page(4)
