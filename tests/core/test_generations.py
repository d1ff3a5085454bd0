"""History from assets and recipes: pages, filters, trash, rebuilt index; and what came of what."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.generations import GenerationQuery, ModelUse
from aigc_studio.core.jobs import JobState, new_job_id
from aigc_studio.core.project import Project
from aigc_studio.core.reader import ProjectReader
from aigc_studio.core.requests import Request
from tests.core.project_kit import PICTURE, SPEECH, WORDS, picture, result

OLD = Path(__file__).parent.parent / "data" / "projects" / "format-1"


def make(project: Project, request: Request, made: int = 1, **changes: object) -> tuple[str, list[str]]:
    """A job with its first results; (job id, asset ids)."""
    job = new_job_id()
    ids = [
        project.commit_output(job, index, result(project.folder, job, index, request, **changes)).id
        for index in range(made)
    ]
    return job, ids


@pytest.fixture
def filled(tmp_path: Path):
    """Pictures (2 of 3), speech, words and an edit, one minute apart; and a reader."""
    project = Project.create(tmp_path / "p")
    jobs = {}
    jobs["picture"] = make(project, PICTURE, 2, created="2026-01-01T10:00:00+00:00")
    jobs["speech"] = make(project, SPEECH, created="2026-01-01T10:01:00+00:00")
    jobs["words"] = make(project, WORDS.changed(model="gpt"), created="2026-01-02T10:02:00+00:00")
    edit = PICTURE.changed(task="inpaint", count=1, inputs={"image": jobs["picture"][1][0]}, prompt="a red moon")
    jobs["edit"] = make(project, edit, created="2026-01-03T10:03:00+00:00", parents=[jobs["picture"][1][0]])
    reader = ProjectReader(project.folder)
    yield project, reader, jobs
    reader.close()
    project.close()


def names(reader: ProjectReader, jobs: dict, **query: Any) -> list[str]:
    """What a query finds, by the names of the fixture."""
    of = {job: name for name, (job, _) in jobs.items()}
    asked = GenerationQuery(**query)
    found = [of[generation.job_id] for generation in reader.generations(asked)]
    assert reader.count_generations(asked) == len(found)
    assert [reader.place_of_generation(asked, jobs[name][0]) for name in found] == list(range(len(found)))
    return found


def test_generations_come_newest_first_with_all_that_made_them(filled):
    _, reader, jobs = filled
    assert names(reader, jobs) == ["edit", "words", "speech", "picture"]
    found = reader.generation(jobs["picture"][0])
    assert found is not None
    assert (found.count, found.made, found.shown, found.seed, found.prompt) == (3, 2, 2, 7, PICTURE.prompt)
    assert [asset.id for asset in found.assets] == jobs["picture"][1]
    assert found.state == ""
    assert found.family == "painter"
    assert reader.generation("0" * 32) is None
    assert [g.job_id for g in reader.generations(GenerationQuery(), 1, 2)] == [jobs["words"][0], jobs["speech"][0]]


def test_filters(filled):
    _, reader, jobs = filled
    assert names(reader, jobs, kinds=("image",)) == ["edit", "picture"]
    assert names(reader, jobs, text="blue") == ["picture"]
    assert names(reader, jobs, text="霓虹") == ["picture"]
    assert names(reader, jobs, text="竹林") == ["words"], "words of the text itself"
    assert names(reader, jobs, text="…") == []
    assert names(reader, jobs, model="gpt") == ["words"]
    assert names(reader, jobs, family="painter") == ["edit", "picture"]
    day = 1767312000.0  # 2026-01-02
    assert names(reader, jobs, since=day) == ["edit", "words"]
    assert names(reader, jobs, until=day) == ["speech", "picture"]
    assert names(reader, jobs, since=day, until=day + 86400) == ["words"]
    assert reader.place_of_generation(GenerationQuery(model="gpt"), jobs["edit"][0]) == -1
    assert reader.models_used() == [
        ModelUse("audio", "espeak", ""),
        ModelUse("image", "painter", ""),
        ModelUse("text", "causal-lm", "gpt"),
    ]


def test_many_matches_are_found_by_the_first_result(filled, monkeypatch):
    _, reader, jobs = filled
    monkeypatch.setattr("aigc_studio.core.store.generations._MATCHES_LISTED", 0)
    assert names(reader, jobs, text="blue") == ["picture"]


def test_what_was_trashed_is_still_there_and_what_was_deleted_is_not(filled):
    project, reader, jobs = filled
    job, ids = jobs["picture"]
    project.trash(ids[:1])
    found = reader.generation(job)
    assert found is not None
    assert (found.made, found.shown, found.trashed) == (2, 1, False)
    project.trash(ids)
    found = reader.generation(job)
    assert found is not None
    assert found.trashed
    assert [asset.trashed for asset in found.assets] == [True, True]
    project.restore(ids[1:])
    project.delete_forever(ids[:1])
    found = reader.generation(job)
    assert found is not None
    assert [asset.id for asset in found.assets] == ids[1:]
    assert (found.seed, found.count, found.made) == (8, 3, 1), "the seed of the first result there is"
    project.trash(ids[1:])
    project.delete_forever(ids[1:])
    assert reader.generation(job) is None
    assert names(reader, jobs) == ["edit", "words", "speech"]


def test_the_state_is_the_queues_while_it_knows_the_job(filled):
    project, reader, _ = filled
    job = project.queue.add(PICTURE)
    project.queue.claim("picture")
    project.commit_output(job.id, 0, result(project.folder, job.id, 0))
    found = reader.generation(job.id)
    assert found is not None
    assert found.state == "running"
    project.queue.finish(job.id, JobState.CANCELLED)
    found = reader.generation(job.id)
    assert found is not None
    assert found.state == "cancelled"
    project.queue.clear_finished()
    found = reader.generation(job.id)
    assert found is not None
    assert (found.state, found.made, found.count) == ("", 1, 3)


def test_history_survives_a_lost_index(filled):
    project, reader, jobs = filled
    before = reader.generations(GenerationQuery())
    project.trash(jobs["speech"][1])
    reader.close()
    project.close()
    for path in [*project.folder.glob("project.aigc*"), *(project.folder / "backups").glob("project-*")]:
        path.unlink()
    again = Project.open(project.folder)
    with_reader = ProjectReader(project.folder)
    after = with_reader.generations(GenerationQuery())
    assert [g.job_id for g in after] == [g.job_id for g in before]
    assert [g.request for g in after] == [g.request for g in before]
    assert [g.created for g in after] == [g.created for g in before]
    with_reader.close()
    again.close()


def test_an_old_project_gets_its_history(tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(OLD, folder)
    before = ProjectReader(folder)  # as it is on a medium that cannot be written
    assert before.format == 1
    as_it_is = before.generations(GenerationQuery())
    used = before.models_used()
    before.close()
    Project.open(folder).close()
    after = ProjectReader(folder)
    assert after.format >= 2
    assert as_it_is
    assert after.generations(GenerationQuery()) == as_it_is
    assert after.models_used() == used
    after.close()


def test_a_broken_recipe_breaks_nothing(filled):
    project, reader, jobs = filled
    for text in ("{", '"words"', '{"request": 3, "engine": [], "seed": "x"}'):
        project._connection.execute("UPDATE assets SET recipe=? WHERE id=?", (text, jobs["speech"][1][0]))
        for found in reader.generations(GenerationQuery()):
            assert found.job_id != jobs["speech"][0] or (found.prompt, found.seed) == ("", 0)
    assert len(reader.generations(GenerationQuery())) == 4


def test_the_lineage_of_an_asset_in_levels(filled):
    project, reader, jobs = filled
    first, edited = jobs["picture"][1][0], jobs["edit"][1][0]
    mask = project.store_image(picture(), title="mask", kind="mask")
    third = project.store_image(picture(), title="by hand", parents=(edited, mask.id))
    fourth = project.store_image(picture(), title="again", parents=(third.id, first))
    lineage = reader.lineage(edited)
    assert lineage.levels == {edited: 0, first: -1, third.id: 1, fourth.id: 2}
    assert {(link.parent, link.child, link.task) for link in lineage.links} >= {
        (first, edited, "inpaint"),
        (edited, third.id, ""),
        (third.id, fourth.id, ""),
    }
    assert not lineage.cut
    short = reader.lineage(edited, levels=1)
    assert short.cut
    assert set(short.levels) == {edited, first, third.id}
    few = reader.lineage(edited, most=2)
    assert few.cut
    assert len(few.levels) == 2
    project.trash([first])
    project.delete_forever([first])
    assert reader.lineage(edited).assets[first] is None


def test_a_loop_of_parents_ends(filled):
    project, reader, jobs = filled
    (one,), (two,) = jobs["speech"][1], jobs["words"][1]
    with project._connection.change():
        for pair in ((one, two), (two, one), (one, one)):
            project._connection.execute("INSERT INTO lineage(child, parent) VALUES(?,?)", pair)
    assert set(reader.lineage(one).levels) == {one, two}
    assert len(project.assets(AssetQuery())) == 5
