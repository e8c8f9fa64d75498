"""Pages of PDFs that are one JPEG: passed on as they are stored, and only where nothing else shows."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageDraw

from vlm_core.catalog.schema import ImageLimits
from vlm_core.errors import CorruptImageError, PDFError
from vlm_core.images.encode import fit, sendable
from vlm_core.images.page_images import page_png
from vlm_core.images.pdf_worker import open_pdf, workers
from vlm_core.types import PageImage, PageResult

SIZE = (800, 1000)
UPRIGHT = b"400 0 0 500 0 0"


def scan(mode: str = "L", size: tuple[int, int] = SIZE, **options: object) -> bytes:
    """A JPEG that is dark in its top left corner, so that its way up can be seen."""
    page = Image.new("RGB", size, (250, 240, 230))
    ImageDraw.Draw(page).rectangle((0, 0, size[0] // 4, size[1] // 5), fill=(20, 40, 60))
    file = io.BytesIO()
    page.convert(mode).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[274] = orientation
    return tags.tobytes()


def pdf(
    jpeg: bytes,
    content: bytes = b"q %s cm /I Do Q" % UPRIGHT,
    *,
    image: bytes = b"/ColorSpace/DeviceGray",
    page: bytes = b"/MediaBox[0 0 400 500]",
    filters: bytes = b"/DCTDecode",
    resources: bytes = b"",
    size: tuple[int, int] = SIZE,
) -> bytes:
    """A PDF of one page; /I is the JPEG, /F a font, /G a form with invisible text, /H one with the JPEG."""
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/Filter%s%s"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 400 500]/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>"
    things = b"/Font<</F 5 0 R>>/XObject<</I 6 0 R/G 7 0 R/H 8 0 R/N 9 0 R>>" + resources
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<%s>>%s>>" % (things, page),
        stream(content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        stream(jpeg, entries % (*size, filters, image)),
        stream(say(3), form),
        stream(b"q %s cm /I Do Q" % UPRIGHT, form),
        stream(b"\x80" * 100, b"/Type/XObject/Subtype/Image/Width 10/Height 10/BitsPerComponent 8"
               b"/ColorSpace/DeviceGray"),
        b"<</Type/ExtGState/ca 0.5>>",
        b"<</Type/Annot/Subtype/Square/Rect[10 10 90 90]/C[1 0 0]/IC[1 0 0]/F 4>>",
        b"<</Type/OCG/Name(layer)>>",
        b"/DeviceRGB",
        b"[/CalRGB<</WhitePoint[0.95 1 1.09]/Gamma[2.2 2.2 2.2]>>]",
    )  # fmt: skip
    return assembled(objects)


def book(jpegs: Sequence[bytes]) -> bytes:
    """A PDF with a page for each JPEG."""
    firsts = range(3, 3 + 3 * len(jpegs), 3)
    kids = b" ".join(b"%d 0 R" % first for first in firsts)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(jpegs))]
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 500]/Contents %d 0 R/Resources<</XObject<</I %d 0 R>>>>"
    )
    image = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/Filter/DCTDecode" % SIZE
    for first, jpeg in zip(firsts, jpegs, strict=True):
        content = stream(b"q %s cm /I Do Q" % UPRIGHT)
        objects += [
            page % (first + 1, first + 2) + b">>",
            content,
            stream(jpeg, image + b"/ColorSpace/DeviceGray"),
        ]
    return assembled(objects)


def assembled(objects: Sequence[bytes]) -> bytes:
    body, starts = bytearray(b"%PDF-1.7\n"), []
    for number, entry in enumerate(objects, 1):
        starts.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, entry)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return bytes(body) + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def say(mode: int) -> bytes:
    return b" BT /F 12 Tf %d Tr 1 0 0 1 50 250 Tm (words of the page, many of them) Tj ET " % mode


def read(data: bytes | Path, **options: object) -> PageImage:
    with open_pdf(data, **options) as document:  # type: ignore[arg-type]
        return document.page(1)


def drawn(data: bytes, size: tuple[int, int]) -> Image.Image:
    """What pdfium shows."""
    page = pypdfium2.PdfDocument(data)[0]
    return page.render(scale=size[0] / page.get_width()).to_pil().convert("RGB").resize(size)


def shown(page: PageImage) -> Image.Image:
    return Image.frombytes("RGB", (page.width, page.height), page.pixels)


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures in levels, so that a blurred edge does not count."""
    histogram = ImageChops.difference(one, other).convert("L").histogram()
    return sum(level * count for level, count in enumerate(histogram)) / sum(histogram)


PICTURE = b"q %s cm /I Do Q" % UPRIGHT
RGB = b"/ColorSpace/DeviceRGB"

PASSED_ON = {
    "grey": pdf(scan()),
    "colour": pdf(scan("RGB"), image=RGB),
    "progressive": pdf(scan(progressive=True)),
    "invisible text over it": pdf(scan(), PICTURE + say(3)),
    "a form of invisible text over it": pdf(scan(), PICTURE + b" /G Do"),
    "text under it": pdf(scan(), say(0) + PICTURE),
    "a picture under it": pdf(scan(), b"q 80 0 0 80 200 200 cm /N Do Q " + PICTURE),
    "white under it": pdf(scan(), b"1 g 0 0 400 500 re f " + PICTURE),
    "an orientation in its EXIF": pdf(scan(exif=exif(6))),
    "a colour profile in it": pdf(scan(icc_profile=b"a profile that no PDF viewer looks at")),
    "a dictionary with spaces and a name": pdf(
        scan(), image=b" /ColorSpace /DeviceGray /Name /Im.1 /DecodeParms [ null ] /Interpolate true"
    ),
    "turned by 90 degrees": pdf(scan(), page=b"/MediaBox[0 0 400 500]/Rotate 90"),
    "turned by 180 degrees": pdf(scan("RGB"), page=b"/MediaBox[0 0 400 500]/Rotate 180", image=RGB),
    "turned by 270 degrees": pdf(scan(), page=b"/MediaBox[0 0 400 500]/Rotate 270"),
    "a page that does not begin at 0": pdf(
        scan(), b"q 400 0 0 500 -30 70 cm /I Do Q", page=b"/MediaBox[-30 70 370 570]"
    ),
    "a page cropped to the picture": pdf(scan(), page=b"/MediaBox[-50 -50 600 600]/CropBox[0 0 400 500]"),
    "points rounded": pdf(scan(), b"q 399.9 0 0 499.8 0 0 cm /I Do Q"),
    "a unit of its own": pdf(scan(), page=b"/MediaBox[0 0 400 500]/UserUnit 2"),
    "a colour space elsewhere": pdf(scan("RGB"), image=b"/ColorSpace 13 0 R"),
    "a mark around it": pdf(scan(), b"/Artifact BMC " + PICTURE + b" EMC"),
}


@pytest.mark.parametrize("data", PASSED_ON.values(), ids=PASSED_ON)
def test_page_that_is_one_jpeg_is_passed_on_and_looks_as_drawn(data: bytes) -> None:
    page = read(data)
    assert page.stored is not None
    assert difference(shown(page), drawn(data, (page.width, page.height))) < 2


WITH_LAYER = b"/Properties<</L 12 0 R>>"
DRAWN = {
    "visible text over it": pdf(scan(), PICTURE + say(0)),
    "outlined text over it": pdf(scan(), PICTURE + say(1)),
    "text that clips": pdf(scan(), say(7) + PICTURE),
    "a line over it": pdf(scan(), PICTURE + b" 0 0 m 99 99 l S"),
    "a picture over it": pdf(scan(), PICTURE + b" q 80 0 0 80 200 200 cm /N Do Q"),
    "an inline picture": pdf(scan(), PICTURE + b" BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI"),
    "a form around it": pdf(scan(), b"/H Do"),
    "an annotation": pdf(scan(), page=b"/MediaBox[0 0 400 500]/Annots[11 0 R]"),
    "a clip": pdf(scan(), b"q 0 0 200 200 re W n %s cm /I Do Q" % UPRIGHT),
    "a soft mask": pdf(scan(), image=b"/ColorSpace/DeviceGray/SMask 9 0 R"),
    "a mask": pdf(scan(), image=b"/ColorSpace/DeviceGray/Mask 9 0 R"),
    "a colour key": pdf(scan(), image=b"/ColorSpace/DeviceGray/Mask[0 9]"),
    "a mask in hexadecimal": pdf(scan(), image=b"/ColorSpace/DeviceGray/#53Mask 9 0 R"),
    "a decode array": pdf(scan(), image=b"/ColorSpace/DeviceGray/Decode[1 0]"),
    "a transform for its colours": pdf(scan("RGB"), image=RGB + b"/DecodeParms<</ColorTransform 0>>"),
    "CMYK": pdf(scan("CMYK"), image=b"/ColorSpace/DeviceCMYK"),
    "a colour space of its own": pdf(
        scan("RGB"), image=b"/ColorSpace[/CalRGB<</WhitePoint[0.95 1 1.09]/Gamma[2.2 2.2 2.2]>>]"
    ),
    "a colour space of its own elsewhere": pdf(scan("RGB"), image=b"/ColorSpace 14 0 R"),
    "a second colour space that counts": pdf(scan("RGB"), image=RGB + b"/ColorSpace 14 0 R"),
    "a first colour space, overruled": pdf(scan("RGB"), image=b"/ColorSpace 14 0 R/ColorSpace/DeviceGray"),
    "an indexed colour space": pdf(scan(), image=b"/ColorSpace[/Indexed/DeviceRGB 255<%s>]" % (b"00" * 768)),
    "grey that is said to be colour": pdf(scan(), image=RGB),
    "a layer": pdf(scan(), b"/OC /L BDC " + PICTURE + b" EMC", resources=WITH_LAYER),
    "a layer in its dictionary": pdf(scan(), image=b"/ColorSpace/DeviceGray/OC 12 0 R"),
    "half transparent": pdf(scan(), b"q /S gs %s cm /I Do Q" % UPRIGHT, resources=b"/ExtGState<</S 10 0 R>>"),
    "mirrored": pdf(scan(), b"q -400 0 0 500 400 0 cm /I Do Q"),
    "upside down": pdf(scan(), b"q 400 0 0 -500 0 500 cm /I Do Q"),
    "on its side": pdf(scan(), b"q 0 500 -400 0 400 0 cm /I Do Q"),
    "at a slant": pdf(scan(), b"q 400 7 -7 500 0 0 cm /I Do Q"),
    "smaller than the page": pdf(scan(), b"q 300 0 0 375 50 60 cm /I Do Q"),
    "larger than the page": pdf(scan(), b"q 440 0 0 550 -20 -20 cm /I Do Q"),
    "stretched": pdf(scan(), b"q 400 0 0 600 0 0 cm /I Do Q", page=b"/MediaBox[0 0 400 600]"),
    "too few pixels": pdf(scan(size=(400, 500)), size=(400, 500)),
    "another size than said": pdf(scan(), size=(900, 1125)),
    "packed twice": pdf(scan().hex().encode() + b">", filters=b"[/ASCIIHexDecode/DCTDecode]"),
    "cut short": pdf(scan()[:-700]),
    "no picture": pdf(scan(), b""),
}  # fmt: skip


@pytest.mark.parametrize("data", DRAWN.values(), ids=DRAWN)
def test_page_on_which_anything_else_counts_is_drawn(data: bytes) -> None:
    page = read(data)
    assert page.stored is None
    assert difference(shown(page), drawn(data, (page.width, page.height))) < 2


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_drawn_scan_has_the_pixels_of_its_picture(turn: int) -> None:
    """At 1182.79 points a picture ends a rounding error beyond the last pixel."""
    size = (2497, 900)
    jpeg = Image.effect_noise(size, 90)
    file = io.BytesIO()
    jpeg.save(file, "JPEG", quality=90)
    page = b"/MediaBox[0 0 1182.79 426.32]/Rotate %d" % turn
    content = b"q 1182.79 0 0 426.32 0 0 cm /I Do Q 1 g 0 0 0.01 0.01 re f"  # with a dot, so that it is drawn
    seen = read(pdf(file.getvalue(), content, page=page, size=size))
    assert seen.stored is None
    stored = Image.open(file).convert("RGB").rotate(-turn, expand=True)
    assert difference(shown(seen), stored) < 0.01


def test_stream_goes_to_a_provider_as_it_is_stored_without_metadata() -> None:
    noted = scan(exif=exif(1), comment=b"where it was taken", icc_profile=b"of the scanner")
    sent = fit(read(pdf(noted)), ImageLimits(formats={"jpeg", "png"}))
    assert (sent.format, sent.width, sent.height) == ("jpeg", *SIZE)
    assert sent.data == scan()


def test_file_is_sent_as_its_stored_pages_too() -> None:
    assert [image.data for image in sendable(pdf(scan()), ImageLimits())] == [scan()]


def test_turned_page_is_sent_upright() -> None:
    data = PASSED_ON["turned by 90 degrees"]
    sent = fit(read(data), ImageLimits())
    image = Image.open(io.BytesIO(sent.data))
    assert image.size == (sent.width, sent.height) == (1000, 800)
    assert not image.getexif()
    assert difference(image.convert("RGB"), drawn(data, image.size)) < 2


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        (ImageLimits(max_side=500), lambda sent: max(sent.width, sent.height) <= 500),
        (ImageLimits(max_pixels=100_000), lambda sent: sent.width * sent.height <= 100_000),
        (ImageLimits(formats={"png"}), lambda sent: sent.format == "png"),
    ],
    ids=["side", "pixels", "format"],
)
def test_page_over_a_limit_is_made_to_fit(limits: ImageLimits, fits: object) -> None:
    sent = fit(read(pdf(scan())), limits)
    assert callable(fits)
    assert fits(sent)
    assert Image.open(io.BytesIO(sent.data)).size == (sent.width, sent.height)


def test_identity_is_that_of_the_stream_without_metadata_with_size_and_turn() -> None:
    plain, noted = read(pdf(scan())), read(pdf(scan(comment=b"scanned on Monday", exif=exif(8))))
    turned = read(PASSED_ON["turned by 90 degrees"])
    about = struct.pack(">II", *SIZE) + b"JPEG" + struct.pack(">H", 0)
    assert plain.sha256 == noted.sha256 == hashlib.sha256(about + scan()).hexdigest()
    assert turned.sha256 != plain.sha256


def test_identity_and_size_are_known_without_decoding() -> None:
    page = read(pdf(scan()))
    assert (page.sha256 != "", page.width, page.height) == (True, *SIZE)
    assert "pixels" not in page.__dict__


@pytest.mark.parametrize(
    ("box", "points", "dpi"),
    [(b"0 0 400 500", (400, 500), 144.0), (b"0 0 900 1125", (900, 1125), None)],
    ids=["a sheet", "larger than A3, so that its points mean nothing"],
)
def test_resolution_is_that_of_the_paper(box: bytes, points: tuple[int, int], dpi: float | None) -> None:
    page = read(pdf(scan(), b"q %d 0 0 %d 0 0 cm /I Do Q" % points, page=b"/MediaBox[%s]" % box))
    assert page.dpi == dpi


def test_page_of_a_file_that_is_read_by_its_path_is_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf(scan()))
    assert read(path).stored is not None


def test_encrypted_page_is_drawn(data: Path) -> None:
    """Its dictionaries cannot be looked into."""
    page = read((data / "pdfs/password_2206.01062_pg3.pdf").read_bytes(), password="1234")
    assert page.stored is None


def test_stored_page_can_be_pickled_and_turned() -> None:
    page = pickle.loads(pickle.dumps(read(pdf(scan()))))
    assert len(page.pixels) == 3 * page.width * page.height


def test_picture_behind_a_result_is_found_again() -> None:
    data = pdf(scan())
    page = read(data)
    result = PageResult(sha256=page.sha256, width=page.width, height=page.height)
    assert Image.open(io.BytesIO(page_png(data, result))).size == SIZE


def test_stream_that_is_damaged_names_its_page() -> None:
    page = read(pdf(scan()))
    assert page.stored is not None
    broken = replace(page.stored, stream=page.stored.stream[:300] + b"\xff\xd9")
    damaged = PageImage.of_stored(broken, *SIZE, page_number=7, source="scan.pdf")
    with pytest.raises(CorruptImageError) as caught:
        fit(damaged, ImageLimits(max_side=100))
    assert caught.value.page == 7


# A page that may be known already


@pytest.mark.parametrize("data", PASSED_ON.values(), ids=PASSED_ON)
def test_identity_can_be_had_without_the_page(data: bytes) -> None:
    with open_pdf(data) as document:
        assert document.page_or_known(1, lambda sha256: sha256) == document.page(1).sha256


def test_page_that_is_not_known_comes_as_it_is() -> None:
    with open_pdf(pdf(scan(comment=b"scanned on Monday"))) as document:
        assert document.page_or_known(1, lambda sha256: None) == document.page(1)


def test_drawn_page_comes_at_once_for_its_identity_is_that_of_its_pixels() -> None:
    asked: list[str] = []
    with open_pdf(DRAWN["visible text over it"]) as document:
        assert document.page_or_known(1, asked.append) == document.page(1)
    assert asked == []


@pytest.mark.parametrize("number", [0, 2])
def test_page_that_does_not_exist_is_not_known(number: int) -> None:
    with open_pdf(pdf(scan())) as document, pytest.raises(PDFError, match=f"no page {number}"):
        document.page_or_known(number, lambda sha256: sha256)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_bytes_of_a_known_page_stay_in_the_worker() -> None:
    noise = io.BytesIO()
    Image.effect_noise(SIZE, 90).save(noise, "JPEG", quality=95)
    with open_pdf(pdf(noise.getvalue())) as document:
        before = bytes_read()
        document.page_or_known(1, lambda sha256: sha256)
        known = bytes_read()
        document.page_or_known(1, lambda sha256: None)
        assert (known - before < 10_000, bytes_read() - known > len(noise.getvalue())) == (True, True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_the_worker_keeps_of_a_long_document_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "scans.pdf"
    path.write_bytes(book([padded(scan())] * 40))
    with open_pdf(path) as document:
        document.page(1)
        before = resident_bytes()
        after = []
        for number in range(1, 41):
            document.page(number)
            after.append(resident_bytes())
    assert max(after) - before < 110 << 20  # of 160


def padded(jpeg: bytes) -> bytes:
    """A JPEG with 4 MB of comments in front."""
    return jpeg[:2] + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 64 + jpeg[2:]


def bytes_read() -> int:
    """By this process, from files and from pipes."""
    return int(Path("/proc/self/io").read_text().split()[1])


def resident_bytes() -> int:
    """Of the processes that read PDFs by their paths."""
    pages = (Path(f"/proc/{worker.pid}/statm").read_text().split()[1] for worker in workers("files").all)
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")
