"""The published language: posts and accounts as clients see them, on the way out.

Both sides answer with these: commands right after they decided, the read API from projections.
A stored card is a post's JSON members without braces, so that a page is assembled by joining
bytes (`post_json`); what changes with others' doings (counts) or with the reader (viewer) is
spliced in when it is read.
"""

from typing import Final, Literal

import msgspec

from domain.events import PostText, Profile, ReplyPosted, TweetPosted
from domain.ids import AccountId, millis_of, rfc3339


class HashtagEntity(msgspec.Struct, frozen=True):
    tag: str
    start: int
    end: int


class MentionEntity(msgspec.Struct, frozen=True):
    handle: str
    account_id: str | None
    start: int
    end: int


class UrlEntity(msgspec.Struct, frozen=True):
    url: str
    start: int
    end: int


class Entities(msgspec.Struct, frozen=True):
    """Every occurrence in order; offsets in code points, `end` exclusive."""

    hashtags: tuple[HashtagEntity, ...]
    mentions: tuple[MentionEntity, ...]
    urls: tuple[UrlEntity, ...]


class PostCounts(msgspec.Struct, frozen=True):
    replies: int = 0
    reposts: int = 0
    likes: int = 0
    quotes: int = 0


class PostViewer(msgspec.Struct, frozen=True):
    """What the authenticated reader did with the post."""

    liked: bool = False
    reposted: bool = False
    bookmarked: bool = False


# What readers see who did nothing with a post.
UNTOUCHED: Final = msgspec.json.encode(PostViewer())


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A tweet or a reply."""

    id: str
    kind: Literal["tweet", "reply"]
    author_id: str
    created_at: str
    in_reply_to_id: str | None
    in_reply_to_author_id: str | None
    conversation_id: str
    quote_of_id: str | None
    media: tuple[()] = ()
    text: str
    entities: Entities
    edited_at: str | None
    version: int
    counts: PostCounts
    viewer: PostViewer | msgspec.UnsetType = msgspec.UNSET


class TimelineItem(Post, frozen=True, kw_only=True):
    """A post where it stands in a timeline."""

    item_id: str
    reposted_by_id: str | None


class AccountCounts(msgspec.Struct, frozen=True):
    tweets: int = 0
    followers: int = 0
    following: int = 0


class AccountViewer(msgspec.Struct, frozen=True):
    """How the authenticated reader and the account stand to each other."""

    following: bool = False
    followed_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`counts` and `viewer` are null where somebody only comes along with what was asked for, and
    the store that knows them cannot be reached."""

    id: str
    handle: str
    display_name: str
    bio: str
    avatar_url: str | None = None
    created_at: str
    counts: AccountCounts | None
    viewer: AccountViewer | msgspec.UnsetType | None = msgspec.UNSET


def birth_members(posted: TweetPosted | ReplyPosted) -> bytes:
    """The JSON members of a post that never change, without braces."""
    reply = posted if isinstance(posted, ReplyPosted) else None
    tweet = posted if isinstance(posted, TweetPosted) else None
    members = {
        "id": str(posted.event_id),
        "kind": "reply" if reply else "tweet",
        "author_id": str(posted.actor_id),
        "created_at": rfc3339(millis_of(posted.event_id)),
        "in_reply_to_id": str(reply.in_reply_to_id) if reply else None,
        "in_reply_to_author_id": str(reply.in_reply_to_author_id) if reply else None,
        "conversation_id": str(reply.conversation_id if reply else posted.event_id),
        "quote_of_id": _id_or_none(tweet.quote_of_id) if tweet else None,
        "media": (),
    }
    return msgspec.json.encode(members)[1:-1]


def text_members(content: PostText, *, version: int, edited_at_ms: int | None) -> bytes:
    """The JSON members of a post that an edit replaces, without braces."""
    members = {
        "text": content.text,
        "entities": _entities(content),
        "edited_at": None if edited_at_ms is None else rfc3339(edited_at_ms),
        "version": version,
    }
    return msgspec.json.encode(members)[1:-1]


def post_members(birth: bytes, text: bytes, counts: bytes) -> bytes:
    """All JSON members of a post that do not depend on the reader, without braces; `counts` is a
    JSON object."""
    return b'%b,%b,"counts":%b' % (birth, text, counts)


def post_json(members: bytes, viewer: bytes | None) -> bytes:
    """One post as JSON; `viewer` is a JSON object."""
    return b"{%b}" % members if viewer is None else b'{%b,"viewer":%b}' % (members, viewer)


def profile_members(account_id: AccountId, profile: Profile) -> bytes:
    """The JSON members of an account that only its owner changes, without braces."""
    members = {
        "id": str(account_id),
        "handle": profile.handle,
        "display_name": profile.display_name or profile.handle,
        "bio": profile.bio,
        "avatar_url": None,
        "created_at": rfc3339(millis_of(account_id)),
    }
    return msgspec.json.encode(members)[1:-1]


def account_body(profile: bytes, counts: bytes) -> bytes:
    """An account as JSON, but for its end (`account_end`); `counts` is an object or null."""
    return b'{%b,"counts":%b' % (profile, counts)


def account_end(viewer: bytes | None) -> bytes:
    """What an account is to its reader, which ends its JSON: an object or null, None where nobody
    reads."""
    return b"}" if viewer is None else b',"viewer":%b}' % viewer


def _entities(content: PostText) -> dict[str, list[dict[str, object]]]:
    return {
        "hashtags": [{"tag": h.tag, "start": h.start, "end": h.end} for h in content.hashtags],
        "mentions": [
            {
                "handle": m.handle,
                "account_id": _id_or_none(m.account_id),
                "start": m.start,
                "end": m.end,
            }
            for m in content.mentions
        ],
        "urls": [{"url": u.url, "start": u.start, "end": u.end} for u in content.urls],
    }


def _id_or_none(number: int | None) -> str | None:
    return None if number is None else str(number)
