"""For administrators: reports, who is suspended, what is hidden, and who did what."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

import msgspec

from domain.ids import AccountId, PostId, millis_of, rfc3339
from projections.moderation import AuditEntry, HiddenPost, Report, Suspension
from projections.windows import Window
from read_api.hydration import cards_of, includes_with, page_json
from read_api.lists import POSTS_SHOWN_WITH, Includes
from read_api.sight import OF_ADMINISTRATORS
from read_api.views import Views
from web.paging import PageQuery, window_links
from web.routing import Auth, Call, Endpoint, Reply, Route

USES: Final = ("moderation", *POSTS_SHOWN_WITH)
OPERATOR: Final = 0  # at the command line: no account

RowT = TypeVar("RowT")
Rows = Callable[[Window, int], Awaitable[Sequence[RowT]]]


class ReportsQuery(PageQuery, frozen=True, kw_only=True):
    state: Literal["open", "resolved"] = "open"


class ReportItem(msgspec.Struct, frozen=True, kw_only=True):
    """A report; the last three are null while it is open."""

    id: str
    reporter_id: str
    post_id: str
    post_author_id: str
    reason: str
    comment: str
    created_at: str
    state: Literal["open", "resolved"]
    resolution: str | None = None
    resolved_by_id: str | None = None
    resolved_at: str | None = None


class SuspensionItem(msgspec.Struct, frozen=True):
    """An account that is suspended; `by_id` is 0 for the operator at the command line."""

    id: str
    account_id: str
    by_id: str
    reason: str
    created_at: str


class HiddenPostItem(msgspec.Struct, frozen=True):
    """A post that is hidden from everybody."""

    id: str
    post_id: str
    author_id: str
    by_id: str
    reason: str
    created_at: str


class AuditItem(msgspec.Struct, frozen=True):
    """What somebody did to what ("account/1", "post/2", ...)."""

    id: str
    actor_id: str
    action: str
    target: str
    detail: str
    created_at: str


class ReportsPage(msgspec.Struct, frozen=True):
    items: tuple[ReportItem, ...]
    includes: Includes


class SuspensionsPage(msgspec.Struct, frozen=True):
    items: tuple[SuspensionItem, ...]
    includes: Includes


class HiddenPostsPage(msgspec.Struct, frozen=True):
    items: tuple[HiddenPostItem, ...]
    includes: Includes


class AuditPage(msgspec.Struct, frozen=True):
    items: tuple[AuditItem, ...]
    includes: Includes


class _Item(Protocol):
    @property
    def id(self) -> str:
        """Where it stands in its list."""


class Moderation:
    """The endpoints of this resource. All lists are newest first."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def reports(self, call: Call) -> Reply:
        """Open reports, or resolved ones."""
        resolved = call.query.state == "resolved"

        async def rows(window: Window, limit: int) -> Sequence[Report]:
            return await self._views.moderation.reports(window, limit, resolved=resolved)

        found, more = await _page(call, rows)
        people = [i for r in found for i in (r.reporter_id, r.post_author_id)]
        people += [r.resolved.resolved_by_id for r in found if r.resolved is not None]
        items = [_report(row) for row in found]
        return await self._reply(call, items, more, people, [row.post_id for row in found])

    async def suspensions(self, call: Call) -> Reply:
        """Accounts that are suspended now."""
        found, more = await _page(call, self._views.moderation.suspensions)
        people = [account_id for row in found for account_id in (row.account_id, row.by_id)]
        return await self._reply(call, [_suspension(row) for row in found], more, people, ())

    async def hidden_posts(self, call: Call) -> Reply:
        """Posts that are hidden now."""
        found, more = await _page(call, self._views.moderation.hidden_posts)
        people = [account_id for row in found for account_id in (row.author_id, row.by_id)]
        items = [_hidden_post(row) for row in found]
        return await self._reply(call, items, more, people, [row.post_id for row in found])

    async def audit_log(self, call: Call) -> Reply:
        """What administrators did."""
        found, more = await _page(call, self._views.moderation.audit_log)
        people = [row.actor_id for row in found]
        return await self._reply(call, [_audit_entry(row) for row in found], more, people, ())

    async def _reply(
        self,
        call: Call,
        items: Sequence[_Item],
        more: bool,
        people: Iterable[AccountId],
        post_ids: Sequence[PostId],
    ) -> Reply:
        cards = await cards_of(post_ids, self._views, OF_ADMINISTRATORS) if post_ids else {}
        shown = {account_id for account_id in people if account_id != OPERATOR}
        included = await includes_with(cards.values(), shown, self._views, OF_ADMINISTRATORS)
        newest = int(items[0].id) if items else None
        oldest = int(items[-1].id) if items else None
        links = window_links(call, newest=newest, oldest=oldest, more=more)
        return Reply(200, page_json(map(msgspec.json.encode, items), included), links)


async def _page(call: Call, rows: Rows[RowT]) -> tuple[Sequence[RowT], bool]:
    """The rows asked for, newest first, and whether there are more."""
    query: PageQuery = call.query
    window = Window(*query.bounds)
    found = await rows(window, query.limit + 1)
    if len(found) <= query.limit:
        return found, False
    return (found[1:] if window.upwards else found[:-1]), True


def _report(row: Report) -> ReportItem:
    resolved = row.resolved
    return ReportItem(
        id=str(row.report_id),
        reporter_id=str(row.reporter_id),
        post_id=str(row.post_id),
        post_author_id=str(row.post_author_id),
        reason=row.reason,
        comment=row.comment,
        created_at=_at(row.report_id),
        state="open" if resolved is None else "resolved",
        resolution=None if resolved is None else resolved.resolution,
        resolved_by_id=None if resolved is None else str(resolved.resolved_by_id),
        resolved_at=None if resolved is None else _at(resolved.event_id),
    )


def _suspension(row: Suspension) -> SuspensionItem:
    event_id, account_id, by_id, reason = row
    return SuspensionItem(str(event_id), str(account_id), str(by_id), reason, _at(event_id))


def _hidden_post(row: HiddenPost) -> HiddenPostItem:
    event_id, post_id, author_id, by_id, reason = row
    ids = (str(event_id), str(post_id), str(author_id), str(by_id))
    return HiddenPostItem(*ids, reason, _at(event_id))


def _audit_entry(row: AuditEntry) -> AuditItem:
    event_id, actor_id, action, target, detail = row
    return AuditItem(str(event_id), str(actor_id), action, target, detail, _at(event_id))


def _at(event_id: int) -> str:
    return rfc3339(millis_of(event_id))


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    moderation = Moderation(views)

    def get(path: str, endpoint: Endpoint, summary: str, page: Any, **further: Any) -> Route:
        return Route(
            method="GET",
            path=f"/v1/admin/{path}",
            endpoint=endpoint,
            summary=summary,
            auth=Auth.ADMIN,
            answers={200: page},
            uses=USES,
            tag="admin",
            **{"query": PageQuery, **further},
        )

    return (
        get("reports", moderation.reports, "Reported posts", ReportsPage, query=ReportsQuery),
        get("suspensions", moderation.suspensions, "Suspended accounts", SuspensionsPage),
        get("hidden-posts", moderation.hidden_posts, "Hidden posts", HiddenPostsPage),
        get("audit", moderation.audit_log, "What administrators did", AuditPage),
    )
