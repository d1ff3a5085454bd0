"""What was added stays and is read, whatever stands around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.store import json_lines

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.none(), max_size=3))


@given(parts=st.lists(OBJECTS, max_size=4), torn=st.binary(max_size=20))
def test_what_is_added_is_read_although_a_line_was_cut_off(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[dict[str, Any]]], torn: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_bytes(b'{"file": "' + torn.replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b""))
    for part in parts:
        json_lines.append(path, part)
    assert json_lines.read(path) == [line for part in parts for line in part]


def test_what_is_no_object_and_no_file_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    assert json_lines.read(path) == []
    json_lines.append(path, [])
    assert not path.exists()
    path.write_bytes(b'[1]\n"a"\n' + b"[" * 100_000 + b'\n{"a": 1}\n\xff\n{"b": 2}')
    assert json_lines.read(path) == [{"a": 1}, {"b": 2}]
    assert json_lines.read(path, 4) == []
