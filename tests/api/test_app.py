"""What is answered over HTTP: models, jobs and their events, assets, and problems in the asker's language."""

from __future__ import annotations

import io
import itertools
import json
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from aigc_studio.api import guard
from aigc_studio.api.events import MOST_WAITING, Event, Events, Follower
from aigc_studio.api.problems import language_for
from aigc_studio.api.service import Service
from aigc_studio.core import i18n
from aigc_studio.core.project import Project, is_project

PAINT = {"kind": "image", "prompt": "blue waves", "params": {"size": [32, 24]}, "seed": 7}


def follow(client: TestClient, job: str) -> list[tuple[str, dict[str, Any]]]:
    """Every event of a job until its end."""
    answer = client.get(f"/v1/jobs/{job}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        if block and not block.startswith(":"):
            name, _, data = block.partition("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_picture_is_asked_for_followed_and_fetched(client: TestClient) -> None:
    """The same seed makes the same pixels; the asset carries its recipe."""
    answer = client.post("/v1/generate", json={**PAINT, "count": 2})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["request"]["model"], job["request"]["task"]) == ("painter", "generate")
    events = follow(client, job["id"])
    assert events[-1][0] == "end"
    assert events[-1][1]["state"] == "done"
    done = client.get(f"/v1/jobs/{job['id']}").json()
    assert sorted(done["assets"]) == ["0", "1"]
    asset = client.get(f"/v1/assets/{done['assets']['0']}").json()
    assert (asset["width"], asset["height"], asset["recipe"]["seed"]) == (32, 24, 7)
    file = client.get(f"/v1/assets/{asset['id']}/file")
    assert file.headers["content-type"] == "image/png"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    again = client.post("/v1/generate", json=PAINT).json()
    follow(client, again["id"])
    other = client.get(f"/v1/assets/{client.get('/v1/jobs/' + again['id']).json()['assets']['0']}/file")
    pixels = [np.asarray(Image.open(io.BytesIO(each.content))) for each in (file, other)]
    assert (pixels[0] == pixels[1]).all()
    page = client.get("/v1/assets", params={"limit": 2, "offset": 1}).json()
    assert (page["total"], len(page["assets"])) == (3, 2)
    assert client.get("/v1/assets", params={"search": "green"}).json()["total"] == 0
    assert client.get("/v1/assets", params={"kind": ["audio", "text"]}).json()["total"] == 0
    assert [job["state"] for job in client.get("/v1/jobs").json()] == ["done", "done"]
    assert client.get("/v1/jobs", params={"state": "pending"}).json() == []


def test_events_tell_steps_with_previews_texts_notices_and_results(client: TestClient, fake: None) -> None:
    """In the order in which they happen, the notice in the asker's words."""
    script = {"script": "text:Hello notice:colours step:3 save"}
    job = client.post("/v1/generate", json={"kind": "image", "params": script}).json()
    events = follow(client, job["id"])
    names = [name for name, _ in events]
    assert names[-1] == "end"
    told = dict(events)
    if "output" in told:  # whoever comes late hears the end only
        assert told["output"]["asset"]["width"] == 32
    assert client.get(f"/v1/jobs/{job['id']}/events").text.startswith("event: end")


def test_a_follower_sees_a_running_job(client: TestClient, service: Service, fake: None) -> None:
    """Steps with previews while it waits; a cancel ends it within a step, and the stream with it."""
    job = client.post("/v1/generate", json={"kind": "image", "params": {"script": "wait"}}).json()
    seen = threading.Event()

    class Watching(Follower):
        def tell(self, event: Event) -> None:
            super().tell(event)
            if event.name == "progress":
                seen.set()

    watching = Watching(lambda: None)
    service.events.follow(job["id"], watching)
    assert seen.wait(20)
    told = client.get(f"/v1/jobs/{job['id']}").json()
    assert told["state"] == "running"
    assert told["progress"]["total"] == 2
    threading.Timer(0.05, lambda: client.post(f"/v1/jobs/{job['id']}/cancel")).start()
    events = follow(client, job["id"])
    assert events[-1][0] == "end"
    assert events[-1][1]["state"] == "cancelled"
    service.events.leave(job["id"], watching)


def test_a_failure_is_told_with_its_code(client: TestClient, fake: None) -> None:
    """And tried again it starts anew."""
    job = client.post("/v1/generate", json={"kind": "image", "params": {"script": "save fail"}, "count": 2}).json()
    end = follow(client, job["id"])[-1][1]
    assert end["state"] == "failed"
    assert end["error"] == {"code": "scripted", "message": "The script says so."}
    assert list(end["assets"]) == ["0"], "what was made before is kept"
    assert client.post(f"/v1/jobs/{job['id']}/resume").json()["state"] in ("pending", "running", "failed")
    assert follow(client, job["id"])[-1][1]["state"] == "failed"


def test_a_part_of_an_uploaded_picture_is_changed(client: TestClient) -> None:
    """Picture and mask are uploaded as bytes; outside of the mask nothing changes."""
    picture = client.post(
        "/v1/assets", params={"name": "r/../o\\om \n.png"}, content=png(Image.new("RGB", (64, 48), "grey"))
    )
    assert picture.status_code == 201, picture.text
    assert "/" not in picture.json()["title"]
    area = Image.new("L", (64, 48), 0)
    area.paste(255, (0, 0, 24, 48))
    mask = client.post("/v1/assets", params={"name": "mask.png", "kind": "mask"}, content=png(area)).json()
    assert mask["kind"] == "mask"
    inputs = {"image": picture.json()["id"], "mask": mask["id"]}
    asked = {"kind": "image", "prompt": "red sun", "inputs": inputs, "params": {"feather": 4}}
    job = client.post("/v1/generate", json=asked).json()
    assert job["request"]["task"] == "inpaint"
    end = follow(client, job["id"])[-1][1]
    assert end["state"] == "done", end
    file = client.get(f"/v1/assets/{end['assets']['0']}/file").content
    after = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    assert (after[:, 32:] == 128).all()
    assert (after[:, :16] != 128).any()
    assert set(client.get(f"/v1/assets/{end['assets']['0']}").json()["parents"]) == set(inputs.values())


def test_models_and_devices(shared: TestClient) -> None:
    """What there is, and of one model every parameter; no path of this machine is told."""
    models = {row["id"]: row for row in shared.get("/v1/models").json()}
    assert models["painter"]["usable"]
    assert "starter-writer" not in {row["id"] for row in shared.get("/v1/models", params={"kind": "image"}).json()}
    painter = shared.get("/v1/models/painter").json()
    generate = next(task for task in painter["tasks"] if task["id"] == "generate")
    size = next(param for param in generate["params"] if param["id"] == "size")
    assert size["kind"] == "size"
    assert size["high"] >= 4096
    assert "path" not in painter
    devices = shared.get("/v1/devices").json()
    assert devices[-1]["id"] == "cpu"
    assert shared.get("/v1").json()["project"] == "mine"


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (422, "request", {"kind": "video"}),
        (422, "request", {**PAINT, "colour": "red"}),
        (422, "request", {**PAINT, "seed": -1}),
        (422, "request", {**PAINT, "seed": 2**32}),
        (422, "request", {**PAINT, "count": 0}),
        (422, "kind", {"prompt": "blue"}),
        (422, "kind", {**PAINT, "model": "espeak"}),
        (422, "task", {**PAINT, "model": "painter", "task": "fly"}),
        (422, "param", {**PAINT, "params": {"colour": 1}}),
        (422, "param", {**PAINT, "params": {"size": [1, 1]}}),
        (422, "param", {**PAINT, "params": {"size": "../../x"}}),
        (422, "input", {"kind": "image", "task": "inpaint"}),
        (422, "input-gone", {"kind": "image", "inputs": {"image": "0" * 32}}),
        (422, "input-gone", {"kind": "image", "inputs": {"image": "/etc/passwd"}}),
        (404, "model-unknown", {**PAINT, "model": "nobody"}),
        (404, "model-unknown", {**PAINT, "model": "/etc"}),
        (404, "model-unknown", {**PAINT, "model": "../models"}),
    ],
)
def test_what_cannot_be_asked_for_is_a_problem(shared: TestClient, status: int, code: str, asked: dict) -> None:
    """RFC 9457, with a code for programs and a sentence for people; nothing is queued."""
    answer = shared.post("/v1/generate", json=asked)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert shared.get("/v1/jobs").json() == []


def test_a_value_of_another_type_is_refused_and_nothing_of_it_is_kept(client: TestClient, fake: None) -> None:
    """Lists in lists for a text; the list of jobs can be asked for afterwards."""
    for value in ("[" * 900 + "]" * 900, "[1]", "NaN", '{"a": 1}', "null", "1"):
        body = '{"kind": "image", "params": {"script": %s}}' % value  # noqa: UP031
        answer = client.post("/v1/generate", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "param"), answer.text
        assert len(answer.json()["detail"]) < 300
    assert client.get("/v1/jobs").json() == []


def test_json_that_is_too_deep_is_a_sentence(shared: TestClient) -> None:
    """As any part of a body."""
    abyss = "[" * 200_000 + "]" * 200_000
    for body in (abyss, f'{{"params": {abyss}}}', f'{{"params": {{"size": {abyss}}}}}', f'{{"inputs": {abyss}}}'):
        answer = shared.post("/v1/generate", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_what_is_stored_was_checked(client: TestClient, fake: None) -> None:
    """A text that no file can hold is mended before the job is; the answer and the list say the same."""
    body = '{"kind": "image", "params": {"script": "notice:\\ud800 save", "steps": 3.0}}'
    answer = client.post("/v1/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["request"]["params"] == {"script": "notice:? save", "steps": 3}
    assert follow(client, answer.json()["id"])[-1][0] == "end"
    assert client.get("/v1/jobs").json()[0]["request"]["params"] == {"script": "notice:? save", "steps": 3}


CHANGES = (
    '{"params": {"a": NaN, "b": [1e999, -1e999]}}',
    f'{{"params": {{"a": {"[" * 900}{"]" * 900}}}}}',
    f'{{"params": {{"a": {"[" * 100_000}{"]" * 100_000}}}}}',
    '{"params": {"\\ud800": "\\udfff"}, "prompt": "\\ud83d"}',
    '{"model": "\\ud800", "inputs": {"image": [1]}}',
    f'{{"count": 1{"0" * 400}, "seed": 1{"0" * 4000}}}',
    '{"count": -5, "seed": -7, "task": ""}',
)
ERRORS = ("", '{"source": "{a} \\ud800", "params": {}}', '{"source": [1], "code": 5}', '{"source": "{a.b}"}')


@pytest.mark.allow_log("ERROR")
def test_the_list_of_jobs_survives_whatever_a_project_brings(client: TestClient, service: Service) -> None:
    """Projects come from other people: their queues hold what somebody wrote into them."""
    rows = []
    for number, (change, error) in enumerate(itertools.product(CHANGES, ERRORS)):
        request = '{"kind": "image", "task": "generate", "family": "painter", ' + change[1:]
        rows.append((f"{number:032x}", request, error))

    def bring(project: Project) -> None:
        project._connection.executemany(
            "insert into jobs (id, lane, state, position, request, error, created, finished)"
            " values (?, 'picture', 'failed', 1, ?, ?, 9e999, 1)",
            rows,
        )

    service.ask(bring).result(20)
    answer = client.get("/v1/jobs")
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()) == len(rows) - len(ERRORS)  # nobody can read 100,000 lists in one another
    for shown in answer.json():
        assert client.get(f"/v1/jobs/{shown['id']}").json() == shown
        events = client.get(f"/v1/jobs/{shown['id']}/events")
        assert json.loads(events.text.partition("data: ")[2]) == shown


def test_a_model_is_never_looked_up_by_path(shared: TestClient, tmp_path: Path) -> None:
    """Although the catalogue itself takes paths: a folder with a model in it stays unknown."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}')
    for name in (str(folder), "model"):
        assert shared.post("/v1/generate", json={"model": name}).json()["code"] == "model-unknown"
        assert shared.get(f"/v1/models/{name.replace('/', '%2F')}").status_code == 404


@pytest.mark.parametrize(
    ("status", "code", "path"),
    [
        (404, "missing", "/v1/assets/" + "0" * 32),
        (404, "not-found", "/v1/assets/..%2F..%2Fproject.aigc"),
        (404, "missing", "/v1/assets/project.aigc/file"),
        (404, "job-unknown", "/v1/jobs/nobody"),
        (404, "job-unknown", "/v1/jobs/nobody/events"),
        (404, "not-found", "/docs"),
        (404, "not-found", "/v1/assets/x/y/z"),
        (405, "method", "/v1/generate"),
        (422, "request", "/v1/assets?limit=100000"),
    ],
)
def test_what_is_not_there(shared: TestClient, status: int, code: str, path: str) -> None:
    """A problem, too."""
    answer = shared.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("status", "name", "content"),
    [
        (415, "evil.exe", b"MZ"),
        (415, "project.aigc", b"x"),
        (415, "../../etc/passwd", b"x"),
        (422, "empty.png", b""),
        (422, "broken.png", b"no picture"),
        (422, "broken.wav", b"RIFF"),
    ],
)
def test_what_is_no_file_of_ours_is_not_kept(shared: TestClient, status: int, name: str, content: bytes) -> None:
    """It is looked at first."""
    answer = shared.post("/v1/assets", params={"name": name}, content=content)
    assert answer.status_code == status, answer.text
    assert shared.get("/v1/assets").json()["total"] == 0


def test_problems_are_in_the_askers_language(shared: TestClient) -> None:
    """By Accept-Language, for each asker; the program's own language stays."""
    chinese = shared.get("/v1/jobs/nobody", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}).json()
    assert chinese["detail"].startswith("没有这个任务")
    english = shared.get("/v1/jobs/nobody", headers={"Accept-Language": "fr, en;q=0.3"}).json()
    assert english["detail"].startswith("There is no such job")
    assert shared.get("/v1/models/painter", headers={"Accept-Language": "zh"}).json()["title"] != "Abstract painter"
    assert i18n.current_language() == "en"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", ""),
        ("zh", "zh_CN"),
        ("zh-TW", "zh_CN"),
        ("en-GB", "en"),
        ("de", ""),
        ("en;q=0.1, zh;q=0.2", "zh_CN"),
        ("zh;q=0", ""),
        ("zh;q=x", ""),
        (";;,,", ""),
    ],
)
def test_the_language_that_is_liked_best(accepted: str, language: str) -> None:
    """Of those we have; nonsense is none."""
    assert language_for(accepted) == language


def test_the_openapi_document_describes_it_all(shared: TestClient) -> None:
    """Every route, with the token as its scheme."""
    document = shared.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    wanted = {"/v1/models", "/v1/devices", "/v1/generate", "/v1/jobs", "/v1/jobs/{id}", "/v1/jobs/{id}/cancel"}
    wanted |= {"/v1/assets", "/v1/assets/{id}", "/v1/assets/{id}/file", "/v1/jobs/{id}/events"}
    assert wanted <= set(document["paths"])
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "requestBody" in document["paths"]["/v1/assets"]["post"]


def test_a_parameter_that_names_a_file_cannot_be_set(
    client: TestClient, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that may ask for results may not have files of this machine read."""
    from dataclasses import replace

    from aigc_studio.engines import fake as family
    from aigc_studio.engines.base import Param

    declared = replace(family.FAMILY, params=(*family.FAMILY.params, Param.text("vector", "Vector", file=True)))
    monkeypatch.setattr(family, "FAMILY", declared)
    for value in ("/etc/passwd", "~/secret.npy", "x"):
        answer = client.post("/v1/generate", json={"kind": "image", "params": {"vector": value}})
        assert (answer.status_code, answer.json()["code"]) == (422, "param")
        assert "upload" in answer.json()["detail"]
    assert client.post("/v1/generate", json={"kind": "image", "params": {"vector": ""}}).status_code == 202


def test_every_parameter_that_names_a_file_says_so() -> None:
    """Or other programs could have any file read: what speaks of a file or a path is marked as one."""
    from aigc_studio.engines import registry

    for family in registry.families():
        for param in family.params:
            speaks = re.search(r"\b(file|path|folder)\b", f"{param.id} {param.title} {param.help}".lower())
            assert param.kind != "text" or not speaks or param.file, f"{family.id}.{param.id}"


# Who is heard ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (421, "host", {"Host": "evil.example:8723"}),
        (421, "host", {"Host": "127.0.0.1:1"}),
        (421, "host", {"Host": "127.0.0.1"}),
        (403, "forbidden", {"Origin": "https://evil.example"}),
        (403, "forbidden", {"Origin": "null"}),
        (403, "forbidden", {"Origin": "http://127.0.0.1:9999"}),
        (403, "forbidden", {"Sec-Fetch-Site": "cross-site"}),
        (403, "forbidden", {"Sec-Fetch-Site": "same-site"}),
        (401, "token", {"Authorization": ""}),
        (401, "token", {"Authorization": "Bearer wrong"}),
        (401, "token", {"Authorization": "Basic a-token-of-the-tests"}),
        (401, "token", {"Authorization": "Bearer a-token-of-the-tests-and-more"}),
    ],
)
def test_who_is_not_heard(shared: TestClient, status: int, code: str, headers: dict) -> None:
    """By no path and no method; a page's preflight neither, and nothing that would let it read the answer."""
    paths = ("/v1", "/v1/openapi.json", "/v1/generate", "/nowhere")
    for method, path in itertools.product(("GET", "POST", "OPTIONS"), paths):
        answer = shared.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert ("www-authenticate" in answer.headers) == (status == 401)


def test_localhost_is_heard(shared: TestClient) -> None:
    """By its name, too, and from its own origin."""
    headers = {"Host": "localhost:8723", "Origin": "http://localhost:8723", "Sec-Fetch-Site": "same-origin"}
    assert shared.get("/v1", headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_not_read(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it says of itself, or once it is seen; uploads may be larger."""
    monkeypatch.setattr(guard, "BODY_BYTES", 1000)
    monkeypatch.setattr(guard, "UPLOAD_BYTES", 5000)
    long = json.dumps({**PAINT, "prompt": "x" * 2000}).encode()
    assert client.post("/v1/generate", content=long).json()["code"] == "too-large-body"

    def pieces():  # noqa: ANN202  chunked: nobody says how much comes
        for start in range(0, len(long), 100):
            yield long[start : start + 100]

    answer = client.post("/v1/generate", content=pieces(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large-body")
    picture = png(Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)))
    assert 1000 < len(picture) < 5000
    assert client.post("/v1/assets", params={"name": "a.png"}, content=picture).status_code == 201
    answer = client.post("/v1/assets", params={"name": "a.txt"}, content=(b"x" * 1000 for _ in range(9)))
    assert answer.status_code == 413
    assert client.get("/v1/assets").json()["total"] == 1


# Events ---------------------------------------------------------------------------------------------------------------


def test_a_slow_follower_loses_steps_and_nothing_else() -> None:
    """Its memory is bounded, and results and the end come through."""
    events, woken = Events(), []
    follower = Follower(lambda: woken.append(1))
    events.follow("job", follower)
    for number in range(10_000):
        events.tell("job", Event("progress", {"done": number}))
    assert [event.data["done"] for event in follower.take()] == [9999]
    for number in range(MOST_WAITING * 2):
        events.tell("job", Event("output", {"index": number}))
        events.tell("job", Event("progress", {"done": number}))
    events.tell("job", Event("end", {}))
    taken = follower.take()
    assert [event.data["index"] for event in taken if event.name == "output"] == list(range(MOST_WAITING * 2))
    assert taken[-1].name == "end"
    assert len(taken) < MOST_WAITING * 4
    assert events.progress("job") is None
    events.leave("job", follower)
    events.tell("job", Event("output", {"index": 0}))
    assert follower.take() == []


def test_who_comes_in_the_middle_hears_where_it_stands() -> None:
    """The last step, at once."""
    events = Events()
    events.tell("job", Event("progress", {"done": 3}))
    follower = Follower(lambda: None)
    events.follow("job", follower)
    assert [event.data for event in follower.take()] == [{"done": 3}]


@pytest.mark.parametrize("name", ["job", "end"])
def test_what_is_paused_has_no_progress(name: str) -> None:
    """Neither in the list of jobs nor for who follows it then."""
    events = Events()
    events.tell("job", Event("progress", {"done": 3}))
    events.tell("job", Event(name, {}))
    assert events.progress("job") is None
    follower = Follower(lambda: None)
    events.follow("job", follower)
    assert follower.take() == []


def test_the_project_is_made(client: TestClient, tmp_path: Path) -> None:
    """When it is not there."""
    assert is_project(tmp_path / "mine")
