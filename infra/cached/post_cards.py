"""Post cards in a cache: what all readers see of a post, and what a reader did with it."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from struct import Struct
from typing import Any, ClassVar, Final, Protocol

from domain.ids import AccountId, EventId, PostId
from domain.objects import UNTOUCHED, PostCounts
from infra.cached.joined_loads import JoinedLoads
from infra.cached.recent_doings import KEPT, NEVER, Recent, packed, recent_of, unpacked
from infra.cached.store import CLOSED_MAX, CachedStore, MadeStore, Touched
from infra.known import Known, at_once
from infra.redis.view_cache import ViewCache
from projections.post_cards import (
    AddPost,
    Bookmark,
    Card,
    DropAccount,
    DropPost,
    EditPost,
    Operation,
    PostCards,
    PostVersion,
    Reaction,
    SetBookmark,
    SetLike,
    SetRepost,
)

# The ids of a card and its version; no id is 0.
_FIELDS: Final = Struct("<8q")


class MadeCards(PostCards, MadeStore[Operation], Protocol):
    """Post cards that can be asked for each half of what a reader is shown."""

    async def viewers(
        self, reader_id: AccountId, post_ids: Collection[PostId]
    ) -> Mapping[PostId, bytes]:
        """What the reader did with the posts, whether or not they are there, as `Card.viewer`;
        those without doings may be left out."""

    async def newest_viewers(self, reader_id: AccountId, limit: int) -> Mapping[PostId, bytes]:
        """As `viewers`, of the newest posts with which the reader ever did something, also if it
        was undone: so many, or all."""

    async def closing(
        self, account_id: AccountId, limit: int
    ) -> tuple[Collection[PostId], Collection[PostId]] | None:
        """Let nothing of the account's come any more. The posts that it wrote and those that it did
        something with, or None if they are more than `limit`. Raises StoreUnavailable."""

    async def referred(self, post_ids: Collection[PostId]) -> Mapping[PostId, Sequence[PostId]]:
        """What each post that ever came answers and quotes, also if it is deleted."""


class CachedPostCards(CachedStore[Operation]):
    """Implements `projections.post_cards.PostCards`. Of what readers did with posts so many are
    `kept` together."""

    kept: ClassVar[int] = KEPT
    closed_max: ClassVar[int] = CLOSED_MAX

    def __init__(self, store: MadeCards, cache: ViewCache, *, fills: bool = False) -> None:
        super().__init__(store, cache, fills=fills)
        self._store = store
        self._cards = cache.shelf("card", _packed, _card)
        self._doings = cache.shelf("doing", bytes, bytes)
        self._recent = cache.shelf("recent", packed, unpacked)
        self._load_cards = JoinedLoads(self._read_cards)

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`. A deletion changes what its post answers and quotes as well. Once
        everything is written the bars may go; the checkpoint moves beside that."""
        deleted = {one.post_id for one in operations if isinstance(one, DropPost)}
        known = await self._referred(deleted)
        keys, whole = await self._touched_by(operations)
        keys |= self._keys_of(known)
        async with AsyncExitStack() as barred:
            await barred.enter_async_context(self._cache.bars.over(keys, whole=whole))
            await self._store.apply(operations, {})
            # Another worker may have brought the post meanwhile, whose deletion came first.
            brought = await self._referred(deleted - known.keys())
            await self._cache.bars.drop(self._keys_of(brought))
            await asyncio.gather(barred.aclose(), self._store.apply((), checkpoint))
        self._write_through(operations)

    def cards(
        self, post_ids: Sequence[PostId], reader_id: AccountId | None
    ) -> Coroutine[Any, Any, Mapping[PostId, Card]]:
        """See `PostCards.cards`."""
        shared = self._shared(post_ids)
        if reader_id is None:
            return shared
        done = self._done(reader_id, post_ids)
        if isinstance(shared, Known) and isinstance(done, Known):
            return Known(_as_seen(shared.answer, done.answer))
        return self._cards_seen(shared, done)

    async def counts(self, post_id: PostId) -> PostCounts:
        """See `PostCards.counts`."""
        return await self._store.counts(post_id)

    async def history(
        self, post_id: PostId, limit: int, *, after: int = 0
    ) -> Sequence[PostVersion]:
        """See `PostCards.history`."""
        return await self._store.history(post_id, limit, after=after)

    async def likers(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.likers`."""
        return await self._store.likers(post_id, limit, before=before)

    async def reposters(
        self, post_id: PostId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Reaction]:
        """See `PostCards.reposters`."""
        return await self._store.reposters(post_id, limit, before=before)

    async def bookmarks(
        self, account_id: AccountId, limit: int, *, before: EventId | None = None
    ) -> Sequence[Bookmark]:
        """See `PostCards.bookmarks`."""
        return await self._store.bookmarks(account_id, limit, before=before)

    async def _cards_seen(
        self,
        shared: Coroutine[Any, Any, Mapping[PostId, Card]],
        done: Coroutine[Any, Any, Mapping[PostId, bytes]],
    ) -> Mapping[PostId, Card]:
        return _as_seen(*await at_once(shared, done))

    def _shared(self, post_ids: Sequence[PostId]) -> Coroutine[Any, Any, Mapping[PostId, Card]]:
        return self._cards.read(post_ids, self._load_cards)

    async def _read_cards(self, post_ids: Sequence[PostId]) -> Mapping[PostId, Card]:
        return await self._store.cards(post_ids, None)

    def _done(
        self, reader_id: AccountId, post_ids: Sequence[PostId]
    ) -> Coroutine[Any, Any, Mapping[PostId, bytes]]:
        """Nobody has done anything yet with most of what is new, so it is not asked for one by
        one."""
        recents = self._recent.read((reader_id,), self._read_recent)
        if isinstance(recents, Known):
            return self._done_beside(recents.answer.get(reader_id, NEVER), reader_id, post_ids)
        return self._done_later(recents, reader_id, post_ids)

    async def _done_later(
        self,
        recents: Coroutine[Any, Any, Mapping[AccountId, Recent]],
        reader_id: AccountId,
        post_ids: Sequence[PostId],
    ) -> Mapping[PostId, bytes]:
        recent = (await recents).get(reader_id, NEVER)
        return await self._done_beside(recent, reader_id, post_ids)

    def _done_beside(
        self, recent: Recent, reader_id: AccountId, post_ids: Sequence[PostId]
    ) -> Coroutine[Any, Any, Mapping[PostId, bytes]]:
        """Only what is older than what is recent is to be asked for."""
        older = [post_id for post_id in post_ids if post_id < recent.floor]
        return self._done_ever(recent, reader_id, older) if older else Known(recent.done)

    async def _done_ever(
        self, recent: Recent, reader_id: AccountId, older: Sequence[PostId]
    ) -> Mapping[PostId, bytes]:
        async def load(missing: Sequence[PostId]) -> Mapping[PostId, bytes]:
            return await self._store.viewers(reader_id, missing)

        return {**recent.done, **await self._doings.read(older, load, owner=reader_id)}

    async def _read_recent(self, readers: Sequence[AccountId]) -> dict[AccountId, Recent]:
        found = await asyncio.gather(
            *(self._store.newest_viewers(reader_id, self.kept) for reader_id in readers)
        )
        return {
            one: recent_of(done, self.kept)
            for one, done in zip(readers, found, strict=True)
            if done
        }

    async def _referred(self, post_ids: Collection[PostId]) -> Mapping[PostId, Sequence[PostId]]:
        return await self._store.referred(post_ids) if post_ids else {}

    async def _read_new(self, operations: Sequence[Operation]) -> None:
        await self._shared([one.post_id for one in operations if isinstance(one, AddPost)])

    async def _touched_by(self, operations: Sequence[Operation]) -> Touched:
        """With a closed account go its posts and whatever it did."""
        keys = self._touched(operations).keys
        for operation in operations:
            if isinstance(operation, DropAccount):
                closed = operation.account_id
                concerned = await self._store.closing(closed, self.closed_max)
                if concerned is None:
                    return Touched(set(), whole=True)
                written, done = concerned
                keys |= {self._cards.key(one) for one in (*written, *done)}
                keys |= self._keys_of(await self._referred(written))
                keys |= {self._doings.key(one, closed) for one in done}
                keys.add(self._recent.key(closed))
        return Touched(keys)

    def _touched(self, operations: Sequence[Operation]) -> Touched:
        keys = set[str]()
        for operation in operations:
            match operation:
                case AddPost():
                    referred = operation.in_reply_to_id, operation.quote_of_id
                    posts = (operation.post_id, *(one for one in referred if one is not None))
                    keys.update(map(self._cards.key, posts))
                case EditPost(post_id) | DropPost(post_id):
                    keys.add(self._cards.key(post_id))
                case SetLike(account_id, post_id) | SetRepost(account_id, post_id):
                    keys.add(self._cards.key(post_id))
                    keys |= self._doing_keys(account_id, post_id)
                case SetBookmark(account_id, post_id):
                    keys |= self._doing_keys(account_id, post_id)
                case DropAccount():
                    pass
        return Touched(keys)

    def _doing_keys(self, account_id: AccountId, post_id: PostId) -> set[str]:
        return {self._doings.key(post_id, account_id), self._recent.key(account_id)}

    def _keys_of(self, referred: Mapping[PostId, Iterable[PostId]]) -> set[str]:
        return {self._cards.key(one) for posts in referred.values() for one in posts}


def _as_seen(shared: Mapping[PostId, Card], done: Mapping[PostId, bytes]) -> Mapping[PostId, Card]:
    """Cards with what a reader did with them."""
    if shared.keys().isdisjoint(done):
        return shared
    return {
        post_id: Card(*card[:-1], done[post_id]) if post_id in done else card
        for post_id, card in shared.items()
    }


def _packed(card: Card) -> bytes:
    *fields, members, _ = card
    return _FIELDS.pack(*(field or 0 for field in fields)) + members


def _card(packed: bytes) -> Card:
    post, author, answered, answered_author, conversation, quoted, quoted_author, version = (
        _FIELDS.unpack_from(packed)
    )
    return Card(
        PostId(post),
        AccountId(author),
        PostId(answered) if answered else None,
        AccountId(answered_author) if answered_author else None,
        PostId(conversation),
        PostId(quoted) if quoted else None,
        AccountId(quoted_author) if quoted_author else None,
        version,
        packed[_FIELDS.size :],
        UNTOUCHED,
    )
