"""The list of models: what is in it, what a mistake in it does, and a folder that is not there."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio.core import catalogue, i18n
from aigc_studio.core.catalogue import Entry
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library import importing
from aigc_studio.core.paths import cache_dir, config_dir, data_dir, resources
from aigc_studio.core.requests import KINDS
from aigc_studio.engines import registry

from .library.model_kit import checkpoint_shapes, pipeline, put, safetensors, transformers

GOOD = """
[[model]]
id = "one"
family = "causal-lm"
kind = "text"
title = "One"
folder = "somewhere"
positions = 128

[[model]]
id = "two"
family = "painter"
kind = "image"
[model.title]
en = "Two"
zh_CN = "二"
[model.note]
en = "A note"
"""


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub cache of this test, which is not there yet: never the one of the machine."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf" / "hub"


def found() -> dict[str, Entry]:
    """Everything that was found on the disk, by id."""
    every = (*catalogue.models(), *catalogue.parts(), *catalogue.others())
    return {entry.id: entry for entry in every if entry.found}


def scan() -> dict[str, Entry]:
    """The same after a look at the disk."""
    catalogue.rescan()
    return found()


def llama(folder: Path) -> Path:
    """A writer."""
    return transformers(folder, "LlamaForCausalLM", "llama")


LORA = {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 2048)}


def write(folder: Path, text: str) -> Path:
    """A models.toml with this text."""
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_has_a_model_that_needs_no_download() -> None:
    """And each names a family that exists, of its own kind, in both languages."""
    for kind in KINDS:
        assert bool(catalogue.models(kind)) is (kind not in ("training", "captions"))  # these begin with data
    for entry in catalogue.models():
        assert registry.family(entry.family).kind == entry.kind
        assert entry.titles.keys() >= i18n.LANGUAGES.keys()
        assert entry.notes.keys() >= i18n.LANGUAGES.keys()
        assert entry.licence
        assert catalogue.find(entry.id) == entry


def test_what_is_bundled_is_there() -> None:
    """Nothing that ships is missing."""
    for entry in catalogue.models():
        assert entry.problem is None
    assert catalogue.find("starter-writer").folder == resources() / "models" / "starter-writer"


def test_titles_follow_the_language(tmp_path: Path) -> None:
    """A plain text is for all languages; a missing language takes English."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert (one.title, two.title, two.note) == ("One", "Two", "A note")
    i18n.set_language("zh_CN")
    assert (one.title, two.title, two.note) == ("One", "二", "A note")


def test_other_keys_are_facts(tmp_path: Path) -> None:
    """A family finds them; they cannot be changed."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert dict(one.facts) == {"positions": 128}
    assert dict(two.facts) == {}
    with pytest.raises(TypeError):
        one.facts["positions"] = 1  # type: ignore[index]


def test_a_missing_folder_is_said_when_asked(tmp_path: Path) -> None:
    """A folder that is not bundled is looked for among the user's models, each time anew."""
    one, two = catalogue.read(write(tmp_path, GOOD))
    assert two.folder is None
    assert two.problem is None
    assert one.folder == data_dir() / "models" / "somewhere"
    assert one.problem is not None
    assert one.problem.code == "model-missing"
    assert "One" in str(one.problem)
    (data_dir() / "models" / "somewhere").mkdir(parents=True)
    assert one.problem_now() is None
    assert one.problem is not None  # until the next look at the disk


def test_an_unknown_model_is_an_error() -> None:
    """A recipe from another machine may name it."""
    with pytest.raises(StudioError) as error:
        catalogue.find("llama-9000")
    assert error.value.code == "model-unknown"


@pytest.mark.parametrize(
    "text",
    [
        '[[model]]\nfamily = "x"\nkind = "text"\ntitle = "x"',
        GOOD + '[[model]]\nid = "one"\nfamily = "x"\nkind = "text"\ntitle = "x"',
        '[[model]]\nid = "x"\nfamily = "x"\nkind = "smell"\ntitle = "x"',
        '[[model]]\nid = "x"\nfamily = "x"\nkind = "text"\ntitle = 5',
        "not toml [",
    ],
)
def test_mistakes_in_the_list_are_found(tmp_path: Path, text: str) -> None:
    """They are the author's, so they are loud."""
    with pytest.raises(ValueError):  # noqa: PT011  tomllib's error is one, too
        catalogue.read(write(tmp_path, text))


# Models on the disk ---------------------------------------------------------------------------------------------------


def test_nothing_is_found_without_a_look() -> None:
    """The list is cheap: it reads what the last look found."""
    llama(catalogue.models_folder() / "mine")
    assert found() == {}
    assert catalogue.rescan()
    assert not catalogue.rescan()
    assert found().keys() == {"mine"}
    assert catalogue.find("mine").folder == catalogue.models_folder() / "mine"
    assert catalogue.models()[-1].id == "mine"
    assert catalogue.models("text")[0].id == "starter-writer"


def test_models_of_all_sorts(tmp_path: Path) -> None:
    """In folders that were added, files lying about, in folders of folders."""
    place = tmp_path / "drive"
    pipeline(place / "pictures" / "sd 1.5")
    safetensors(place / "pictures" / "checkpoints" / "xl.safetensors", checkpoint_shapes("sdxl"))
    safetensors(place / "loras" / "ink.safetensors", LORA)
    transformers(place / "bert", "BertModel", "bert")
    (place / "notes").mkdir()
    catalogue.add_folder(place)
    catalogue.add_folder(place)
    entries = scan()
    assert {id: (entry.kind, entry.family) for id, entry in entries.items()} == {
        "sd-1.5": ("image", "stable-diffusion"),
        "xl": ("image", "sdxl"),
        "ink": ("part", ""),
        "bert": ("other", ""),
    }
    assert entries["xl"].file == place / "pictures" / "checkpoints" / "xl.safetensors"
    assert entries["xl"].folder is None
    assert entries["sd-1.5"].title == "sd 1.5"
    assert [entry.id for entry in catalogue.parts(("lora:sdxl",))] == ["ink"]
    assert catalogue.parts(("lora:sd1",)) == ()
    assert {entry.id for entry in catalogue.models("image")} >= {"sd-1.5", "xl"}
    assert "bert" not in {entry.id for entry in catalogue.models()}
    for entry in entries.values():
        assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
        if entry.family:
            assert entry.problem is None
    catalogue.remove_folder(place)
    assert found() == {}
    assert catalogue.folders() == (catalogue.models_folder(),)
    with pytest.raises(StudioError):
        catalogue.add_folder(tmp_path / "none")


def test_folders_within_folders(tmp_path: Path) -> None:
    """Nothing is listed twice, by whatever way it is reached."""
    llama(tmp_path / "a" / "b" / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    for folder in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "link", tmp_path / "a" / "b" / "mine"):
        catalogue.add_folder(folder)
    assert scan().keys() == {"mine"}
    catalogue.remove_folder(tmp_path / "a")
    assert scan().keys() == {"mine"}


def test_changes_are_noticed() -> None:
    """New files, changed files, files that are gone; each model is read again only when its own files changed."""
    folder = llama(catalogue.models_folder() / "a")
    assert scan()["a"].problem is None
    (folder / "tokenizer.json").unlink()
    problem = scan()["a"].problem
    assert problem is not None
    assert problem.code == "model-incomplete"
    put(folder / "tokenizer.json", {})
    assert scan()["a"].problem is None
    shutil.rmtree(folder)
    assert found()["a"].problem is None  # before the next look
    problem = found()["a"].problem_now()
    assert problem is not None
    assert problem.code == "model-missing"
    assert scan() == {}


def test_a_file_that_is_gone() -> None:
    """Said of single files, too."""
    path = safetensors(catalogue.models_folder() / "xl.safetensors", checkpoint_shapes("sdxl"))
    entry = scan()["xl"]
    assert entry.problem is None
    path.unlink()
    problem = entry.problem_now()
    assert problem is not None
    assert problem.code == "model-missing"


def test_a_drive_that_is_away(tmp_path: Path) -> None:
    """Its models stay in the list, with a problem, and come back with it."""
    llama(tmp_path / "drive" / "far")
    catalogue.add_folder(tmp_path / "drive")
    scan()
    (tmp_path / "drive").rename(tmp_path / "away")
    far = scan()["far"]
    for problem in (far.problem, far.problem_now()):
        assert problem is not None
        assert problem.code == "model-missing"
    (tmp_path / "away").rename(tmp_path / "drive")
    assert far.problem_now() is None
    assert scan()["far"].problem is None


def test_the_list_does_not_touch_the_disk_of_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the window asks for is answered from the last look: a drive that does not answer holds up nothing."""
    llama(catalogue.models_folder() / "a")
    scan()

    stat, place = Path.stat, catalogue.models_folder()

    def stuck(path: Path, **how: bool) -> os.stat_result:
        if path.is_relative_to(place):
            raise AssertionError(f"a look at {path}")
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", stuck)
    assert [entry.problem for entry in catalogue.models() if entry.found] == [None]


def test_ids_stay(tmp_path: Path) -> None:
    """Whatever comes before or goes: a recipe names its model for years."""
    llama(tmp_path / "m" / "model")
    catalogue.add_folder(tmp_path / "m")
    assert scan().keys() == {"model"}
    transformers(tmp_path / "a" / "model", "GPT2LMHeadModel", "gpt2")
    catalogue.add_folder(tmp_path / "a")
    llama(catalogue.models_folder() / "painter")  # the name of a model of ours
    entries = scan()
    assert {id: entry.folder for id, entry in entries.items()} == {
        "model": tmp_path / "m" / "model",
        "model-2": tmp_path / "a" / "model",
        "painter-2": catalogue.models_folder() / "painter",
    }
    cache = cache_dir() / "models.json"
    cache.unlink()
    assert {id: entry.folder for id, entry in scan().items()} == {id: entry.folder for id, entry in entries.items()}
    shutil.rmtree(tmp_path / "m" / "model")
    assert scan().keys() == {"model-2", "painter-2"}


def test_a_moved_model_keeps_its_id(tmp_path: Path) -> None:
    """It is the same by its weights, and nothing is left where it was."""
    llama(catalogue.models_folder() / "mine")
    scan()
    shutil.copytree(catalogue.models_folder() / "mine", tmp_path / "other" / "mine")
    catalogue.add_folder(tmp_path / "other")
    assert scan().keys() == {"mine", "mine-2"}
    catalogue.remove_folder(tmp_path / "other")
    shutil.rmtree(tmp_path / "other")
    shutil.move(catalogue.models_folder() / "mine", tmp_path / "new" / "mine")
    catalogue.add_folder(tmp_path / "new")
    assert scan().keys() <= {"mine", "mine-2"}
    assert len(found()) == 1


def test_names_in_the_models_folder_are_ids() -> None:
    """Older recipes name a folder; a path is understood, too."""
    folder = llama(catalogue.models_folder() / "old name (1)")
    assert catalogue.find("old name (1)").folder == folder  # even before the first look
    scan()
    assert catalogue.find("old name (1)").id == "old-name-1"
    assert catalogue.find(str(folder)).id == "old-name-1"
    assert catalogue.known("old name (1)") is None
    other = llama(catalogue.models_folder().parent / "elsewhere")  # of no folder that is looked in
    for id in ("", ".", "..", "none", "../data", "a\0b", "x" * 5000, str(folder.parent / "none"), str(other), "/"):
        with pytest.raises(StudioError) as error:
            catalogue.find(id)
        assert error.value.code == "model-unknown"


def revision(repository: Path, name: str, make: Callable[[Path], Path], *, main: bool = False) -> Path:
    """A revision in a hub cache: its files are links to blobs."""
    snapshot = repository / "snapshots" / name
    make(snapshot)
    for path in [path for path in snapshot.rglob("*") if path.is_file()]:
        blob = repository / "blobs" / f"{name}-{path.name}-{len(path.parts)}-{path.parent.name}"
        blob.parent.mkdir(exist_ok=True)
        path.rename(blob)
        path.symlink_to(os.path.relpath(blob, path.parent))
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(name, encoding="utf-8")
    return snapshot


def test_the_hub_cache(hub: Path) -> None:
    """Its current revisions, under the names of their repositories; interrupted downloads say what is missing."""
    revision(hub / "models--qwen--Qwen3-0.6B", "aaa", llama)
    now = revision(hub / "models--qwen--Qwen3-0.6B", "bbb", llama, main=True)
    broken = revision(hub / "models--x--broken", "ccc", pipeline)
    (hub / "models--x--broken" / "blobs").rename(hub / "gone")
    revision(
        hub / "models--y--ink",
        "ddd",
        lambda folder: safetensors(folder / "pytorch_lora_weights.safetensors", LORA),
    )
    (hub / "models--z--empty" / "blobs").mkdir(parents=True)
    (hub / ".locks").mkdir()
    (hub / "version.txt").write_text("1", encoding="utf-8")
    entries = scan()
    assert hub in catalogue.folders()
    assert {id: entry.title for id, entry in entries.items() if entry.kind != "other"} == {
        "Qwen3-0.6B": "qwen/Qwen3-0.6B",
        "ink": "y/ink",
    }
    assert entries["Qwen3-0.6B"].folder == now
    assert not any(entry.path == broken and entry.problem is None for entry in entries.values())
    revision(hub / "models--qwen--Qwen3-0.6B", "eee", llama, main=True)
    assert scan()["Qwen3-0.6B"].folder == now.parent / "eee"


def test_strange_folders(tmp_path: Path) -> None:
    """Links in a circle, links to nothing, thousands of files, names that are no text, folders that may not be read,
    the configs of other programs: nothing is lost, nothing hangs."""
    place = tmp_path / "p"
    llama(place / "sub" / "good")
    (place / "sub" / "loop").symlink_to(place, target_is_directory=True)
    (place / "self").symlink_to(place / "self")
    (place / "nothing.safetensors").symlink_to(place / "gone")
    put(place / "config.json", {"font_size": 12})  # of the program that owns the folder
    (place / "many").mkdir()
    for number in range(3000):
        (place / "many" / f"{number}.txt").touch()
    odd = os.fsdecode(bytes(place) + b"/caf\xe9")
    try:
        llama(Path(odd))
        names = {"good", "caf"}
    except (OSError, UnicodeError):  # a file system with names in Unicode only
        names = {"good"}
    locked = place / "locked"
    llama(locked / "x")
    locked.chmod(0)
    deep = place
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    try:
        catalogue.add_folder(place)
        started = time.perf_counter()
        entries = scan()
        assert time.perf_counter() - started < 5
    finally:
        locked.chmod(0o700)
    usable = {id for id, entry in entries.items() if entry.problem is None}
    assert names <= usable <= names | {"x"}  # root reads everything
    for entry in entries.values():
        entry.title.encode("utf-8")
        entry.id.encode("utf-8")
        str(entry.problem).encode("utf-8")
        assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"folders": 5}', '{"ids": {"a": 5}}', "[" * 100_000])
@pytest.mark.parametrize("name", ["data/library.json", "cache/models.json", "config/settings.json"])
def test_broken_files_of_ours(home: Path, name: str, content: str) -> None:
    """A list that cannot be read is made anew."""
    llama(catalogue.models_folder() / "mine")
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    assert catalogue.models("image")
    assert scan().keys() == {"mine"}
    catalogue.add_folder(home)
    assert home in catalogue.folders()


def test_where_it_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr("aigc_studio.core.library.store.write_atomically", refuse)
    llama(catalogue.models_folder() / "mine")
    with pytest.raises(StudioError) as error:
        catalogue.rescan()
    assert error.value.code == "library"


def test_a_scan_is_cancelled_and_told(tmp_path: Path) -> None:
    """Between any two folders; what was known stays."""
    for name in ("a", "b", "c"):
        llama(catalogue.models_folder() / name)
    told: list[tuple[int, str]] = []
    catalogue.rescan(progress=lambda count, name: told.append((count, name)))
    assert told == [(0, "a"), (1, "b"), (2, "c")]
    llama(catalogue.models_folder() / "d")
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        catalogue.rescan(check)
    assert found().keys() == {"a", "b", "c"}


def test_the_chosen_models_folder(tmp_path: Path) -> None:
    """Another drive: models of the old place are still found, but nothing new goes there."""
    llama(data_dir() / "models" / "old")
    llama(tmp_path / "big" / "mine")
    put(config_dir() / "settings.json", {"models_folder": str(tmp_path / "big")})
    assert catalogue.models_folder() == tmp_path / "big"
    assert scan().keys() == {"mine", "old"}
    put(config_dir() / "settings.json", {"models_folder": 5})
    assert catalogue.models_folder() == data_dir() / "models"


# What is dropped, chosen, copied --------------------------------------------------------------------------------------


def test_inspect(tmp_path: Path) -> None:
    """A model, a file of one, a folder of several, a LoRA; sentences for the rest."""
    model = pipeline(tmp_path / "in" / "m")
    for path in (model, model / "model_index.json", model / "unet" / "diffusion_pytorch_model.safetensors"):
        (entry,) = catalogue.inspect(path)
        assert (entry.folder, entry.id, entry.problem) == (model, "m", None)
    writer = llama(tmp_path / "in" / "w")
    assert catalogue.inspect(writer / "model.safetensors")[0].folder == writer
    lora = safetensors(tmp_path / "in" / "m.safetensors", LORA)
    (entry,) = catalogue.inspect(lora)
    assert (entry.kind, entry.file) == ("part", lora)
    assert {entry.id for entry in catalogue.inspect(tmp_path / "in")} == {"m", "m-2", "w"}
    (model / "unet" / "config.json").unlink()
    assert catalogue.inspect(model)[0].problem is not None
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for path in (picture, tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(StudioError) as error:
            catalogue.inspect(path)
        assert "{" not in str(error.value)
    catalogue.add_folder(tmp_path / "in")
    ids = {entry.path: entry.id for entry in scan().values()}
    assert {entry.path: entry.id for entry in catalogue.inspect(tmp_path / "in")} == ids


def test_a_checkpoint_beside_a_pipeline(tmp_path: Path) -> None:
    """Repositories hold the same model twice; each can be used."""
    model = pipeline(tmp_path / "in" / "sd")
    single = safetensors(model / "v1-5-pruned.safetensors", checkpoint_shapes())
    safetensors(model / "flux1-dev.safetensors", {"double_blocks.0.img_attn.qkv.weight": (1,)})  # a part of it
    assert {entry.path for entry in catalogue.inspect(model)} == {model, single}
    assert [entry.path for entry in catalogue.inspect(single)] == [single]


def test_a_type_that_a_person_chose() -> None:
    """Kept over looks at the disk, taken back with ""."""
    folder = transformers(catalogue.models_folder() / "new", "NewForCausalLM", "new")
    assert scan()["new"].problem is not None
    entry = catalogue.override("new", "causal-lm")
    assert (entry.id, entry.family, entry.problem) == ("new", "causal-lm", None)
    assert catalogue.find("new") == entry
    assert not catalogue.rescan()
    put(folder / "generation_config.json", {})
    assert scan()["new"].problem is None
    assert catalogue.override("new", "").problem is not None
    assert scan()["new"].problem is not None
    with pytest.raises(ValueError):
        catalogue.override("new", "nonsense")
    with pytest.raises(StudioError):
        catalogue.override("none", "causal-lm")
    assert catalogue.override("painter", "sdxl").family == "painter"


def test_every_type_is_a_family_or_part() -> None:
    """Kinds agree with what the families declare."""
    declared = {family.id: family.kind for family in registry.families()}
    for id, kind in catalogue.FAMILY_KINDS.items():
        assert declared.get(id, kind) == kind


def test_import(tmp_path: Path, hub: Path) -> None:
    """Files behind links, folders in folders; no pickles, no programs; the second of a name beside the first."""
    source = revision(hub / "models--x--mine", "abc", pipeline)
    (source / "unet" / "pytorch_model.bin").write_bytes(b"x")
    (source / "evil.py").write_text("", encoding="utf-8")
    told: list[tuple[int, int]] = []
    target = catalogue.import_model(source, None, lambda done, total: told.append((done, total)))
    assert target == catalogue.models_folder() / "mine"
    assert told[-1][0] == told[-1][1] == importing.space_needed(source)
    copied = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert {"model_index.json", "unet/diffusion_pytorch_model.safetensors", "tokenizer/vocab.json"} <= copied
    assert not any(path.is_symlink() for path in target.rglob("*"))
    assert not {name for name in copied if name.endswith((".bin", ".py"))}
    assert catalogue.inspect(target)[0].problem is None
    assert catalogue.import_model(source).name == "mine-2"
    single = safetensors(tmp_path / "my xl.safetensors", checkpoint_shapes("sdxl"))
    assert catalogue.import_model(single, tmp_path / "other").name == "my-xl.safetensors"
    assert not list(tmp_path.rglob("*.partial"))


def test_import_is_cancelled(tmp_path: Path) -> None:
    """Nothing is left behind, and a half copy of a crash is no model."""
    source = pipeline(tmp_path / "m")
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        catalogue.import_model(source, check=check)
    assert list(catalogue.models_folder().iterdir()) == []
    pipeline(catalogue.models_folder() / "m.partial")
    assert scan() == {}
    assert catalogue.import_model(source).name == "m"
    assert scan().keys() == {"m"}


def test_import_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything is written; a full disk on the way, too."""
    source = llama(tmp_path / "m")
    monkeypatch.setattr(importing, "free_space", lambda folder: 1000)
    with pytest.raises(StudioError) as error:
        catalogue.import_model(source)
    assert error.value.code == "disk-full"
    monkeypatch.undo()
    monkeypatch.setenv("AIGC_STUDIO_HOME", str(tmp_path / "home"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing, "sync_file", full)
    with pytest.raises(StudioError) as error:
        catalogue.import_model(source)
    assert error.value.code == "disk-full"
    assert list(catalogue.models_folder().iterdir()) == []


def test_two_hundred_models_are_quick() -> None:
    """The second look under a second, the list under two milliseconds (generous here: machines are busy)."""
    for number in range(200):
        pipeline(catalogue.models_folder() / f"model {number}")
    scan()
    started = time.perf_counter()
    assert not catalogue.rescan()
    assert time.perf_counter() - started < 3
    catalogue.models()
    started = time.perf_counter()
    for _ in range(20):
        assert len(catalogue.models("image")) == 201
    assert (time.perf_counter() - started) / 20 < 0.02
