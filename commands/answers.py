"""What commands answer: objects of the published language, made from the events themselves."""

from typing import Final

import msgspec
import orjson

from commands.ports import Answer
from domain.events import PostEdited, PostPosted, PostText, Profile, ReportFiled
from domain.ids import AccountId, millis_of, rfc3339
from domain.objects import (
    AccountCounts,
    AccountViewer,
    PostCounts,
    PostViewer,
    account_body,
    account_end,
    birth_members,
    post_json,
    post_members,
    profile_members,
    text_members,
)

ACCEPTED: Final = Answer(202)
NO_CONTENT: Final = Answer(204)


class FiledReport(msgspec.Struct, frozen=True):
    """A report, to whom filed it."""

    id: str
    post_id: str
    reason: str
    created_at: str


_NO_COUNTS: Final = b'{"replies":0,"reposts":0,"likes":0,"quotes":0}'
_NOT_YET_VIEWED: Final = b'{"liked":false,"reposted":false,"bookmarked":false}'
_ONESELF: Final = msgspec.json.encode(AccountViewer())


def post_created(posted: PostPosted) -> Answer:
    """201 with the post as its author sees it."""
    content = posted.personal or PostText("")
    text = text_members(content, version=1, edited_at_ms=None)
    members = post_members(birth_members(posted), text, _NO_COUNTS)
    body = post_json(members, _NOT_YET_VIEWED)
    return Answer(201, body, (("Location", f"/v1/posts/{posted.event_id}"),))


def post_edited(
    posted: PostPosted, edit: PostEdited, version: int, counts: PostCounts, viewer: PostViewer
) -> Answer:
    """200 with the post as its author sees it after the edit that made it `version`."""
    content = edit.personal or PostText("")
    text = text_members(content, version=version, edited_at_ms=millis_of(edit.event_id))
    members = post_members(birth_members(posted), text, msgspec.json.encode(counts))
    return Answer(200, post_json(members, msgspec.json.encode(viewer)))


def report_filed(filed: ReportFiled) -> Answer:
    """201 with the report as who filed it may know it."""
    report = FiledReport(
        id=str(filed.event_id),
        post_id=str(filed.post_id),
        reason=filed.stated_reason,
        created_at=rfc3339(millis_of(filed.event_id)),
    )
    return Answer(201, msgspec.json.encode(report))


def account(status: int, account_id: AccountId, profile: Profile, counts: AccountCounts) -> Answer:
    """The account as its owner sees it; 201 says where it is."""
    members = profile_members(account_id, profile)
    body = account_body(members, msgspec.json.encode(counts)) + account_end(_ONESELF)
    location = (("Location", f"/v1/accounts/{account_id}"),) if status == 201 else ()
    return Answer(status, body, location)


def created(body: object, location: str | None = None) -> Answer:
    """201 with `body` (anything orjson takes)."""
    headers = () if location is None else (("Location", location),)
    return Answer(201, orjson.dumps(body), headers)
