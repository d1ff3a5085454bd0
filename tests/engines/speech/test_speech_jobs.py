"""Jobs of the speech models of transformers in a project: files, recipes, lineage, made again sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.project import Project
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.reproduce import reproduce
from aigc_studio.engines.runner import QuietListener, order_for, run_job

NAMES = ("vits-multi", "speecht5", "speecht5-hifigan", "xvector", "bark")


class Ear(QuietListener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, Any]] = []

    def notice(self, text: str, params: Any) -> None:
        self.notices.append((text, params))


@pytest.fixture
def project(home: Path, tmp_path: Path):
    pytest.importorskip("torch")
    from tests.tiny.speech import MAKERS

    for name in NAMES:
        MAKERS[name](catalogue.models_folder() / name)
    assert catalogue.rescan()
    project = Project.create(tmp_path / "project")
    yield project
    project.close()


def test_every_class_is_run_by_its_recipe_and_makes_the_same_sound_again(project: Project, tmp_path: Path) -> None:
    time = np.arange(4 * 16_000) / 16_000
    soundfile.write(tmp_path / "ann.wav", (0.3 * np.sin(900 * time) * np.sin(8 * time)).astype(np.float32), 16_000)
    voice = project.import_file(tmp_path / "ann.wav")
    clip = {"speaker": "clip", "consent": True}
    found = {entry.id: entry for entry in catalogue.models("speech")}
    assert {found[name].family for name in ("vits-multi", "speecht5", "bark")} == {"vits", "speecht5", "bark"}
    engine = LocalEngine()
    for name, params, inputs in (
        ("vits-multi", {"speaker": "2", "rate": "44100"}, {}),
        ("speecht5", clip, {"voice": voice.id}),
        ("bark", {"speaker": "v2/en_speaker_0"}, {}),
    ):
        request = Request(
            "speech", "speak", found[name].family, name, "Hello there. 你 friend ж.", params, 5, 2, inputs
        )
        ear = Ear()
        project.queue.add(request)
        job = project.queue.claim("sound")
        assert job is not None
        job = run_job(project, job, engine, ear)
        assert job.state is JobState.DONE, job.error
        assert ear.notices
        first, second = (project.asset(asset_id_for(job.id, index)) for index in (0, 1))
        assert first is not None
        assert second is not None
        recipe = project.recipe(second.id)
        assert recipe is not None
        assert recipe["info"]["notices"]
        assert recipe["engine"]["model"]["digest"]
        assert recipe["engine"]["params"]["speaker"] == params["speaker"]
        again = reproduce(project, second.id, engine)
        assert again.same, (name, again)
        assert not np.array_equal(
            soundfile.read(project.path(first))[0][:4000], soundfile.read(project.path(second))[0][:4000]
        )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"vocoder": "xvector"}, "part"),
        ({"vocoder": "gone"}, "model-unknown"),
        ({"speaker": "synthetic-9"}, "param"),
        ({"speed": 9}, "param"),
    ],
)
def test_what_cannot_be_is_told_before_the_engine_is_asked(project: Project, params: dict[str, Any], code: str) -> None:
    request = Request("speech", "speak", "speecht5", "speecht5", "Hello", params)
    with pytest.raises(StudioError) as told:
        order_for(project, project.queue.add(request))
    assert told.value.code == code


def test_voices_that_lie_in_a_models_folder_are_offered(project: Project) -> None:
    root = catalogue.models_folder()
    (root / "speecht5" / "speakers").mkdir()
    np.save(root / "speecht5" / "speakers" / "Ann.npy", np.ones(512, np.float32))
    np.savez(root / "bark" / "speaker_embeddings" / "mine.npz", semantic_prompt=np.zeros(3, np.int64))
    offered = {}
    for name in ("speecht5", "bark"):
        (entry,) = catalogue.inspect(root / name)
        params = registry.declared(entry.family, entry.facts).params
        (speaker,) = (param for param in params if param.id == "speaker")
        offered[name] = [choice.value for choice in speaker.choices]
    assert offered["speecht5"][:2] == ["own:Ann", "synthetic-1"]
    assert offered["bark"] == ["", "mine", "v2/en_speaker_0", "v2/zh_speaker_1"]
