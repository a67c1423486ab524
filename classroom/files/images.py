"""An image, decoded within bounds and written anew (in a worker process).

What always holds of what is written: it is one picture and nothing else, made by our own encoder from pixels, so that whatever
was before, between and after them in the file (a page, a program, an archive, where somebody lives) is gone; it is upright,
in sRGB, and of bounded size.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from classroom.files.kinds import HEAD, Kind, need_image
from classroom.kernel import Rejected

FORMATS = {Kind.PNG: "PNG", Kind.JPEG: "JPEG", Kind.WEBP: "WEBP"}
QUALITY = 90
SRGB = ImageCms.createProfile("sRGB")


def read_image(source: Path | bytes, target: Path, pixels: int, side: int) -> tuple[int, int]:
    """Write the picture in `source` to `target`, with at most `side` px a side: its width and height.

    Raises `Rejected`: "unsupported_media_type", "too_large" (of more than `pixels`), "bad_file".
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = pixels
    file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    with file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        kind = need_image(file.read(HEAD))
        file.seek(0)
        try:
            with Image.open(file, formats=[FORMATS[kind]]) as image:
                if image.width * image.height > pixels:
                    raise Image.DecompressionBombError
                image.load()
                picture = _upright(image)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
            raise Rejected("too_large", f"An image has at most {pixels} pixels.") from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
            raise _broken() from error
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    _write(picture, kind, target)
    return picture.width, picture.height


def _upright(image: Image.Image) -> Image.Image:
    """The first picture as its camera held it, in RGB or RGBA of the web's colours."""
    profile = image.info.get("icc_profile")
    turned = ImageOps.exif_transpose(image)
    transparent = turned.has_transparency_data
    if profile and turned.mode in ("RGB", "CMYK", "L"):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(turned, given, SRGB, outputMode="RGB")
            if converted is not None and not transparent:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that cannot be read counts for nothing
    if turned.mode.startswith("I"):  # 16 bits a pixel
        turned = turned.point(lambda value: value / 256).convert("L")
    return turned.convert("RGBA" if transparent else "RGB")


def _write(picture: Image.Image, kind: Kind, target: Path) -> None:
    clean = Image.frombytes(
        picture.mode, picture.size, picture.tobytes()
    )  # pixels, and nothing that was said about them
    match kind:
        case Kind.JPEG:
            clean.save(target, "JPEG", quality=QUALITY, optimize=True)
        case Kind.WEBP:
            clean.save(target, "WEBP", quality=QUALITY, method=4)
        case _:
            clean.save(target, "PNG", compress_level=6)


def _broken() -> Rejected:
    return Rejected("bad_file", "This image is broken or not whole.")
