"""What every `EventLog` must do, whatever engine it is on."""

import asyncio
from abc import ABC, abstractmethod

import pytest

from commands.ports import Answer, Append, EventLog, IdempotencyStore, Receipt, VersionConflict
from domain.events import (
    AccountClosed,
    AccountFollowed,
    HandleClaimed,
    PairState,
    Profile,
    ProfileChanged,
    RelationshipFact,
    Standing,
)
from domain.positions import merge
from tests import facts


def profile_changed(name: str, bio: str) -> ProfileChanged:
    return ProfileChanged(
        event_id=facts.event_id(), actor_id=facts.account(name), personal=Profile(name, name, bio)
    )


def followed(actor: str, target: str) -> RelationshipFact:
    return AccountFollowed(
        event_id=facts.event_id(),
        actor_id=facts.account(actor),
        target_id=facts.account(target),
        after=PairState(low=Standing(follows=True)),
    )


class EventLogContract(ABC):
    """Subclass with a `log` fixture; `reopened` gives a new log on what the first one wrote."""

    @pytest.fixture
    @abstractmethod
    def log(self) -> EventLog: ...

    @pytest.fixture
    @abstractmethod
    def idempotency(self, log: EventLog) -> IdempotencyStore: ...

    async def test_a_published_event_is_found_by_its_register(self, log: EventLog) -> None:
        tweet = facts.tweet("ada", "hello #world")

        await log.publish([tweet])

        found = await log.latest(tweet.stream)
        assert found is not None
        assert found.event == tweet
        assert found.version == tweet.event_id

    async def test_an_empty_stream_has_no_history(self, log: EventLog) -> None:
        assert await log.latest("post/1") is None
        assert list(await log.history("post/1")) == []

    async def test_history_is_oldest_first(self, log: EventLog) -> None:
        tweet = facts.tweet("ada")
        gone = facts.deleted(tweet)

        await log.publish([tweet])
        await log.publish([gone])

        assert [r.event for r in await log.history(tweet.stream)] == [tweet, gone]

    async def test_publishing_an_event_again_changes_nothing(self, log: EventLog) -> None:
        tweet = facts.tweet("ada")

        first = await log.publish([tweet])
        again = await log.publish([tweet])

        assert merge([first, again]) == again
        assert len(await log.history(tweet.stream)) == 1

    async def test_appended_versions_are_contiguous_from_one(self, log: EventLog) -> None:
        stream = f"account/{facts.account('ada')}"

        await log.append([Append(stream, 0, (facts.opened("ada"),))])
        await log.append(
            [Append(stream, 1, (profile_changed("ada", "a"), profile_changed("ada", "b")))]
        )

        assert [r.version for r in await log.history(stream)] == [1, 2, 3]

    async def test_an_append_at_another_version_is_refused(self, log: EventLog) -> None:
        event = followed("ada", "bob")
        await log.append([Append(event.stream, 0, (event,))])

        for expected in (0, 2):
            late = followed("ada", "bob")
            with pytest.raises(VersionConflict):
                await log.append([Append(late.stream, expected, (late,))])

        assert len(await log.history(event.stream)) == 1

    async def test_of_concurrent_deciders_one_wins(self, log: EventLog) -> None:
        events = [followed("ada", "bob") for _ in range(20)]

        outcomes = await asyncio.gather(
            *(log.append([Append(e.stream, 0, (e,))]) for e in events), return_exceptions=True
        )

        assert sum(isinstance(o, VersionConflict) for o in outcomes) == 19
        assert len(await log.history(events[0].stream)) == 1

    async def test_a_command_on_several_streams_is_all_or_nothing(self, log: EventLog) -> None:
        taken = HandleClaimed(
            event_id=facts.event_id(), actor_id=facts.account("bob"), handle_key="x"
        )
        await log.append([Append(taken.stream, 0, (taken,))])
        opened = facts.opened("ada")
        claimed = HandleClaimed(
            event_id=facts.event_id(), actor_id=facts.account("ada"), handle_key="x"
        )

        with pytest.raises(VersionConflict):
            await log.append(
                [Append(opened.stream, 0, (opened,)), Append(claimed.stream, 0, (claimed,))]
            )

        assert await log.latest(opened.stream) is None

    async def test_tokens_grow_with_the_log(self, log: EventLog) -> None:
        vectors = [await log.publish([facts.tweet("ada")]) for _ in range(3)]

        assert len({name for vector in vectors for name in vector}) == 1
        positions = [position for vector in vectors for position in vector.values()]
        assert positions == sorted(set(positions))

    async def test_many_concurrent_commands_are_all_recorded(self, log: EventLog) -> None:
        tweets = [facts.tweet("ada", f"number {n}") for n in range(300)]

        await asyncio.gather(*(log.publish([tweet]) for tweet in tweets))

        for tweet in tweets:
            found = await log.latest(tweet.stream)
            assert found is not None
            assert found.event == tweet

    async def test_a_conflict_in_a_group_leaves_the_others_alone(self, log: EventLog) -> None:
        closed = AccountClosed(event_id=facts.event_id(), actor_id=facts.account("ada"))
        repeated = facts.tweet("bob")
        await log.publish([repeated])

        outcomes = await asyncio.gather(
            log.publish([facts.tweet("ada")]),
            log.append([Append(closed.stream, 5, (closed,))]),
            log.publish([repeated]),
            log.publish([facts.tweet("cleo")]),
            return_exceptions=True,
        )

        assert [type(outcome).__name__ for outcome in outcomes] == [
            "dict",
            "VersionConflict",
            "dict",
            "dict",
        ]

    async def test_an_answer_is_kept_together_with_its_events(
        self, log: EventLog, idempotency: IdempotencyStore
    ) -> None:
        answer = Answer(201, b'{"id":"1"}', (("Location", "/v1/posts/1"),))

        vector = await log.publish(
            [facts.tweet("ada")], receipt=Receipt("7", "key", b"print", answer)
        )

        claimed = await idempotency.claim("7", "key", b"print")
        assert getattr(claimed, "answer", None) == answer
        assert vector
