"""What every store of moderation must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountClosed,
    AccountErased,
    AccountReinstated,
    AccountSuspended,
    AdminActed,
    Event,
    PostHidden,
    PostRestored,
    Recorded,
    ReplyPosted,
    ReportComment,
    ReportFiled,
    ReportResolved,
    RoleGranted,
    TweetPosted,
)
from domain.ids import AccountId
from projections.moderation import (
    MODERATION,
    HiddenPost,
    Moderation,
    Report,
    Resolution,
    Suspension,
)
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import deliveries, histories

ALL = Window()
MANY = 1_000
HAL = facts.account("hal")


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


def reported(name: str, post: TweetPosted | ReplyPosted, comment: str = "look") -> ReportFiled:
    return ReportFiled(
        event_id=facts.event_id(),
        actor_id=facts.account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
        reason="spam",
        personal=ReportComment(comment),
    )


def resolved(report: ReportFiled, resolution: str = "dismissed") -> ReportResolved:
    return ReportResolved(
        event_id=facts.event_id(),
        actor_id=HAL,
        report_id=report.event_id,
        resolution=resolution,
    )


def suspended(name: str, reason: str = "spam") -> AccountSuspended:
    return AccountSuspended(
        event_id=facts.event_id(), actor_id=HAL, account_id=facts.account(name), reason=reason
    )


def reinstated(name: str) -> AccountReinstated:
    return AccountReinstated(
        event_id=facts.event_id(), actor_id=HAL, account_id=facts.account(name)
    )


def hidden(post: TweetPosted | ReplyPosted, reason: str = "rude") -> PostHidden:
    return PostHidden(
        event_id=facts.event_id(),
        actor_id=HAL,
        post_id=post.post_id,
        post_author_id=post.actor_id,
        reason=reason,
    )


def restored(post: TweetPosted | ReplyPosted) -> PostRestored:
    return PostRestored(
        event_id=facts.event_id(),
        actor_id=HAL,
        post_id=post.post_id,
        post_author_id=post.actor_id,
    )


def listed(report: ReportFiled, resolution: ReportResolved | None = None) -> Report:
    """The report as the port gives it."""
    return Report(
        report.event_id,
        report.actor_id,
        report.post_id,
        report.post_author_id,
        report.reason,
        report.personal.comment if report.personal else "",
        Resolution(resolution.event_id, HAL, resolution.resolution) if resolution else None,
    )


async def apply(store: Moderation, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(MODERATION, store, facts.recorded(events))


async def reports(store: Moderation, *, resolved: bool) -> list[Report]:
    return list(await store.reports(ALL, MANY, resolved=resolved))


async def view(store: Moderation) -> tuple[object, ...]:
    """Everything the port answers."""
    return (
        await reports(store, resolved=False),
        await reports(store, resolved=True),
        await store.suspensions(ALL, MANY),
        await store.hidden_posts(ALL, MANY),
        await store.audit_log(ALL, MANY),
    )


class ModerationContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[Moderation]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[Moderation]]
    ) -> AsyncIterator[Moderation]:
        async with empty_store() as store:
            yield store

    async def test_reports_are_open_until_they_are_resolved(self, store: Moderation) -> None:
        post = facts.tweet("ada")
        first, second, third = (reported(name, post) for name in ("bob", "cleo", "dan"))
        resolution = resolved(second, "post hidden")

        await apply(store, first, second, third, resolution)

        assert await reports(store, resolved=False) == [listed(third), listed(first)]
        assert await reports(store, resolved=True) == [listed(second, resolution)]

    async def test_a_resolution_before_its_report_is_remembered(self, store: Moderation) -> None:
        report = reported("bob", facts.tweet("ada"))
        resolution = resolved(report)

        await apply(store, resolution)
        assert await reports(store, resolved=True) == []

        await apply(store, report)
        assert await reports(store, resolved=True) == [listed(report, resolution)]
        assert await reports(store, resolved=False) == []

    async def test_of_two_resolutions_the_later_one_counts(self, store: Moderation) -> None:
        report = reported("bob", facts.tweet("ada"))
        resolutions = [resolved(report, "dismissed"), resolved(report, "post hidden")]
        log = facts.recorded([report, *resolutions])

        await deliver(MODERATION, store, log[2:], log[:2])

        assert await reports(store, resolved=True) == [listed(report, resolutions[1])]

    async def test_lists_are_paged_newest_first(self, store: Moderation) -> None:
        filed = [reported(name, facts.tweet("ada")) for name in ("bob", "cleo", "dan", "eve")]
        ids = [report.event_id for report in filed]

        async def page(window: Window) -> list[int]:
            found = await store.reports(window, 2, resolved=False)
            return [ids.index(report.report_id) for report in found]

        await apply(store, *filed)

        assert await page(ALL) == [3, 2]
        assert await page(Window(max_id=ids[2])) == [1, 0]
        assert await page(Window(since_id=ids[0])) == [3, 2]
        assert await page(Window(min_id=ids[0])) == [2, 1]

    async def test_suspensions_are_listed_while_they_last(self, store: Moderation) -> None:
        log = facts.Log()
        log.record(suspended("ada"), suspended("bob"), reinstated("ada"))
        again = suspended("ada", "spam again")
        log.record(again, suspended("cleo"), reinstated("cleo"))

        await deliver(MODERATION, store, log.recorded[::-1])

        ada, bob = await store.suspensions(ALL, MANY)
        assert ada == Suspension(again.event_id, facts.account("ada"), HAL, "spam again")
        assert bob.account_id == facts.account("bob")

    async def test_posts_are_listed_while_they_are_hidden(self, store: Moderation) -> None:
        post, other = facts.tweet("ada"), facts.tweet("bob")
        log = facts.Log()
        log.record(hidden(post), restored(post), hidden(other), restored(other))
        again = hidden(post, "still rude")
        log.record(again)

        await deliver(MODERATION, store, log.recorded[::-1])

        assert list(await store.hidden_posts(ALL, MANY)) == [
            HiddenPost(again.event_id, post.post_id, post.actor_id, HAL, "still rude")
        ]

    async def test_the_audit_log_has_every_deed_newest_first(self, store: Moderation) -> None:
        post = facts.tweet("ada")
        report = reported("bob", post)
        ada = facts.account("ada")
        deeds: list[Event] = [
            RoleGranted(
                event_id=facts.event_id(), actor_id=facts.account("gus"), account_id=HAL,
                role="admin",
            ),
            suspended("ada", "spam"),
            reinstated("ada"),
            hidden(post, "rude"),
            restored(post),
            resolved(report, "dismissed"),
            AdminActed(
                event_id=facts.event_id(), actor_id=HAL, action="replay", target="trends"
            ),
            AccountErased(event_id=facts.event_id(), actor_id=AccountId(0), account_id=ada),
        ]  # fmt: skip

        await apply(store, report, *deeds)

        found = await store.audit_log(ALL, MANY)
        assert [entry.event_id for entry in found] == [d.event_id for d in reversed(deeds)]
        assert [entry[2:] for entry in found] == [
            ("account.erased", f"account/{ada}", ""),
            ("replay", "trends", ""),
            ("report.resolved", f"report/{report.event_id}", "dismissed"),
            ("moderation.post_restored", f"post/{post.post_id}", ""),
            ("moderation.post_hidden", f"post/{post.post_id}", "rude"),
            ("moderation.account_reinstated", f"account/{ada}", ""),
            ("moderation.account_suspended", f"account/{ada}", "spam"),
            ("account.role_granted", f"account/{HAL}", "admin"),
        ]
        assert found[-1].actor_id == facts.account("gus")
        assert list(await store.audit_log(Window(max_id=found[0].event_id), 1)) == [found[1]]

    @pytest.mark.parametrize("closing_comes", ["first", "last"])
    async def test_what_concerns_a_closed_account_goes_but_the_audit_log_stays(
        self, store: Moderation, closing_comes: str
    ) -> None:
        post, other = facts.tweet("ada"), facts.tweet("bob")
        theirs = [reported("ada", other), suspended("ada"), reported("bob", post), hidden(post)]
        ours = reported("cleo", other)
        log = facts.recorded([*theirs, ours, closed("ada")])
        batches = (log[:-1], log[-1:]) if closing_comes == "last" else (log[-1:], log[:-1])

        await deliver(MODERATION, store, *batches)

        assert await reports(store, resolved=False) == [listed(ours)]
        assert list(await store.suspensions(ALL, MANY)) == []
        assert list(await store.hidden_posts(ALL, MANY)) == []
        assert [(entry.action, entry.actor_id) for entry in await store.audit_log(ALL, MANY)] == [
            ("moderation.post_hidden", HAL),
            ("moderation.account_suspended", HAL),
        ]

    async def test_applying_twice_is_applying_once(self, store: Moderation) -> None:
        post = facts.tweet("ada")
        report = reported("bob", post)
        log = facts.recorded([report, resolved(report), suspended("ada"), hidden(post)])

        await deliver(MODERATION, store, log)
        once = await view(store)
        await deliver(MODERATION, store, log)

        assert await view(store) == once

    @settings(max_examples=80)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_the_same_view(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[Moderation]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(histories())
        shuffled = data.draw(deliveries(history))

        async def view_after(batches: Sequence[Sequence[Recorded]]) -> tuple[object, ...]:
            async with empty_store() as store:
                await deliver(MODERATION, store, *batches)
                return await view(store)

        assert asyncio.run(view_after(shuffled)) == asyncio.run(view_after([history]))
