"""Small copies of pictures, made when they are first looked at and kept among the objects.

What is stored may be anything, so it is opened as the format its first bytes show and as no other, its size is read
before its pixels, and only some are decoded at a time. EXIF data turns the copy, as it turns the picture in a browser
and in the size it was registered with.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from .objects import ObjectName, Objects, sniff
from .store.lake import THUMBNAILS

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

SIDE = 480
SHOWN_BY_BROWSERS = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"})
_PIXELS = 64_000_000
_AT_ONCE = 4
_LARGEST = 1 << 22


class Thumbnails:
    """The thumbnails of every picture."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._decoding = threading.BoundedSemaphore(_AT_ONCE)

    def of(self, picture: ObjectName) -> ObjectName | None:
        """The name of the thumbnail's object; None for what is no picture, or is too large."""
        name = ObjectName(picture.organization, THUMBNAILS, picture.key)
        if self._objects.has(name):
            return name
        try:
            with self._decoding:
                data = _small(self._objects.path(picture))
        # Decoders say in many ways that bytes are no picture.
        except Exception:  # noqa: BLE001
            return None
        with self._objects.receive(_LARGEST) as incoming:
            incoming.write(data)
            self._objects.replace(incoming, name)
        if not self._objects.has(picture):
            # It was removed meanwhile, perhaps before there was a thumbnail to remove with it.
            self._objects.remove(name)
            return None
        return name


def _small(path: Path) -> bytes:
    from PIL import ImageOps

    with _opened(path) as image:
        if image.width * image.height > _PIXELS:
            raise ValueError("too many pixels")
        # A JPEG is decoded at a fraction of its size.
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        flat = _flattened(image)
        flat.thumbnail((SIDE, SIDE))
        turned = ImageOps.exif_transpose(flat)
        out = io.BytesIO()
        turned.save(out, "JPEG", quality=82)
        return out.getvalue()


def _opened(path: Path) -> Image.Image:
    """The image, opened by the one reader of its format; ``Image.open`` would warn of size, which is checked here."""
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    readers: dict[str, type[Image.Image]] = {
        "image/jpeg": JpegImagePlugin.JpegImageFile,
        "image/png": PngImagePlugin.PngImageFile,
        "image/gif": GifImagePlugin.GifImageFile,
        "image/bmp": BmpImagePlugin.BmpImageFile,
        "image/tiff": TiffImagePlugin.TiffImageFile,
        "image/webp": WebPImagePlugin.WebPImageFile,
    }
    return readers[sniff(path)](path)  # type: ignore[call-arg] # each of them is an ImageFile


def _flattened(image: Image.Image) -> Image.Image:
    """In eight bits a channel, and on white where it was transparent; what EXIF data it had stays with it."""
    from PIL import Image

    exif = image.getexif()
    if image.mode.startswith("I"):
        flat = image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    elif image.has_transparency_data:
        above = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(above, mask=above.getchannel("A"))
    else:
        flat = image.convert("RGB")
    flat.getexif().update(exif)
    return flat
