"""Separate what a PNG file says about its picture from the pixels, wherever in the file it stands."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 16 << 20
"""Bytes of one text or profile after decompression; a longer one is left out."""

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_CHUNKS = (b"iCCP", b"eXIf", b"cICP", b"cHRM", b"gAMA", b"sRGB")
_NOT_DECODED = (*_TEXTS, b"iCCP", b"eXIf")
_SIZES = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}


@dataclass
class PngParts:
    """A PNG file in two parts: one for the decoder and what is said about it."""

    decodable: BinaryIO
    """The file without texts and profiles: decoders refuse long ones, and the picture with them."""
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    """Kind: data of the first chunk of that kind; without texts."""
    texts: dict[str, bytes] = field(default_factory=dict)
    """Keyword: text."""

    def profile(self) -> bytes:
        """Return the colour profile, b'' without one."""
        _, _, rest = self.chunks.get(b"iCCP", b"").partition(b"\0")
        return _inflate(rest[1:])

    def raw_profile(self, *kinds: str) -> bytes:
        """Return the bytes that ImageMagick and others write as hexadecimal text, b'' without."""
        for kind in kinds:
            match = re.fullmatch(
                rb"\s*[^\n]*\n\s*\d+\s+([0-9a-fA-F\s]*)", self.texts.get(f"Raw profile type {kind}", b"")
            )
            digits = b"".join(match[1].split()) if match else b""
            if digits:
                return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
        return b""


def split_png(file: BinaryIO) -> PngParts:
    """Return the parts of a PNG file. A truncated file is handed to the decoder as it is, which names the damage."""
    parts = PngParts(file)
    end_of_file = file.seek(0, io.SEEK_END)
    kept, begin, place = [], 0, len(SIGNATURE)
    while file.seek(place) + 12 <= end_of_file:
        head = file.read(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        end = place + 12 + size
        if end > end_of_file or kind == b"IEND":
            break
        if kind in _TEXTS:
            _add_text(parts.texts, kind, file.read(size))
        elif kind in _CHUNKS:
            parts.chunks.setdefault(kind, file.read(size))
        if kind in _NOT_DECODED or size != _SIZES.get(kind, size):
            kept.append((begin, place))
            begin = end
        place = end
    if kept:
        parts.decodable = io.BytesIO(b"".join(_slice(file, *span) for span in [*kept, (begin, end_of_file)]))
    return parts


def _slice(file: BinaryIO, begin: int, end: int) -> bytes:
    file.seek(begin)
    return file.read(end - begin)


def _add_text(texts: dict[str, bytes], kind: bytes, data: bytes) -> None:
    keyword, _, rest = data.partition(b"\0")
    name = keyword.decode("latin-1")
    if name in texts or not (name.startswith("Raw profile type ") or name == "XML:com.adobe.xmp"):
        return  # of all texts, only these hold something that results keep
    if kind == b"zTXt":
        rest = _inflate(rest[1:])
    elif kind == b"iTXt":
        is_compressed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]
        rest = _inflate(rest) if is_compressed else rest
    texts[name] = rest if len(rest) <= MAX_TEXT else b""


def _inflate(data: bytes) -> bytes:
    """Return the decompressed data, b'' for data that is damaged or longer than MAX_TEXT."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, MAX_TEXT)
    except zlib.error:
        return b""
    return b"" if inflater.unconsumed_tail else plain
