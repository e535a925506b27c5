"""`starling export`: everything the log has of one person, unsealed, as JSON Lines."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from msgspec.json import encode

from domain.errors import Refusal
from domain.ids import AccountId
from infra.cli.asking import Account, asked, fail, require_installation
from infra.cli.settings import load_or_exit
from infra.control.requests import AccountFound, FindAccount
from infra.folder import LOG_FILE
from infra.settings import Settings
from infra.sqlite.keyring import SqliteKeyring
from streams.envelope import Codec
from streams.feed import Fed
from streams.persons import OnlyTheirs, events_of, exported

Log = AsyncIterator[Sequence[Fed]]


def export(
    account: Account,
    *,
    out: Annotated[Path | None, typer.Option(help="Into this file instead of the terminal")] = None,
) -> None:
    """Print what the log has of one person: what they did, and what was done about their account
    and posts by who runs the installation. A line each, in the order of the log."""
    settings = load_or_exit()
    require_installation(settings)
    account_id = AccountId(int(asked(settings, FindAccount(account), AccountFound).account_id))
    try:
        if out is None:
            written = asyncio.run(_write(settings, account_id, sys.stdout.buffer))
        else:
            with out.open("wb") as file:
                written = asyncio.run(_write(settings, account_id, file))
    except (Refusal, OSError) as error:
        fail(str(error))
    if not written:
        fail(f"The log has nothing of {account}")
    typer.echo(f"{written:,} events of account {account_id}", err=True)


async def _write(settings: Settings, account_id: AccountId, out: BinaryIO) -> int:
    """Event by event: it needs no more memory for a long life. How many there were."""
    written = 0
    opened = _cluster_log if settings.profile == "cluster" else _embedded_log
    async with opened(settings, account_id) as log:
        async for recorded in events_of(account_id, log):
            out.write(encode(exported(recorded)) + b"\n")
            written += 1
    out.flush()
    return written


@asynccontextmanager
async def _embedded_log(settings: Settings, account_id: AccountId) -> AsyncIterator[Log]:
    """Beside the server, if one runs: it only reads."""
    # Imported here, as below: the other commands start faster without the stores.
    from infra.profiles.embedded_remains import batches_of  # noqa: PLC0415
    from infra.sqlite.feed import SqliteFeed  # noqa: PLC0415

    folder = settings.data_path
    with closing(SqliteKeyring(folder / "keys.db")) as keyring:
        codec = Codec(OnlyTheirs(keyring, account_id))
        with closing(SqliteFeed(folder / LOG_FILE, codec)) as feed:
            yield batches_of(feed)


@asynccontextmanager
async def _cluster_log(settings: Settings, account_id: AccountId) -> AsyncIterator[Log]:
    from infra.engines import engines_of  # noqa: PLC0415
    from infra.profiles.clients import Clients  # noqa: PLC0415
    from infra.profiles.cluster_log import ClusterLog  # noqa: PLC0415
    from infra.profiles.cluster_remains import batches_of  # noqa: PLC0415
    from infra.profiles.names import Names  # noqa: PLC0415

    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(settings), Names(settings.namespace), opened)
        log = await ClusterLog.open(clients, opened, settings)
        codec = Codec(OnlyTheirs(log.keyring, account_id))
        yield batches_of(log.servers, log.prefix, codec)
