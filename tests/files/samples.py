"""Files as people send them, and as nobody should."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

from PIL import Image, PngImagePlugin
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

SECRET = b"where somebody lives"
HTML = b"<html><script>alert(document.domain)</script></html>"


def picture(width: int = 40, height: int = 30, colour: str = "red", mode: str = "RGB") -> Image.Image:
    """A left half of one colour, a right half of white."""
    image = Image.new(mode, (width, height), "white")
    image.paste(Image.new(mode, (width // 2, height), colour), (0, 0))
    return image


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, kind, **options)
    return out.getvalue()


def png_with_secrets() -> bytes:
    """Text, a profile of a camera, a page after the end, and an archive after that: a PNG that is also HTML and ZIP (GIFAR)."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode() + HTML.decode())
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("evil.class", SECRET)
    return encoded("PNG", pnginfo=notes, exif=exif) + HTML + archive.getvalue()


def jpeg_with_secrets() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    return encoded("JPEG", exif=exif, comment=HTML + SECRET) + HTML + SECRET


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of that size whose pixels are all packed into a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = b"\0" * ((width + 7) // 8 + 1)
    pixels = packer.compress(row * min(height, 2_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def pdf(
    pages: int = 3, size: tuple[float, float] = (960, 540), words: str = "Page", picture_too: bool = False
) -> bytes:
    """Slides: a title with the page's number, lines of text, a circle."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 40)
        canvas.drawString(60, size[1] - 80, f"{words} {number}")
        canvas.setFont("Helvetica", 18)
        for line in range(12):
            canvas.drawString(
                60, size[1] - 130 - 24 * line, f"{line}. What there is to say about {number} times {line}"
            )
        canvas.setFillColorRGB(0.2, 0.5, 0.9)
        canvas.circle(size[0] - 160, 160, 100, fill=1)
        if picture_too:
            canvas.drawImage(ImageReader(picture()), 20, 20)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def pdf_of(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, the first of which is its catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def pdf_with(
    content: bytes, box: bytes = b"0 0 600 400", extra: Sequence[bytes] = (), resources: bytes = b"<< >>"
) -> bytes:
    """A PDF of one page with this content stream (packed); `extra` are objects from number 5 on."""
    packed = zlib.compress(content, 9)
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources %s >>" % (box, resources),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
            *extra,
        ]
    )


def pdf_that_takes_long() -> bytes:
    """Shapes in shapes in shapes: 10^9 times drawn from a few hundred bytes."""
    forms = []
    depth = 9
    for level in range(depth):
        inner = b"/F Do " * 10 if level < depth - 1 else b"0 0 m 300 300 l 600 0 l 10 400 l S "
        uses = b"<< /XObject << /F %d 0 R >> >>" % (6 + level) if level < depth - 1 else b"<< >>"
        packed = zlib.compress(inner, 9)
        forms.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 600 400] /Resources %s /Length %d /Filter /FlateDecode >>\nstream\n%s\n"
            b"endstream" % (uses, len(packed), packed)
        )
    return pdf_with(b"/F Do " * 10, extra=forms, resources=b"<< /XObject << /F 5 0 R >> >>")


def pdf_with_a_huge_picture(side: int = 60_000) -> bytes:
    """A page with a picture of side x side pixels in true colour, packed twice into a few kB."""
    packer = zlib.compressobj(9)
    zeros = b"\0" * (1 << 20)
    once = b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush()
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Length %d "
        b"/Filter /FlateDecode >>\nstream\n%s\nendstream" % (side, side, len(once), once)
    )
    return pdf_with(b"600 0 0 400 0 0 cm /I Do", extra=[image], resources=b"<< /XObject << /I 5 0 R >> >>")
