"""Restarts: data, tokens and signing keys survive; and what else a data folder may hold."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.blackbox.client import Api, Person, expect, ids, links, problem
from tests.blackbox.server import Server, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_survives(folder: Path, how: signal.Signals) -> None:
    foreign = _foreign_files(folder)
    with serving(folder) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        api = Api(http)
        ada, bob, signed_out = api.person(), api.person(), api.person()
        expect(signed_out.delete("/v1/sessions"), 204)
        bob.relate("follow", ada)
        posts = [ada.tweet(f"number {n}")["id"] for n in range(30)][::-1]
        key = {"Idempotency-Key": "survives"}
        first = ada.post("/v1/tweets", json={"text": "once"}, headers=key)
        bob.react("like", {"id": posts[0]})
        page = bob.get("/v1/timelines/home", params={"limit": 10})
        stream_id = posts[3]
        refresh_token = ada.session["refresh_token"]
        server.stop(how)
        http.close()
        server.start()

        with httpx.Client(base_url=server.url, timeout=30) as again:
            for person in (ada, bob, signed_out):
                person.api = Api(again)
                person.api.token = api.token
            problem(signed_out.get("/v1/accounts/me"), 401, "not-signed-in")
            _still_there(ada, bob, [first.json()["id"], *posts])
            repeated = ada.post("/v1/tweets", json={"text": "once"}, headers=key)
            assert repeated.content == first.content
            assert repeated.headers["Idempotency-Replayed"] == "true"
            assert ids(bob.get(links(page)["next"]).json()["items"])[:3] == posts[9:12]
            body = {"refresh_token": refresh_token}
            expect(ada.api.send("POST", "/v1/sessions/refresh", json=body), 200)
            ada.sign_in()
            assert int(ada.tweet("newer")["id"]) > int(first.json()["id"])
            _resumes_or_resets(bob, stream_id)
    assert {path: path.read_bytes() for path in foreign} == foreign


def _foreign_files(folder: Path) -> dict[Path, bytes]:
    """The folder may already be there and hold what is not ours."""
    (folder / "lost+found").mkdir(parents=True)
    files = {folder / "notes.txt": b"mine", folder / "other.db": b"not a database"}
    for path, content in files.items():
        path.write_bytes(content)
    return files


def _still_there(ada: Person, bob: Person, posts: list[str]) -> None:
    assert bob.home(limit=100) == posts
    assert ids(ada.items(f"/v1/accounts/{ada.id}/posts", limit=100)) == posts
    assert bob.get(f"/v1/posts/{posts[1]}").json()["counts"]["likes"] == 1
    assert ids(bob.items(f"/v1/accounts/{ada.id}/followers")) == [bob.id]


def _resumes_or_resets(person: Person, last: str) -> None:
    headers = person.credentials | {"Last-Event-ID": last}
    with person.api.http.stream("GET", "/v1/stream", headers=headers) as answer:
        names = (line for line in answer.iter_lines() if line.startswith("event:"))
        assert next(names) in {"event: home", "event: reset"}


def test_a_second_server_on_the_folder_gives_up(folder: Path) -> None:
    with serving(folder) as server:
        other = Server(folder)
        result = other.command("serve")
        assert result.returncode != 0
        assert result.stderr.strip()
        expect(httpx.get(f"{server.url}/readyz", timeout=30), 200)
