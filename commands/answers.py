"""What commands answer: objects of the published language, made from the events themselves."""

from typing import Final

import msgspec
import orjson

from commands.ports import Answer
from domain.events import PostText, Profile, ReplyPosted, TweetPosted
from domain.ids import AccountId
from domain.objects import (
    AccountCounts,
    AccountViewer,
    account_json,
    birth_members,
    post_json,
    profile_members,
    text_members,
)

NO_CONTENT: Final = Answer(204)
_NO_COUNTS: Final = b'{"replies":0,"reposts":0,"likes":0,"quotes":0}'
_NOT_YET_VIEWED: Final = b'{"liked":false,"reposted":false,"bookmarked":false}'
_ONESELF: Final = msgspec.json.encode(AccountViewer())


def post_created(posted: TweetPosted | ReplyPosted) -> Answer:
    """201 with the post as its author sees it."""
    content = posted.personal or PostText("")
    body = post_json(
        birth_members(posted),
        text_members(content, version=1, edited_at_ms=None),
        _NO_COUNTS,
        _NOT_YET_VIEWED,
    )
    return Answer(201, body, (("Location", f"/v1/posts/{posted.event_id}"),))


def account(status: int, account_id: AccountId, profile: Profile, counts: AccountCounts) -> Answer:
    """The account as its owner sees it; 201 says where it is."""
    members = profile_members(account_id, profile)
    body = account_json(members, msgspec.json.encode(counts), _ONESELF)
    location = (("Location", f"/v1/accounts/{account_id}"),) if status == 201 else ()
    return Answer(status, body, location)


def created(body: object, location: str | None = None) -> Answer:
    """201 with `body` (anything orjson takes)."""
    headers = () if location is None else (("Location", location),)
    return Answer(201, orjson.dumps(body), headers)
