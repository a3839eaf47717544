"""Keep what XMP and IPTC data say about a picture's content and owner; drop what they say about how it was stored."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

MAX_XMP = 1 << 20
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP, _DC = "http://ns.adobe.com/xap/1.0/", "http://purl.org/dc/elements/1.1/"
_PHOTOSHOP, _TIFF = "http://ns.adobe.com/photoshop/1.0/", "http://ns.adobe.com/tiff/1.0/"
_PREFIXES = {
    "x": "adobe:ns:meta/",
    "rdf": _RDF,
    "xmp": _XMP,
    "dc": _DC,
    "photoshop": _PHOTOSHOP,
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}
_KEPT_COMPLETELY = {_PREFIXES[prefix] for prefix in ("xmpRights", "Iptc4xmpCore", "Iptc4xmpExt", "lr", "plus")}
_XMP_KEPT = {"Rating", "Label", "CreateDate", "Nickname"}
_PHOTOSHOP_DROPPED = {"ICCProfile", "ColorMode", "DocumentAncestors", "History", "TextLayers", "SidecarForExtension"}
_IMAGE_RESOURCE_IPTC = 0x0404
_IPTC_STORAGE = {130, 131, 200, 201, 202}
"""Record 2: image type, orientation, and a preview with its format."""

for _prefix, _uri in _PREFIXES.items():
    ElementTree.register_namespace(_prefix, _uri)


def kept_xmp(packet: bytes, without_gps: bool = False) -> bytes:
    """Return an XMP packet of the properties that stay true in a result; b'' where there are none, or it's damaged."""
    root = _parse(packet)
    if root is None:
        return b""
    kept = ElementTree.Element(f"{{{_RDF}}}RDF")
    target = ElementTree.SubElement(kept, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    properties = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
    for description in properties if properties is not None else ():
        for name, value in description.attrib.items():
            if _is_kept(name):
                target.set(name, value)
        for child in description:
            if _is_kept(child.tag) and not (without_gps and _has_gps(child)):
                target.append(child)
    if not len(target) and len(target.attrib) == 1:
        return b""
    meta = ElementTree.Element("{adobe:ns:meta/}xmpmeta")
    meta.append(kept)
    begin = "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n".encode()
    return begin + ElementTree.tostring(meta) + b"\n<?xpacket end='w'?>"


def xmp_orientation(packet: bytes) -> int:
    """Return the value of tiff:Orientation; 1 where there is none."""
    match = re.search(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])", packet[:MAX_XMP])
    return int(match[1]) if match else 1


def _parse(packet: bytes) -> ElementTree.Element | None:
    packet = packet.strip(b"\0 \r\n\t")
    if not packet or len(packet) > MAX_XMP or b"<!" in packet:  # no XMP has entities or document types
        return None
    try:
        return ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def _is_kept(name: str) -> bool:
    uri, _, local = name.removeprefix("{").partition("}")
    if uri in (_XMP, _DC, _PHOTOSHOP):
        return {
            _XMP: local in _XMP_KEPT,
            _DC: local != "format",
            _PHOTOSHOP: local not in _PHOTOSHOP_DROPPED,
        }[uri]
    return uri in _KEPT_COMPLETELY


def _has_gps(element: ElementTree.Element) -> bool:
    return any("GPS" in name for part in element.iter() for name in (part.tag, *part.attrib))


def iptc_of_resources(resources: bytes) -> bytes:
    """Return the IPTC records of Photoshop's image resources; the data itself where it begins as IPTC does."""
    resources = resources.removeprefix(b"Photoshop 3.0\0")
    if resources[:1] == b"\x1c":
        return resources
    position = 0
    while resources[position : position + 4] == b"8BIM" and len(resources) >= position + 12:
        (kind,) = struct.unpack_from(">H", resources, position + 4)
        position += 6 + (resources[position + 6] + 2) // 2 * 2  # a name of its length and an even size
        if len(resources) < position + 4:
            break
        (size,) = struct.unpack_from(">I", resources, position)
        if kind == _IMAGE_RESOURCE_IPTC:
            return resources[position + 4 : position + 4 + size]
        position += 4 + (size + 1) // 2 * 2
    return b""


def kept_iptc(records: bytes) -> bytes:
    """Return the IPTC data sets that stay true in a result, in their order; the rest after a damaged one is dropped."""
    kept, position = b"", 0
    while records[position : position + 1] == b"\x1c" and len(records) >= position + 5:
        record, data_set, size = struct.unpack_from(">BBH", records, position + 1)
        end = position + 5 + size
        if size >= 0x8000 or end > len(records):
            break
        if (record == 2 and data_set not in _IPTC_STORAGE) or (record, data_set) == (
            1,
            90,
        ):  # 1:90: the text's encoding
            kept += records[position:end]
        position = end
    return kept if b"\x1c\x02" in kept else b""


def iptc_resources(records: bytes) -> bytes:
    """Return Photoshop's image resources that hold the IPTC records."""
    size = struct.pack(">I", len(records))
    return b"8BIM" + struct.pack(">H", _IMAGE_RESOURCE_IPTC) + b"\0\0" + size + records + bytes(len(records) % 2)
