"""Headers of safetensors files: whole ones, cut ones, lying ones, huge ones; indexes that name files elsewhere."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import StudioError
from aigc_studio.core.library.weights import check_safetensors, identity, read_header, weight_files

from .model_kit import put, safetensors


def raw(path: Path, header: object, body: int = 0) -> Path:
    """A file with this header, as JSON or as bytes, and so many bytes after it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(body))
    return path


def code(path: Path) -> str:
    """Code of the sentence that reading raises, "" when the file is fine."""
    try:
        read_header(path)
    except StudioError as error:
        return error.code if "{" not in str(error) else str(error)
    return ""


def test_a_whole_file(tmp_path: Path) -> None:
    """Names, shapes, metadata, sizes."""
    path = safetensors(tmp_path / "a.safetensors", {"a": (2, 3), "b": (), "c": (0, 4)}, {"format": "pt"})
    header = read_header(path)
    assert {name: tensor.shape for name, tensor in header.tensors.items()} == {"a": (2, 3), "b": (), "c": (0, 4)}
    assert header.metadata == {"format": "pt"}
    assert header.bytes == 14
    assert header.size == path.stat().st_size


def test_as_the_library_writes_it(tmp_path: Path) -> None:
    """Every number format that torch has and the format knows."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    kinds = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    tensors = {name: torch.zeros(3, 5).to(getattr(torch, name)) for name in (*kinds, "float8_e4m3fn", "float8_e5m2")}
    save_file(tensors, tmp_path / "a.safetensors")
    assert read_header(tmp_path / "a.safetensors").tensors.keys() == tensors.keys()


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    """A tensor in a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ([], 0),
        ("text", 0),
        (b"{", 0),
        (b"\xff\xfe", 0),
        ({"a": 5}, 0),
        ({"a": {"dtype": "F32", "shape": [2]}}, 8),
        ({"a": entry([2], 0, 8)}, 7),
        ({"a": entry([2], 0, 8)}, 9),
        ({"a": entry([2], 8, 16)}, 16),
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, 12),
        ({"a": entry([2], 0, 8), "b": entry([2], 12, 20)}, 20),
        ({"a": entry([4], 0, 8)}, 8),
        ({"a": entry([-2], 0, 8)}, 8),
        ({"a": entry([2], -8, 8)}, 8),
        ({"a": entry([2], 8, 0)}, 8),
        ({"a": entry([1 << 40, 1 << 40], 0, 8)}, 8),
        ({"a": entry([1 << 70], 0, 8)}, 8),
        ({"a": entry([True], 0, 4)}, 4),
        ({"a": entry([2.0], 0, 8)}, 8),  # type: ignore[list-item]
        ({"a": entry([2], 0, 8, 7)}, 8),  # type: ignore[arg-type]
        ({"a": {**entry([2], 0, 8), "data_offsets": [0, 4, 8]}}, 8),
    ],
)
def test_a_lying_header(tmp_path: Path, header: object, body: int) -> None:
    """One sentence, whatever it says."""
    assert code(raw(tmp_path / "a.safetensors", header, body)) == "model-damaged"


def test_every_cut_is_found(tmp_path: Path) -> None:
    """At every length."""
    path = safetensors(tmp_path / "a.safetensors", {"a": (2, 3), "b": (5,)})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert code(path) == "model-damaged"
    path.write_bytes(content + b"x")
    assert code(path) == "model-damaged"


@given(st.binary(max_size=400))
def test_noise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any bytes: a sentence, or, for the empty header that is one, nothing."""
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(content)
    assert code(path) in ("model-damaged", "")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["a", "dtype", "shape", "data_offsets", "__metadata__"]), inner)
        ),
        max_leaves=20,
    )
)
def test_odd_headers(tmp_path_factory: pytest.TempPathFactory, header: object) -> None:
    """Any JSON."""
    path = raw(tmp_path_factory.getbasetemp() / "odd.safetensors", header)
    assert code(path) in ("model-damaged", "")


def test_huge_headers_are_not_read(tmp_path: Path) -> None:
    """100 MB of header, a length beyond the file, brackets a million deep: an answer at once."""
    started = time.perf_counter()
    path = tmp_path / "a.safetensors"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 100_000_000) + b"{")
        file.truncate(200_000_000)
    assert code(path) == "model-damaged"
    path.write_bytes(struct.pack("<Q", (1 << 64) - 1) + b"{}")
    assert code(path) == "model-damaged"
    assert code(raw(path, b"[" * 1_000_000)) == "model-damaged"
    assert code(raw(path, b'{"a":' * 100_000)) == "model-damaged"
    assert time.perf_counter() - started < 5
    assert code(tmp_path) == "model-damaged"
    assert code(tmp_path / "none") == "model-damaged"


def test_which_files_there_are(tmp_path: Path) -> None:
    """The plain one before shards before a variant."""
    safetensors(tmp_path / "model.fp16.safetensors", {})
    assert weight_files(tmp_path) == ("fp16", (tmp_path / "model.fp16.safetensors",))
    put(
        tmp_path / "model.safetensors.index.json",
        {"weight_map": {"a": "model-2.safetensors", "b": "model-1.safetensors"}},
    )
    with pytest.raises(StudioError) as error:
        weight_files(tmp_path)
    assert error.value.params["name"] == "model-1.safetensors"
    shards = tuple(safetensors(tmp_path / f"model-{number}.safetensors", {}) for number in (1, 2))
    assert weight_files(tmp_path) == ("", shards)
    safetensors(tmp_path / "model.safetensors", {})
    assert weight_files(tmp_path) == ("", (tmp_path / "model.safetensors",))


def test_shards_of_a_variant(tmp_path: Path) -> None:
    """As diffusers names their index."""
    stem = "diffusion_pytorch_model"
    shard = safetensors(tmp_path / f"{stem}.fp16-00001-of-00001.safetensors", {})
    put(tmp_path / f"{stem}.safetensors.index.fp16.json", {"weight_map": {"a": shard.name}})
    assert weight_files(tmp_path, stem) == ("fp16", (shard,))


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/etc/passwd", "a/x.safetensors", "..\\x.safetensors", "..", "", "x" * 5000, "a\0b"]
)
def test_an_index_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Wherever it points, the file is called missing."""
    safetensors(tmp_path / "x.safetensors", {})
    folder = tmp_path / "model"
    safetensors(folder / "a" / "x.safetensors", {})
    put(folder / "model.safetensors.index.json", {"weight_map": {"a": name}})
    with pytest.raises(StudioError) as error:
        weight_files(folder)
    assert error.value.code == "model-incomplete"


@pytest.mark.parametrize("index", [{}, {"weight_map": []}, {"weight_map": {}}, {"weight_map": {"a": 5}}, [], 7])
def test_a_broken_index(tmp_path: Path, index: object) -> None:
    """Not taken for a model without weights."""
    put(tmp_path / "model.safetensors.index.json", index)
    with pytest.raises(StudioError) as error:
        weight_files(tmp_path)
    assert error.value.code == "model-damaged"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "model.ckpt"])
def test_pickles_are_named_as_what_they_are(tmp_path: Path, name: str) -> None:
    """Not as missing weights."""
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(StudioError) as error:
        weight_files(tmp_path)
    assert error.value.code == "model-unsafe"


def test_identity(tmp_path: Path) -> None:
    """The same for the same headers and sizes, another for other shapes; broken files are an error."""
    one = safetensors(tmp_path / "1", {"a": (2, 2)})
    same = safetensors(tmp_path / "2", {"a": (2, 2)})
    other = safetensors(tmp_path / "3", {"a": (4, 1)})
    assert identity([one]) == identity([same]) != identity([other])
    assert identity([one, other]) != identity([other, one])
    (tmp_path / "4").write_bytes(b"1234")
    with pytest.raises(StudioError):
        identity([tmp_path / "4"])
    check_safetensors(one)
