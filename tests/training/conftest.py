"""A data folder in the shape of the real one, small enough to learn in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

POEMS = [
    {"title": "静夜思", "lines": ["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。"]},
    {"title": "早发白帝城", "lines": ["朝辞白帝彩云间，千里江陵一日还。", "两岸猿声啼不住，轻舟已过万重山。"]},
    {"title": "春晓（一作春眠）", "lines": ["春眠不觉晓，处处闻啼鸟。", "夜来风雨声（一作欲知昨夜风），花落知多少。"]},
    {"title": "残", "lines": ["□□明月光，疑是地上霜。"]},
    {"title": "又", "lines": ["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。"]},
    {"title": "登鹳雀楼", "lines": ["白日依山尽，黄河入海流。", "欲穷千里目，更上一层楼。"]},
    {"title": "江雪", "lines": ["千山鸟飞绝，万径人踪灭。", "孤舟蓑笠翁，独钓寒江雪。"]},
    {"title": "鹿柴", "lines": ["空山不见人，但闻人语响。", "返景入深林，复照青苔上。"]},
]
TALES = [
    {"kind": "fable", "title": "The Fox", "text": "A hungry Fox saw some fine grapes. He could not reach them."},
    {
        "kind": "tale",
        "title": "The King",
        "text": "There was a king.\u2060 He had a daughter.\n“Good day,” said she.",
    },
    {"kind": "poem", "title": "", "text": "I celebrate myself,\nAnd sing myself,"},
    {"kind": "recipe", "title": "Soup", "text": "Not a form we know."},
    {"kind": "fable", "title": "The Crow", "text": "A Crow had found a piece of cheese. The Fox said: sing! She sang."},
]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder."""
    folder = tmp_path_factory.mktemp("data")
    for name, file, records in (
        ("tang-poems", "poems.jsonl", POEMS),
        ("english-tales", "texts.jsonl", TALES),
    ):
        (folder / name).mkdir()
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (folder / name / file).write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return folder
