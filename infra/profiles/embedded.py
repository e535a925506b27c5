"""The embedded profile: one process, SQLite files in one folder, no servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Final

from starlette.applications import Starlette

from commands.ports import Ports
from commands.routes import routes as command_routes
from domain.ids import AccountId, PostId
from domain.objects import AccountCounts, PostCounts
from infra.folder import DataFolder
from infra.local_identity import LocalIdentity
from infra.settings import Settings
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from infra.sqlite.conversations import SqliteConversations
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.engagement import SqliteEngagement
from infra.sqlite.event_log import SqliteEventLog
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.follower_graph import SqliteFollowerGraph
from infra.sqlite.home_timelines import SqliteHomeTimelines
from infra.sqlite.idempotency import SqliteIdempotency
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.leases import SqliteLeases
from infra.sqlite.moderation import SqliteModeration
from infra.sqlite.notifications import SqliteNotifications
from infra.sqlite.post_cards import SqlitePostCards
from infra.sqlite.refusals import SqliteRefusals
from infra.sqlite.search_index import SqliteSearchIndex
from infra.sqlite.trends import SqliteTrends
from infra.stamps import LeasedStamps, wall_clock_ms
from projections.account_directory import ACCOUNT_DIRECTORY
from streams.envelope import Codec
from streams.registry import Stores, joined
from streams.runner import LocalProgress, LocalRunner
