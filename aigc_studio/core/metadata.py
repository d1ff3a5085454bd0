"""A recipe inside the file it made, beside the labels that say "AI-generated" to people and to other programs.

Pictures: PNG text chunks (`aigc_studio`, `parameters` as other tools show it, `AIGC`) and XMP; JPEG, WebP: XMP.
Sounds: WAV chunks; FLAC, OGG, Opus and MP3 tags. Texts: Markdown front matter. Three labels go into each:
IPTC Digital Source Type, the field `AIGC` of the Chinese standard GB 45438-2025, and our own recipe.

Used by the engine's child process as well as by the project: Qt-free, no database. Every file is written beside its
target, flushed, fsynced and renamed. `read_recipe` reads only the parts it needs and never raises on a broken file.
"""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.oggopus
import mutagen.oggvorbis
import numpy as np
import soundfile
from PIL import Image, PngImagePlugin

from . import recipe as recipes
from .errors import StudioError
from .i18n import N_
from .png import COLOUR_TYPES, write_png
from .store.files import write_atomically

__all__ = ["read_recipe", "read_text", "write_audio", "write_image", "write_text"]

_KEY = "aigc_studio"
_XMP_KEY = "XML:com.adobe.xmp"
_NAMESPACE = "https://aigc-studio.example/ns/1.0/"
_HEAD_LIMIT = 8 << 20  # of metadata that is read: a recipe is some KB, and a broken length must not fill the memory
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)  # xml.sax.saxutils would bring in all that reads from the web, in each process that writes a file
_XMP_LIMIT = 60_000  # a JPEG holds 65,533 bytes of XMP; a recipe beyond that is left out, the labels are not
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


# --- pictures


def write_image(
    path: Path, image: Image.Image, recipe: Mapping[str, Any], check: Callable[[], None] | None = None
) -> None:
    """Write `image` with its recipe: PNG, or JPEG or WebP when `path` says so. Modes L, LA, RGB, RGBA.

    `check` is called between the bands of a PNG; what it raises ends the writing and leaves no file.
    """
    suffix = path.suffix.lower()
    xmp = _xmp(recipe, embed=suffix != ".png")
    with write_atomically(path) as file:
        if suffix == ".png":
            info = PngImagePlugin.PngInfo()
            info.add_itxt(_KEY, recipes.dumps(recipe))
            if recipe["request"]:
                info.add_itxt("parameters", _parameters(recipe))
            if recipe.get("ai_generated"):
                info.add_itxt("AIGC", _aigc_label(recipe))
            info.add_text("Software", recipes.APP)
            info.add_itxt(_XMP_KEY, xmp)
            plain = image if image.mode in COLOUR_TYPES else image.convert("RGBA")
            write_png(file, plain, ((name, data) for name, data, *_ in info.chunks), check)
        elif suffix == ".webp":
            image.save(file, "WEBP", quality=95, method=2, xmp=xmp.encode("utf-8"))
        elif suffix in (".jpg", ".jpeg"):
            image.convert("RGB").save(file, "JPEG", quality=95, subsampling=0, xmp=xmp.encode("utf-8"))
        else:
            raise StudioError(
                N_('Pictures cannot be written as "{suffix}"; use PNG, JPEG or WebP.'), code="format", suffix=suffix
            )


def _parameters(recipe: Mapping[str, Any]) -> str:
    """The prompt and settings as A1111 and its descendants write them, so that other tools show them."""
    request = recipe["request"]
    params = dict(request.get("params", {}))
    negative = params.pop("negative_prompt", params.pop("negative", ""))
    settings = {"Steps": params.pop("steps", None), "Seed": recipe.get("seed"), "Size": params.pop("size", None)}
    settings |= {"Model": request.get("model") or request.get("family")}
    settings |= {str(key).replace("_", " ").capitalize(): value for key, value in params.items()}
    size = settings["Size"]
    if isinstance(size, list | tuple) and len(size) == 2:
        settings["Size"] = f"{size[0]}x{size[1]}"
    lines = [str(request.get("prompt", ""))]
    if negative:
        lines.append(f"Negative prompt: {negative}")
    shown = {key: value for key, value in settings.items() if value is not None}
    lines.append(", ".join(f"{key}: {value}" for key, value in shown.items()) + f", Version: {recipes.APP}")
    return "\n".join(lines).encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def _aigc_label(recipe: Mapping[str, Any]) -> str:
    """The implicit label of GB 45438-2025, annex E: one JSON object under the key `AIGC`."""
    fields = {"Label": "1", "ContentProducer": recipes.APP, "ProduceID": str(recipe.get("asset_id", ""))}
    rest = ("ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2")
    return json.dumps({"AIGC": fields | dict.fromkeys(rest, "")}, ensure_ascii=False)


def _xmp(recipe: Mapping[str, Any], *, embed: bool) -> str:
    attributes = {
        "xmp:CreatorTool": f"{recipe.get('app', recipes.APP)} {recipe.get('app_version', '')}".strip(),
        "xmp:CreateDate": str(recipe.get("created", "")),
        "aigc:assetId": str(recipe.get("asset_id", "")),
        "aigc:jobId": str(recipe.get("job_id", "")),
        "aigc:index": str(recipe.get("index", 0)),
    }
    if recipe.get("ai_generated"):
        attributes["Iptc4xmpExt:DigitalSourceType"] = recipes.digital_source_type(recipe)
        attributes["aigc:AIGC"] = _aigc_label(recipe)
    if embed:
        packed = base64.b64encode(zlib.compress(recipes.dumps(recipe).encode("utf-8"))).decode("ascii")
        if len(packed) < _XMP_LIMIT:
            attributes["aigc:recipe"] = packed
    lines = "\n   ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about=""\n   xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        '   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
        f'   xmlns:aigc="{_NAMESPACE}"\n   {lines}/>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    )


def _quoted(text: str) -> str:
    """The value of an attribute of XML."""
    return f'"{text.translate(_ENTITIES)}"'


def _to_ascii(text: str) -> str:
    """JSON again with escapes only: ID3 ends a text at its first NUL, and JSON can name every character."""
    return json.dumps(json.loads(text), separators=(",", ":"))


# --- sounds


def write_audio(path: Path, samples: np.ndarray, rate: int, recipe: Mapping[str, Any]) -> None:
    """Write sound with its recipe. samples: float32 in [-1, 1], (n,) or (n, channels); rate: Hz.

    An empty recipe is none: sound that a person recorded gets no label.
    The suffix says the format: .wav and .flac (16 bit), .ogg (Vorbis), .opus, .mp3.
    """
    suffix = path.suffix.lower()
    formats = {
        ".wav": ("WAV", "PCM_16"),
        ".flac": ("FLAC", "PCM_16"),
        ".ogg": ("OGG", "VORBIS"),
        ".opus": ("OGG", "OPUS"),
        ".mp3": ("MP3", "MPEG_LAYER_III"),
    }
    if suffix not in formats:
        raise StudioError(
            N_('Sound cannot be written as "{suffix}"; use WAV, FLAC, OGG, Opus or MP3.'), code="format", suffix=suffix
        )
    kind, subtype = formats[suffix]
    buffer = io.BytesIO()
    # Rounded here and not in libsndfile, whose scaling differs between builds: same samples, same file.
    clean = np.nan_to_num(np.asarray(samples, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
    pcm = np.rint(clean * 32767.0).astype(np.int16) if subtype == "PCM_16" else clean
    try:
        soundfile.write(buffer, pcm, int(rate), format=kind, subtype=subtype)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise StudioError(
            N_("Sound of {rate} Hz cannot be written as {suffix}; choose WAV."),
            code="format",
            detail=repr(error),
            rate=rate,
            suffix=suffix,
        ) from error
    buffer.seek(0)
    if suffix == ".wav":
        data = _wav_with_chunks(buffer.getvalue(), recipe)
    else:
        _tag(buffer, suffix, recipe)
        data = buffer.getvalue()
    with write_atomically(path) as file:
        file.write(data)


def _wav_with_chunks(data: bytes, recipe: Mapping[str, Any]) -> bytes:
    texts = {"INAM": recipes.title_for(recipe), "ISFT": recipes.APP}
    if recipe.get("ai_generated"):
        texts["ICMT"] = f"AI-generated ({recipes.digital_source_type(recipe)})"
    info = b"INFO" + b"".join(
        _chunk(name.encode("ascii"), text.encode("utf-8") + b"\0") for name, text in texts.items() if text
    )
    body = data[12:] + b"\0" * (len(data) % 2) + _chunk(b"LIST", info)
    if recipe:
        body += _chunk(b"aigc", recipes.dumps(recipe).encode("utf-8"))
        body += _chunk(b"_PMX", _xmp(recipe, embed=False).encode("utf-8"))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def _tag(buffer: IO[bytes], suffix: str, recipe: Mapping[str, Any]) -> None:
    values = {_KEY: recipes.dumps(recipe)} if recipe else {}
    if recipe.get("ai_generated"):
        values |= {"AIGC": _aigc_label(recipe), "DigitalSourceType": recipes.digital_source_type(recipe)}
    title = recipes.title_for(recipe)
    if suffix == ".mp3":
        tags = mutagen.id3.ID3()
        tags.add(mutagen.id3.TIT2(encoding=3, text=[title]))
        tags.add(mutagen.id3.TSSE(encoding=3, text=[recipes.APP]))
        for name, text in values.items():
            tags.add(mutagen.id3.TXXX(encoding=3, desc=name, text=[_to_ascii(text) if name == _KEY else text]))
        tags.save(buffer)
        return
    kinds = {".flac": mutagen.flac.FLAC, ".ogg": mutagen.oggvorbis.OggVorbis, ".opus": mutagen.oggopus.OggOpus}
    file = kinds[suffix](buffer)
    if file.tags is None:
        file.add_tags()
    for name, text in {**values, "TITLE": title, "ENCODER": recipes.APP}.items():
        file[name.upper()] = text
    buffer.seek(0)
    file.save(buffer)


# --- texts

_FRONT = re.compile(rb"\A---\n(.*?\n)---\n\n?", re.DOTALL)


def write_text(path: Path, text: str, recipe: Mapping[str, Any]) -> None:
    """Write `text` as Markdown with the recipe as front matter (JSON is YAML)."""
    head: dict[str, Any] = {"title": recipes.title_for(recipe)}
    if recipe.get("ai_generated"):
        head |= {
            "ai_generated": True,
            "digital_source_type": recipes.digital_source_type(recipe),
            "AIGC": json.loads(_aigc_label(recipe))["AIGC"],
        }
    head[_KEY] = recipe
    lines = [f"{name}: {_to_yaml(value)}" for name, value in head.items()]
    data = "---\n" + "\n".join(lines) + "\n---\n\n" + text
    with write_atomically(path) as file:
        file.write(data.encode("utf-8", "replace"))


def _to_yaml(value: Any) -> str:
    """One line of JSON in which nothing but printable characters stand, so that every YAML parser takes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def read_text(path: Path) -> str:
    """A text file without its front matter; bytes that are not UTF-8 are replaced."""
    data = path.read_bytes()
    match = _FRONT.match(data)
    if match and _front_recipe(match.group(1)) is not None:
        data = data[match.end() :]
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def _front_recipe(head: bytes) -> dict[str, Any] | None:
    for line in head.split(b"\n"):
        if line.startswith(_KEY.encode() + b": "):
            return recipes.loads(line.partition(b": ")[2])
    return None


# --- reading


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe a file carries; None when it carries none, is broken, or is not there. Never raises."""
    try:
        with open(path, "rb") as file:
            start = file.read(16)
            file.seek(0)
            if start.startswith(_PNG_SIGNATURE):
                return _from_png(file)
            if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
                return _from_wav(file)
            if start[:3] == b"\xff\xd8\xff" or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
                return _from_xmp(file)
            if start.startswith(b"---\n"):
                match = _FRONT.match(file.read(_HEAD_LIMIT))
                return _front_recipe(match.group(1)) if match else None
            return _from_tags(file)
    except Exception:  # noqa: BLE001  foreign bytes in four parsers; Pillow and mutagen raise what comes
        return None


def _from_png(file: IO[bytes]) -> dict[str, Any] | None:
    file.seek(8)
    for name, payload in _chunks(file, ">I4s", wanted=(b"iTXt",), end=(b"IDAT", b"IEND"), trailer=4):
        if name == b"iTXt":
            key, _, rest = payload.partition(b"\0")
            if key == _KEY.encode() and len(rest) > 2:
                text = rest[2:].split(b"\0", 2)[-1]  # language, translated key, text
                if rest[0]:
                    text = zlib.decompressobj().decompress(text, _HEAD_LIMIT)
                return recipes.loads(text)
    return None


def _from_wav(file: IO[bytes]) -> dict[str, Any] | None:
    file.seek(12)
    for _, payload in _chunks(file, "<4sI", wanted=(b"aigc",), pad=True):
        return recipes.loads(payload)
    return None


def _chunks(
    file: IO[bytes],
    head: str,
    *,
    wanted: tuple[bytes, ...],
    end: tuple[bytes, ...] = (),
    trailer: int = 0,
    pad: bool = False,
) -> Iterator[tuple[bytes, bytes]]:
    while len(start := file.read(8)) == 8:
        first, second = struct.unpack(head, start)
        name, length = (first, second) if isinstance(first, bytes) else (second, first)
        if name in end:
            return
        skip = trailer + (length % 2 if pad else 0)
        if name in wanted and length <= _HEAD_LIMIT:
            payload = file.read(length)
            if len(payload) < length:
                return
            yield name, payload
            file.seek(skip, io.SEEK_CUR)
        else:
            file.seek(length + skip, io.SEEK_CUR)


_XMP_RECIPE = re.compile(rb'aigc:recipe="([A-Za-z0-9+/=]+)"')


def _from_xmp(file: IO[bytes]) -> dict[str, Any] | None:
    with Image.open(file, formats=("JPEG", "WEBP")) as image:
        xmp = image.info.get("xmp", b"")
    match = _XMP_RECIPE.search(xmp if isinstance(xmp, bytes) else str(xmp).encode("utf-8"))
    if not match:
        return None
    return recipes.loads(zlib.decompressobj().decompress(base64.b64decode(match.group(1)), _HEAD_LIMIT))


def _from_tags(file: IO[bytes]) -> dict[str, Any] | None:
    try:
        found = mutagen.File(file)  # pyright: ignore[reportPrivateImportUsage]
    except mutagen.MutagenError:  # pyright: ignore[reportPrivateImportUsage]
        return None
    if found is None or found.tags is None:
        return None
    if isinstance(found.tags, mutagen.id3.ID3):
        frames = found.tags.getall(f"TXXX:{_KEY}")
        return recipes.loads(str(frames[0].text[0])) if frames and frames[0].text else None
    value = found.tags.get(_KEY.upper()) if hasattr(found.tags, "get") else None
    return recipes.loads(value[0]) if value else None
