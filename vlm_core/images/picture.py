"""One opened picture: its frames, each decoded, turned upright and made RGB when asked for.

Only the decoder of the format that the bytes show is ever run, pixels are counted before any is
unpacked, and whatever a decoder raises comes out as one of this package's errors. No setting of
Pillow is changed or relied upon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Self, TypeAlias

from PIL import ExifTags, Image, ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vlm_core.errors import (
    CorruptImageError,
    DecompressionBombError,
    ImageTooLargeError,
    InputError,
    MissingExtraError,
    UnsupportedImageError,
    VLMError,
)
from vlm_core.images.colour import to_rgb
from vlm_core.images.decode_limits import (
    check_all_pixels,
    check_frames,
    check_scanned_pixels,
    check_work,
    decoding_bytes,
)
from vlm_core.images.sniff import gif_layout, is_bare, tiff_frames, webp_size
from vlm_core.images.unsupported import has_deep_planes, unsupported_layout

if TYPE_CHECKING:
    from vlm_core.types import PageImage  # which loads pydantic; a worker does without

MAX_PIXELS = 200_000_000
"""Of one page. A sheet of A0 scanned at 300 dpi has 139 million."""


@dataclass(frozen=True)
class Bounds:
    """What a picture may take."""

    pixels: int = MAX_PIXELS
    memory: int | None = None
    """Bytes while it is decoded."""
    hint: str = "If you trust the file, pass trusted=True."


# Over the limit, more than this is called a bomb; the picture is refused either way.
_BOMB_PIXELS_PER_BYTE = 1000

UNNAMED = "the picture"
_CONVERT = "Convert it to PNG, for example with ImageMagick: magick FILE out.png"


def _heif(file: IO[bytes]) -> ImageFile.ImageFile:
    try:
        # The class itself, since registering it would change what Image.open() reads everywhere.
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise MissingExtraError(
            "HEIC pictures need the package pillow-heif",
            hint="Install it with: pip install 'vlm-adapters[heif]'",
        ) from error
    decoder: Callable[[IO[bytes]], ImageFile.ImageFile] = HeifImageFile
    return decoder(file)


# Not Image.open(), which tries other decoders too and checks a limit that is the whole process's.
_DECODERS: dict[str, Callable[[IO[bytes]], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "PPM": PpmImageFile,
    "AVIF": AvifImageFile,
    "HEIF": _heif,
}
_TILE_WIDTH, _TILES = 322, 324  # tags of a TIFF
_OPTIONAL = {"WEBP": "webp", "AVIF": "avif"}
_PAGED = frozenset({"TIFF", "GIF", "WEBP", "AVIF", "HEIF"})

# EXIF orientation: the turn that sets the picture upright, and its degrees clockwise, counted
# after the mirroring where there is one.
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 270),
    6: (Image.Transpose.ROTATE_270, 90),
    7: (Image.Transpose.TRANSVERSE, 90),
    8: (Image.Transpose.ROTATE_90, 270),
}


Outline: TypeAlias = tuple[int, int, str]
"""Width and height of a page in pixels, and the first words that the file holds of it."""


@dataclass(frozen=True)
class Loaded:
    """A frame that is decoded, and what is still to be done to it."""

    image: Image.Image
    turn: Image.Transpose | None
    """What sets it upright."""
    rotation: int
    """Degrees clockwise by which it is turned so, counted from how it is stored."""
    is_original: bool
    """Whether its file is this one picture and nothing else."""


def upright(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """A picture turned; itself where it is not."""
    return image if turn is None else image.transpose(turn)


class Frames:
    """What every open picture does; where a frame comes from is up to its kinds."""

    def __init__(
        self, source: str, *, kind: str = "", data: bytes | None = None, bounds: Bounds | None = None
    ) -> None:
        self.total_pages = 1
        self.warnings: tuple[str, ...] = ()
        self._source = source
        self._kind = kind
        self._data = data
        self._bounds = bounds or Bounds()
        self._orientations: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def page(self, number: int) -> PageImage:
        from vlm_core.types import PageImage

        with self.loaded(number) as loaded:
            rgb = upright(to_rgb(loaded.image), loaded.turn)
            return PageImage(
                pixels=rgb.tobytes(),
                width=rgb.width,
                height=rgb.height,
                page_number=number,
                total_pages=self.total_pages,
                rotation=loaded.rotation,
                source=self._source,
                original=self._data if loaded.is_original else None,
            )

    def outline(self, number: int) -> Outline:
        """A frame's size as `page` gives it, and no words; it is not decoded for that.

        Arguments and errors are those of `page`.
        """
        self._check_number(number)
        with self._typed_errors(number), self._frame(number - 1) as stored:
            self._check_size(stored.size, number)
            width, height = stored.size
            _, degrees = _TURNS.get(_orientation(stored), (None, 0))
        return (height, width, "") if degrees % 180 else (width, height, "")

    @contextmanager
    def loaded(self, number: int) -> Iterator[Loaded]:
        """A frame, decoded but not yet turned.

        Args:
            number: which one, from 1.

        Raises:
            InputError: as `page` says.
        """
        self._check_number(number)
        with self._typed_errors(number), self._frame(number - 1) as image:
            self._check_size(image.size, number)
            stored = image.size
            self._draft(image)
            self._check_memory(image, number, stored)
            yield self._loaded(image, number)

    def _draft(self, image: Image.Image) -> None:
        """Have it decoded with fewer pixels, where no more are wanted."""

    def readable_after(self, number: int) -> int | None:
        """The next frame behind one that can be had, though perhaps not decoded; None where none can."""
        for later in range(number + 1, self.total_pages + 1):
            with suppress(Exception), self._frame(later - 1):
                return later
        return None

    def _frame(self, index: int) -> AbstractContextManager[Image.Image]:
        raise NotImplementedError

    def _loaded(self, image: Image.Image, number: int) -> Loaded:
        # Loading turns a TIFF, and only a TIFF, which then no longer says how it stood.
        if isinstance(image, TiffImageFile):
            self._orientations.setdefault(number, _orientation(image))
        _load(image)
        orientation = _orientation(image)
        turn, _ = _TURNS.get(orientation, (None, 0))
        _, rotation = _TURNS.get(self._orientations.get(number, orientation), (None, 0))
        return Loaded(image, turn, rotation, turn is None and self._is_original(image))

    def _is_original(self, image: Image.Image) -> bool:
        if self._data is None or not is_bare(self._data, self._kind):
            return False
        alone = _frame_count(image) == 1 and "mp" not in image.info
        return alone and image.mode in ("RGB", "L") and not image.has_transparency_data

    def _check_number(self, number: int) -> None:
        if not 1 <= number <= self.total_pages:
            name, total = self._source or UNNAMED, self.total_pages
            raise InputError(f"{name} has no page {number}", hint=f"It has {total}.", page=number)

    def _check_size(self, size: tuple[int, int], page: int | None = None) -> None:
        width, height = size
        if width * height <= self._bounds.pixels:
            return
        bomb = self._data is not None and len(self._data) * _BOMB_PIXELS_PER_BYTE < width * height
        raise (DecompressionBombError if bomb else ImageTooLargeError)(
            f"{self._source or UNNAMED} would unpack to {width} × {height} pixels, "
            f"more than {self._bounds.pixels / 1_000_000:g} million",
            page=page,
            hint="" if self._bounds.pixels == MAX_PIXELS else self._bounds.hint,
        )

    def _check_memory(self, image: Image.Image, page: int, stored: tuple[int, int] | None = None) -> None:
        self._check_bytes(decoding_bytes(image, self._kind, stored), page)

    def _check_bytes(self, needed: int, page: int | None = None) -> None:
        most = self._bounds.memory
        if most is not None and needed > most:
            name = self._source or UNNAMED
            raise ImageTooLargeError(
                f"{name} takes {needed / 1e6:.0f} MB to decode, more than {most / 1e6:.0f}",
                page=page,
                hint=self._bounds.hint,
            )

    def _is_upright(self, image: Image.Image) -> bool:
        return _orientation(image) not in _TURNS

    @contextmanager
    def _typed_errors(self, page: int | None = None) -> Iterator[None]:
        name, kind = self._source or UNNAMED, f" as {self._kind}" if self._kind else ""
        try:
            yield
        except VLMError:
            raise
        except Image.DecompressionBombError as error:
            raise _over_pillows_limit(name, page) from error
        except MemoryError as error:
            hint = "" if self._bounds.memory is None else self._bounds.hint
            raise ImageTooLargeError(f"{name} does not fit into memory", hint=hint, page=page) from error
        except Exception as error:  # decoders raise nearly anything: struct.error, SyntaxError, KeyError ...
            if layout := unsupported_layout(self._data or b"", self._kind, (page or 1) - 1, error):
                message = f"{name} is a {self._kind} of a layout that is not supported ({layout})"
                raise UnsupportedImageError(message, hint=_CONVERT, page=page) from error
            message = f"{name} cannot be decoded{kind}: {str(error)[:200] or type(error).__name__}"
            hint = "Get it again, for it is damaged; or, if it opens elsewhere, save it as PNG there."
            raise CorruptImageError(message, hint=hint, page=page) from error


class FileFrames(Frames):
    """The frames of a file."""

    def __init__(self, data: bytes, kind: str, source: str, bounds: Bounds | None = None) -> None:
        super().__init__(source, kind=kind, data=data, bounds=bounds)
        feature = _OPTIONAL.get(kind)
        if feature and not features.check(feature):
            raise UnsupportedImageError(
                f"{source or UNNAMED}: this Pillow was built without {kind}",
                hint="Install one that has it: pip install --force-reinstall pillow",
            )
        with self._typed_errors():
            check_work(data, kind, source or UNNAMED)
            frames = self._measure(data)
            self._image: ImageFile.ImageFile | None = self._open()
            if kind in _PAGED:
                self.total_pages = frames or _frame_count(self._image)
            check_frames(self.total_pages, source or UNNAMED)
            check_all_pixels(self.total_pages, self._image.size, len(data), source or UNNAMED)
            if kind == "JPEG":
                check_scanned_pixels(data, self._image.size, source or UNNAMED)

    def _measure(self, data: bytes) -> int | None:
        """The frames, where Pillow's count would stop at a damaged one, or unpack to count.

        Of the two formats whose decoder makes memory when it is opened, the size is checked here.
        """
        if self._kind == "TIFF":
            return tiff_frames(data)
        if self._kind == "GIF":
            frames, width, height = gif_layout(data)
            self._check_size((width, height))
            if width * height > (Image.MAX_IMAGE_PIXELS or MAX_PIXELS):
                # Here Pillow would warn, or refuse, by a limit of its own that we cannot pass by.
                raise _over_pillows_limit(self._source or UNNAMED)
            return frames
        if self._kind == "WEBP":
            self._check_size(webp_size(data) or (0, 0))
        return None

    def _open(self) -> ImageFile.ImageFile:
        assert self._data is not None
        return _DECODERS[self._kind](BytesIO(self._data))

    @contextmanager
    def _frame(self, index: int) -> Iterator[Image.Image]:
        # A frame that failed may come out half decoded when asked for again, so that the picture
        # is put back only when all went well. A single one is not, to free its memory.
        image, self._image = self._image or self._open(), None
        image.seek(index)
        yield image
        if self.total_pages > 1:
            self._image = image

    def close(self) -> None:
        self._image = None


class ImageFrames(Frames):
    """The frames of a Pillow image that is the caller's."""

    def __init__(self, image: Image.Image, source: str) -> None:
        super().__init__(source)
        self._image = image
        with self._typed_errors():
            if image.format in _PAGED:
                self.total_pages = _frame_count(image)

    @contextmanager
    def _frame(self, index: int) -> Iterator[Image.Image]:
        place = self._image.tell()
        if self.total_pages == 1:
            index = place
        try:
            self._image.seek(index)
            yield self._image
        finally:
            self._image.seek(place)


class Decoded(Frames):
    """A page that comes as it is, with the number it has in its own document."""

    def __init__(self, image: PageImage) -> None:
        super().__init__(image.source)
        self._page = image

    def page(self, number: int) -> PageImage:
        self._check_number(number)
        return self._page

    def outline(self, number: int) -> Outline:
        self._check_number(number)
        return self._page.width, self._page.height, ""


def _over_pillows_limit(name: str, page: int | None = None) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"{name} is over the limit of this program, PIL.Image.MAX_IMAGE_PIXELS = {Image.MAX_IMAGE_PIXELS}",
        hint="Make the picture smaller, or raise that limit.",
        page=page,
    )


def _frame_count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _load(image: Image.Image) -> None:
    if not min(image.size):
        raise ValueError("it has no pixels")
    if isinstance(image, TiffImageFile) and _TILE_WIDTH in image.tag_v2 and _TILES not in image.tag_v2:
        raise ValueError("its tiles are stored as strips")  # Pillow would decode them in the wrong places
    if isinstance(image, TiffImageFile) and has_deep_planes(image.tag_v2, image.tile):
        raise ValueError("its channels stand apart, with 16 bits each")  # Pillow would read 8 of them
    if isinstance(image, TiffImageFile) and image.tile:
        # What load() does first, but without Pillow's limit; ours has been checked.
        stored: Any = (image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength])
        image.im = Image.new(image.mode, stored, None).im
    image.load()


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or it is damaged.

    Pillow hands on the turn of an AVIF as one; pillow-heif turns a HEIC itself and says 1.
    """
    with suppress(Exception):
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1
