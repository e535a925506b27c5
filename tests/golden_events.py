"""Golden events: stored bytes of every event version ever written, which must decode for ever.

`python -m tests.golden_events` writes the files that are missing in `tests/golden` and never
touches one that is there: what was stored once is not written anew. An event that gained a field
has one more file of the same version (`repost.removed.v1.2.json`).
"""

import base64
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountErased,
    AccountFollowed,
    AccountMuted,
    AccountOpened,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    AdminActed,
    BookmarkAdded,
    BookmarkRemoved,
    Event,
    HandleClaimed,
    HandleReleased,
    ImpressionsRecorded,
    LikeAdded,
    LikeRemoved,
    MentionOf,
    NotificationsRead,
    PairState,
    PostHidden,
    PostRestored,
    PostText,
    Profile,
    ProfileChanged,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    ReportComment,
    ReportFiled,
    ReportResolved,
    RepostAdded,
    RepostRemoved,
    RoleGranted,
    Standing,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import AccountId, EventId, ItemId, PostId
from domain.text import Hashtag, Url
from streams.envelope import Codec, Encoded, Origin

FOLDER: Final = Path(__file__).parent / "golden"

ADA, BOB, HAL = (AccountId(1_000_000_000_000_000_000 + n) for n in (1, 2, 3))
POST, PARENT, ROOT = (PostId(1_212_092_628_029_698_048 + n) for n in (0, 1, 2))
REPORT: Final = EventId(1_300_000_000_000_000_000)
EVENT: Final = EventId(1_400_000_000_000_000_001)
HANDLE_KEY: Final = "00112233445566778899aabbccddeeff"
TEXT: Final = PostText(
    text="Olá @Bob and @nobody, 今天天气 #天气 https://example.com",
    hashtags=(Hashtag("天气", 27, 30),),
    mentions=(MentionOf("Bob", BOB, 4, 8), MentionOf("nobody", None, 13, 20)),
    urls=(Url("https://example.com", 31, 50),),
)
AFTER: Final = PairState(low=Standing(follows=True, mutes=True), high=Standing(blocks=True))
ORIGIN: Final = Origin(
    correlation_id="01J0000000000000000000000",
    causation_id="1399999999999999999",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)

# One of each type, every field with a value of its own.
EXAMPLES: Final[tuple[Event, ...]] = (
    TweetPosted(
        event_id=EVENT,
        actor_id=ADA,
        quote_of_id=POST,
        quote_of_author_id=BOB,
        source="mklab:123",
        personal=TEXT,
    ),
    TweetEdited(event_id=EVENT, actor_id=ADA, post_id=POST, personal=TEXT),
    TweetDeleted(event_id=EVENT, actor_id=ADA, post_id=POST, quote_of_id=PARENT),
    ReplyPosted(
        event_id=EVENT,
        actor_id=ADA,
        in_reply_to_id=PARENT,
        in_reply_to_author_id=BOB,
        conversation_id=ROOT,
        source="weibo:123",
        personal=TEXT,
    ),
    ReplyEdited(event_id=EVENT, actor_id=ADA, post_id=POST, personal=TEXT),
    ReplyDeleted(
        event_id=EVENT, actor_id=ADA, post_id=POST, in_reply_to_id=PARENT, conversation_id=ROOT
    ),
    RepostAdded(event_id=EVENT, actor_id=ADA, post_id=POST, post_author_id=BOB),
    RepostRemoved(
        event_id=EVENT, actor_id=ADA, post_id=POST, post_author_id=BOB, repost_id=ItemId(REPORT)
    ),
    LikeAdded(event_id=EVENT, actor_id=ADA, post_id=POST, post_author_id=BOB),
    LikeRemoved(event_id=EVENT, actor_id=ADA, post_id=POST, post_author_id=BOB),
    BookmarkAdded(event_id=EVENT, actor_id=ADA, post_id=POST),
    BookmarkRemoved(event_id=EVENT, actor_id=ADA, post_id=POST),
    ImpressionsRecorded(event_id=EVENT, actor_id=ADA, post_ids=(POST, PARENT, ROOT)),
    AccountFollowed(event_id=EVENT, actor_id=ADA, target_id=BOB, after=AFTER),
    AccountUnfollowed(event_id=EVENT, actor_id=ADA, target_id=BOB, after=AFTER),
    AccountBlocked(event_id=EVENT, actor_id=BOB, target_id=ADA, after=AFTER),
    AccountUnblocked(event_id=EVENT, actor_id=BOB, target_id=ADA, after=AFTER),
    AccountMuted(event_id=EVENT, actor_id=ADA, target_id=BOB, after=AFTER),
    AccountUnmuted(event_id=EVENT, actor_id=ADA, target_id=BOB, after=PairState()),
    AccountOpened(
        event_id=EventId(ADA),
        actor_id=ADA,
        handle_key=HANDLE_KEY,
        source="nostr:123",
        personal=Profile("ada", "Ada Lovelace", "Notes on the engine\nand more"),
    ),
    ProfileChanged(event_id=EVENT, actor_id=ADA, personal=Profile("ada", "Ada L.", "Notes")),
    AccountClosed(event_id=EVENT, actor_id=ADA),
    AccountErased(event_id=EVENT, actor_id=AccountId(0), account_id=ADA),
    RoleGranted(event_id=EVENT, actor_id=AccountId(0), account_id=HAL, role="admin"),
    NotificationsRead(event_id=EVENT, actor_id=ADA, up_to_id=ItemId(POST)),
    HandleClaimed(event_id=EVENT, actor_id=ADA, handle_key=HANDLE_KEY),
    HandleReleased(event_id=EVENT, actor_id=ADA, handle_key=HANDLE_KEY),
    ReportFiled(
        event_id=REPORT,
        actor_id=ADA,
        post_id=POST,
        post_author_id=BOB,
        reason="abuse",
        personal=ReportComment("He means me"),
    ),
    ReportResolved(event_id=EVENT, actor_id=HAL, report_id=REPORT, resolution="dismissed"),
    AccountSuspended(event_id=EVENT, actor_id=HAL, account_id=BOB, reason="spam"),
    AccountReinstated(event_id=EVENT, actor_id=HAL, account_id=BOB),
    PostHidden(event_id=EVENT, actor_id=HAL, post_id=POST, post_author_id=BOB, reason="spam"),
    PostRestored(event_id=EVENT, actor_id=HAL, post_id=POST, post_author_id=BOB),
    AdminActed(event_id=EVENT, actor_id=HAL, action="replay", target="home_timelines", reason="x"),
)


class GoldenKeyring:
    """Seals as the embedded keyring does (format 1), with keys and nonces that never change."""

    def key_of(self, person_id: AccountId) -> bytes:
        return blake2b(b"golden key of %d" % person_id, digest_size=32).digest()

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        nonce = blake2b(clear, digest_size=12).digest()
        bound_to = person_id.to_bytes(8, "big")
        return b"\x01" + nonce + AESGCM(self.key_of(person_id)).encrypt(nonce, clear, bound_to)

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        bound_to = person_id.to_bytes(8, "big")
        try:
            return AESGCM(self.key_of(person_id)).decrypt(sealed[1:13], sealed[13:], bound_to)
        except InvalidTag as error:
            raise ValueError("not sealed with this key") from error


class Golden(msgspec.Struct, frozen=True):
    """A golden file: what was stored (`state` in base64), and what it says."""

    name: str
    state: str
    origin: dict[str, str | None]
    stream: str
    topic: str
    appended: bool
    key: int
    person_id: int
    event: dict[str, Any]

    @property
    def stored(self) -> Encoded:
        return Encoded(self.name, base64.b64decode(self.state))


def golden(event: Event, origin: Origin = ORIGIN) -> Golden:
    """What the golden file of an event says."""
    name, state = Codec(GoldenKeyring()).encode(event, origin)
    return describe(event, origin, Encoded(name, state))


def describe(event: Event, origin: Origin, stored: Encoded) -> Golden:
    """All that anybody may rely on of a stored event."""
    return Golden(
        name=stored.name,
        state=base64.b64encode(stored.state).decode(),
        origin=fields_of(origin),
        stream=event.stream,
        topic=event.TOPIC,
        appended=event.APPENDED,
        key=event.key,
        person_id=event.person_id,
        event=fields_of(event),
    )


def fields_of(value: Any) -> Any:
    """All fields, also those that are left out when they are stored."""
    if isinstance(value, msgspec.Struct):
        return {name: fields_of(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [fields_of(item) for item in value]
    return value


def files() -> Iterator[Path]:
    return iter(sorted(FOLDER.glob("*.json")))


def read(path: Path) -> Golden:
    return msgspec.json.decode(path.read_bytes(), type=Golden)


def write_missing() -> None:
    FOLDER.mkdir(exist_ok=True)
    for event in EXAMPLES:
        told = golden(event)
        kept = [path for path in files() if read(path).name == told.name]
        if told not in map(read, kept):
            path = FOLDER / (f"{told.name}.{len(kept) + 1}.json" if kept else f"{told.name}.json")
            document = json.dumps(msgspec.to_builtins(told), ensure_ascii=False, indent=2)
            path.write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_missing()
