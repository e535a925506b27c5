"""Accounts, one or several, and how the reader stands to them."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from domain.errors import AccountNotFound, ProjectionBehind
from domain.ids import AccountId
from domain.objects import Account, AccountViewer
from read_api.hydration import STRANGER, page_json, render_accounts
from read_api.lists import ACCOUNTS_SHOWN_WITH, NO_INCLUDES, AccountsPage
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import IDS_MAX, IDS_PATTERN, IdsQuery, distinct_ids
from web.routing import Auth, Call, Endpoint, Reply, Route

LOOK_AGAIN_S: Final = 0.01


class RelationshipsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`id` repeated, or comma-separated, at most 100."""

    id: Annotated[
        tuple[Annotated[str, Meta(pattern=IDS_PATTERN)], ...],
        Meta(min_length=1, max_length=IDS_MAX, description=f"At most {IDS_MAX} ids"),
    ]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The ids in the order asked for, each once. Raises Invalid."""
        return distinct_ids(self.id, "/id")


class Relationship(AccountViewer, frozen=True, kw_only=True):
    """How the reader stands to the account `id`."""

    id: str


class RelationshipsPage(msgspec.Struct, frozen=True):
    items: tuple[Relationship, ...]


class Accounts:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def one(self, call: Call) -> Reply:
        """An account by id."""
        return await self._account(AccountId(call.path["id"]), self._sight(call))

    async def me(self, call: Call) -> Reply:
        """The reader's own account. Its token says that it is there, so the views are waited
        for, also without a Consistency-Token. Raises ProjectionBehind."""
        sight = self._sight(call)
        try:
            async with asyncio.timeout(call.wait_s):
                while True:
                    with suppress(AccountNotFound):
                        return await self._account(call.account_id, sight)
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError as error:
            raise ProjectionBehind from error

    async def by_handle(self, call: Call) -> Reply:
        """An account by its handle, in any case."""
        account_id = await self._views.account_directory.by_handle(call.path["handle"])
        if account_id is None:
            raise AccountNotFound
        return await self._account(account_id, self._sight(call))

    async def several(self, call: Call) -> Reply:
        """The accounts that are there, in the order asked for."""
        wanted = [AccountId(number) for number in call.query.numbers]
        rendered = await render_accounts(wanted, self._views, self._sight(call))
        items = [rendered[account_id] for account_id in wanted if account_id in rendered]
        return Reply(200, page_json(items, NO_INCLUDES))

    async def relationships(self, call: Call) -> Reply:
        """How the reader stands to each of the accounts asked for."""
        ids = [AccountId(number) for number in call.query.numbers]
        relations = await self._views.follower_graph.relations(call.account_id, ids)
        items = [
            Relationship(id=str(i), **msgspec.structs.asdict(relations.get(i, STRANGER)))
            for i in ids
        ]
        return Reply(200, msgspec.json.encode(RelationshipsPage(tuple(items))))

    async def _account(self, account_id: AccountId, sight: Sight) -> Reply:
        rendered = await render_accounts([account_id], self._views, sight)
        if account_id not in rendered:
            raise AccountNotFound
        return Reply(200, rendered[account_id])

    def _sight(self, call: Call) -> Sight:
        """These accounts were asked for one by one: a block hides what they do, not them."""
        return sight_of(call.reader_id, self._views.refusals).past_blocks()


async def known_account(call: Call, views: Views) -> AccountId:
    """The account in the path. Raises AccountNotFound if it is not there, or suspended; one that
    a block hides is there, and its lists are empty."""
    account_id = AccountId(call.path["id"])
    refused = sight_of(call.reader_id, views.refusals).refused(account_id)
    if refused or not await views.account_directory.profiles([account_id]):
        raise AccountNotFound
    return account_id


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    accounts = Accounts(views)

    def get(path: str, endpoint: Endpoint, summary: str, **further: Any) -> Route:
        return Route(
            method="GET",
            path=path,
            endpoint=endpoint,
            summary=summary,
            uses=ACCOUNTS_SHOWN_WITH,
            tag="accounts",
            **{"auth": Auth.OPTIONAL, "answers": {200: Account}, "errors": (404,), **further},
        )

    return (
        get("/v1/accounts/me", accounts.me, "The reader's own account", auth=Auth.REQUIRED),
        get("/v1/accounts/by-handle/{handle}", accounts.by_handle, "An account by its handle"),
        get("/v1/accounts/{id:id}", accounts.one, "An account"),
        get(
            "/v1/accounts",
            accounts.several,
            "Accounts by id",
            query=IdsQuery,
            answers={200: AccountsPage},
            errors=(),
        ),
        get(
            "/v1/relationships",
            accounts.relationships,
            "How the reader stands to accounts",
            auth=Auth.REQUIRED,
            query=RelationshipsQuery,
            answers={200: RelationshipsPage},
            errors=(),
        ),
    )
