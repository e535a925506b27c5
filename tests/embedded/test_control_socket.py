"""What a running server does for the command line, through its control socket."""

import asyncio
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from commands.open_account import OpenAccount, open_account
from domain.accounts import roles, roles_of
from infra.control import reach
from infra.control.address import PATH_BYTES_MAX, SOCKET_NAME
from infra.control.client import NobodyServes, RequestFailed, ask
from infra.control.operator import Operator
from infra.control.requests import (
    Done,
    GrantRoleTo,
    Imported,
    ImportFiles,
    Projections,
    Request,
    Result,
    SetPasswordOf,
    ShowProjections,
)
from infra.control.socket import ControlSocket
from infra.folder import DataFolder
from infra.importing.imports import Files
from infra.importing.recording import give
from infra.importing.tally import Progress
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from infra.sqlite.recorder import Entry, GroupRecorder, Outcome

# Events: of an import of 3,000 people with a post each there are 9,000.
HELD_BEHIND = 6_000
HELD_MAX_S = 60.0


def settings_of(folder: Path) -> Settings:
    return Settings(data=str(folder), argon2_cost="lowest", sample="0")


def crashed(projection: str, error: BaseException) -> None:
    raise AssertionError(f"{projection} stopped") from error


class Serving:
    """A served folder with one person, ada."""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        self.folder = embedded.folder.path
        self.told: list[Progress] = []

    async def ask(self, request: Request) -> Result:
        """As another process would: on another thread, through the socket."""
        return await asyncio.to_thread(ask, self.folder, request, self.told.append)


async def serving_on(folder: Path, stack: AsyncExitStack) -> Serving:
    embedded = stack.enter_context(Embedded(settings_of(folder), crashed=crashed))
    await stack.enter_async_context(ControlSocket(folder, Operator(embedded)))
    await give(open_account, OpenAccount(handle="ada"), embedded.ports)
    return Serving(embedded)


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with AsyncExitStack() as stack:
        yield await serving_on(tmp_path / "data", stack)


def posts_file(folder: Path, count: int) -> str:
    path = folder / "posts.jsonl"
    lines = (f'{{"id": "{n}", "user": "u{n}", "text": "post {n}"}}\n' for n in range(count))
    path.write_text("".join(lines))
    return str(path)


async def test_only_who_owns_the_folder_may_open_it(serving: Serving) -> None:
    mode = (serving.folder / SOCKET_NAME).stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_an_import_runs_in_the_server_and_tells_its_progress(
    serving: Serving, tmp_path: Path
) -> None:
    request = ImportFiles(Files(posts=(posts_file(tmp_path, 300),)))

    result = await serving.ask(request)

    assert isinstance(result, Imported)
    assert (result.summary.posts, result.summary.accounts) == (300, 300)
    assert serving.told[-1].lines_total == 300


async def test_what_fails_is_told(serving: Serving) -> None:
    with pytest.raises(RequestFailed, match="missing"):
        await serving.ask(ImportFiles(Files(posts=("missing",))))
    with pytest.raises(RequestFailed, match="Nobody has the handle bob"):
        await serving.ask(GrantRoleTo("bob", "admin"))
    with pytest.raises(RequestFailed, match="roles are"):
        await serving.ask(GrantRoleTo("ada", "king"))
    with pytest.raises(RequestFailed, match="characters"):
        await serving.ask(SetPasswordOf("ada", "short"))


async def test_a_granted_role_is_in_the_log_once(serving: Serving) -> None:
    for _ in range(2):
        assert await serving.ask(GrantRoleTo("@Ada", "admin")) == Done()

    (account_id,) = [
        fed.event.actor_id  # type: ignore[union-attr]
        for fed in await serving.embedded.feed.read(0, 0, 1)
    ]
    history = await serving.embedded.log.history(roles_of(account_id))
    assert len(history) == 1
    assert roles(history) == {"admin"}


async def test_who_has_a_password_set_signs_in_with_it(serving: Serving) -> None:
    await serving.ask(SetPasswordOf("ada", "a good password"))

    (fed,) = await serving.embedded.feed.read(0, 0, 1)
    account_id = fed.event.actor_id  # type: ignore[union-attr]
    tokens = await serving.embedded.identity.sign_in(account_id, "a good password")
    assert tokens.account_id == str(account_id)


async def test_projections_say_how_far_they_are(serving: Serving) -> None:
    found = await serving.ask(ShowProjections())

    assert isinstance(found, Projections)
    assert {one.lag_events for one in found.projections} == {2}
    assert "home_timelines" in {one.name for one in found.projections}


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Before this is set the log takes no more than a part of an import: it cannot come to its end,
    however late who is told of it hears that it began."""
    go_on, insert = threading.Event(), GroupRecorder.insert_group

    def held(recorder: GroupRecorder, entries: Sequence[Entry]) -> list[Outcome]:
        if (recorder.max_notification_id() or 0) > HELD_BEHIND:
            go_on.wait(HELD_MAX_S)
        return insert(recorder, entries)

    monkeypatch.setattr(GroupRecorder, "insert_group", held)
    yield go_on
    go_on.set()


async def test_an_import_stops_when_who_asked_leaves(
    serving: Serving, tmp_path: Path, go_on: threading.Event
) -> None:
    request = ImportFiles(Files(posts=(posts_file(tmp_path, 3_000),)))

    def leave(progress: Progress) -> None:
        if progress.events:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(ask, serving.folder, request, leave)
    go_on.set()

    result = await serving.ask(request)
    assert isinstance(result, Imported)
    assert 0 < result.summary.posts < 3_000
    assert result.summary.posts + result.summary.known == 3_000


@pytest.mark.parametrize("asked", [b"hello\n", b"{}\n", b'{"type":"stop"}\n', b"\xff\n", b"x" * 99])
async def test_nonsense_is_answered_and_the_next_one_served(asked: bytes, serving: Serving) -> None:
    reader, writer = await asyncio.open_unix_connection(serving.folder / SOCKET_NAME)
    writer.write(asked)
    writer.write_eof()

    assert b"cannot be read" in await reader.readline()
    assert await serving.ask(GrantRoleTo("ada", "admin")) == Done()
    writer.close()


async def test_a_request_without_end_is_cut_off(serving: Serving) -> None:
    reader, writer = await asyncio.open_unix_connection(serving.folder / SOCKET_NAME)
    writer.write(b"x" * (3 << 20))

    assert b"cannot be read" in await reader.readline()
    writer.close()


async def test_a_socket_that_a_dead_server_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET_NAME))
    left.close()

    async with AsyncExitStack() as stack:
        serving = await serving_on(tmp_path, stack)
        assert await serving.ask(GrantRoleTo("ada", "admin")) == Done()

    assert not (tmp_path / SOCKET_NAME).exists()


async def test_a_folder_may_have_a_long_name(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * PATH_BYTES_MAX)

    async with AsyncExitStack() as stack:
        serving = await serving_on(folder, stack)
        assert await serving.ask(GrantRoleTo("ada", "admin")) == Done()


async def test_a_server_that_stops_ends_the_import_and_says_so(
    tmp_path: Path, go_on: threading.Event
) -> None:
    request = ImportFiles(Files(posts=(posts_file(tmp_path, 3_000),)))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(progress: Progress) -> None:
        if progress.events:
            loop.call_soon_threadsafe(begun.set)

    async with AsyncExitStack() as stack:
        serving = await serving_on(tmp_path / "data", stack)
        asking = asyncio.ensure_future(asyncio.to_thread(ask, serving.folder, request, note))
        await begun.wait()
        go_on.set()  # it has no turn before it is told to end

    with pytest.raises(RequestFailed, match="stopped before it was done"):
        await asking


class TestWithoutAServer:
    """`reach.perform` opens the folder itself."""

    def perform(self, folder: Path, request: Request) -> Any:
        return reach.perform(settings_of(folder), request, lambda _progress: None)

    def test_an_import_is_done_on_the_folder(self, tmp_path: Path) -> None:
        request = ImportFiles(Files(posts=(posts_file(tmp_path, 30),)))

        first, second = (self.perform(tmp_path / "data", request) for _ in range(2))

        assert (first.summary.posts, second.summary.posts) == (30, 0)

    def test_projections_are_as_far_as_their_files(self, tmp_path: Path) -> None:
        request = ImportFiles(Files(posts=(posts_file(tmp_path, 3),)))
        self.perform(tmp_path / "data", request)

        found = self.perform(tmp_path / "data", ShowProjections())

        assert {(one.position, one.lag_events) for one in found.projections} == {(0, 9)}

    def test_nobody_listens_there(self, tmp_path: Path) -> None:
        with pytest.raises(NobodyServes):
            ask(tmp_path, ShowProjections(), lambda _progress: None)

    def test_what_fails_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(RequestFailed, match="Nobody has the handle"):
            self.perform(tmp_path, GrantRoleTo("ada", "admin"))

    def test_a_folder_that_somebody_else_has_is_left_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reach, "STARTING_S", 0.1)

        with DataFolder(tmp_path), pytest.raises(RequestFailed, match="in use"):
            self.perform(tmp_path, ShowProjections())


async def test_with_a_server_it_is_asked(serving: Serving) -> None:
    perform = partial(reach.perform, settings_of(serving.folder), report=serving.told.append)

    assert await asyncio.to_thread(perform, GrantRoleTo("ada", "admin")) == Done()
