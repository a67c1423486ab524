"""Files as people send them, and as nobody should."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

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


def element(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    """An element as Excalidraw writes it."""
    return {
        "id": f"{kind}-{number}",
        "type": kind,
        "x": 40.5 + 60 * number,
        "y": 80,
        "width": 120,
        "height": 60.25,
        "angle": 0,
        "strokeColor": "#1e1e1e",
        "backgroundColor": "transparent",
        "fillStyle": "solid",
        "strokeWidth": 2,
        "strokeStyle": "solid",
        "roughness": 1,
        "opacity": 100,
        "groupIds": [],
        "frameId": None,
        "index": f"a{number}",
        "roundness": {"type": 3},
        "seed": 1_000 + number,
        "version": 7 + number,
        "versionNonce": 123_456_789 + number,
        "isDeleted": False,
        "boundElements": None,
        "updated": 1_750_000_000_000,
        "link": None,
        "locked": False,
    } | fields


FILE_ID = "5f2d1c7b8a9e0f1d2c3b4a5968778695a4b3c2d1"


def scene(picture_data: bytes | None = None) -> dict[str, Any]:
    """One element of each type, and the file of the image."""
    picture_data = picture_data if picture_data is not None else encoded("PNG")
    path = [[0, 0], [30.5, 20], [60, 5.25], [120, 60.25]]
    words = "Area = length \u00d7 width\n\u0939\u093f\u0928\u094d\u0926\u0940"
    return {
        "type": "excalidraw",
        "version": 2,
        "source": "https://excalidraw.com",
        "elements": [
            element("rectangle", 0, backgroundColor="#ffc9c9", fillStyle="hachure"),
            element("diamond", 1, roundness=None, strokeStyle="dashed"),
            element("ellipse", 2, angle=0.7, backgroundColor="#a5d8ff", fillStyle="cross-hatch"),
            element("line", 3, points=path, roundness={"type": 2}, startArrowhead=None, endArrowhead=None),
            element("arrow", 4, points=path, startArrowhead="dot", endArrowhead="arrow", elbowed=False, startBinding=None,
                    endBinding=None),
            element("freedraw", 5, points=path, pressures=[0.25, 0.5, 0.75, 0.5], simulatePressure=False),
            element("text", 6, text=words, originalText=words, fontSize=20, fontFamily=5, textAlign="left", verticalAlign="top",
                    lineHeight=1.25, containerId=None, autoResize=True),
            element("image", 7, fileId=FILE_ID, status="saved", scale=[1, 1], crop=None),
            element("frame", 8, name="Board", roundness=None),
        ],
        "appState": {"gridSize": 20, "viewBackgroundColor": "#ffffff"},
        "files": {
            FILE_ID: {
                "mimeType": "image/png",
                "id": FILE_ID,
                "dataURL": "data:image/png;base64," + b64encode(picture_data).decode(),
                "created": 1_750_000_000_000,
            }
        },
    }  # fmt: skip


def excalidraw(**changes: Any) -> bytes:
    return json.dumps(scene() | changes).encode()


def presentation(slides: int = 2, more: str = "") -> bytes:
    """An ODP with a title on each slide, and whatever else should be in its frame's place."""
    text = "".join(
        f'<draw:page draw:name="p{n}"><draw:frame svg:x="2cm" svg:y="2cm" svg:width="20cm" svg:height="3cm"><draw:text-box>'
        f'<text:p>Slide {n}</text:p></draw:text-box></draw:frame><draw:frame svg:width="5cm" svg:height="5cm">{more}</draw:frame>'
        "</draw:page>"
        for n in range(1, slides + 1)
    )
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
        'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" office:version="1.3"><office:body>'
        f"<office:presentation>{text}</office:presentation></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.presentation"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    return packed(
        {"mimetype": ODP.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )


ODP = "application/vnd.oasis.opendocument.presentation"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
    b'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
    b'PartName="/ppt/presentation.xml" ContentType="%s.main+xml"/></Types>' % PPTX.encode()
)


def packed(parts: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in parts.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else how)
    return out.getvalue()


def zip_bomb(size: int) -> bytes:
    """A PPTX with a part of so many zeros."""
    return packed({"[Content_Types].xml": TYPES, "ppt/media/image1.png": bytes(size)})


def zip_that_lies(size: int) -> bytes:
    """A PPTX with a part that says it has 1,000 bytes and has `size`."""
    data = bytearray(zip_bomb(size))
    claimed, true = struct.pack("<I", 1_000), struct.pack("<I", size)
    assert true in data
    return bytes(data.replace(true, claimed))


def zip_that_overlaps(times: int) -> bytes:
    """A PPTX whose directory names the same packed bytes many times (as in 42.zip without nesting)."""
    single = packed({"[Content_Types].xml": TYPES, "a": bytes(1 << 20)})
    end = single.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", single[end + 16 : end + 20])[0]
    directory = single[start:end]
    second = directory.index(b"PK\x01\x02", 4)
    entries = directory[:second] + directory[second:] * times
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, times + 1, times + 1, len(entries), start, 0)
    return single[:start] + entries + tail
