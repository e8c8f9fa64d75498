"""Small PDFs, written by hand."""

from __future__ import annotations


def pdf(*objects: bytes) -> bytes:
    """A file of objects, the first of which is the catalogue."""
    numbered = (b"%d 0 obj %b endobj\n" % (number, body) for number, body in enumerate(objects, start=1))
    return b"%PDF-1.7\n" + b"".join(numbered) + b"trailer<</Root 1 0 R>>\n%%EOF"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(content), content)


def one_page(content: bytes, *more: bytes, resources: bytes = b"", box: bytes = b"0 0 600 800") -> bytes:
    """A page that draws its content; objects 1 to 4 are its own, and `more` begin with 5."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<<%b>>>>" % (box, resources)
    catalogue = b"<</Type/Catalog/Pages 2 0 R>>"
    return pdf(catalogue, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream(content), *more)


def pages(count: int) -> bytes:
    """A file of so many empty pages."""
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count),
        *[page] * count,
    )


def shading(function: bytes, times: int = 2000) -> bytes:
    """A page that is shaded pixel by pixel, again and again: it takes time and hardly any memory."""
    entry = b"<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Matrix[600 0 0 800 0 0]/Function 6 0 R>>"
    body = stream(function, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]")
    return one_page(b"/S sh " * times, entry, body, resources=b"/Shading<</S 5 0 R>>")


HARMLESS = one_page(b"0 0 m 9 9 l S")
SLOW_FUNCTION = b"{" + b" sin cos exch" * 300 + b" 0.5}"
