"""Reads: notifications and the read mark."""

from tests.blackbox.client import Person, expect, ids, problem, walk


def told(person: Person, **params: str) -> list[tuple[str, str, str | None]]:
    return [(n["kind"], n["actor_id"], n["post_id"]) for n in person.notifications(**params)]


def test_each_kind_is_told_newest_first(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    bob.relate("follow", ada)
    bob.react("like", post)
    bob.react("repost", post)
    reply = bob.reply(post)
    quote = bob.tweet("look", quote_of_id=post["id"])
    mention = bob.tweet(f"hello @{ada.handle} and @{ada.handle}")

    assert told(ada) == [
        ("mention", bob.id, mention["id"]),
        ("quote", bob.id, quote["id"]),
        ("reply", bob.id, reply["id"]),
        ("repost", bob.id, post["id"]),
        ("like", bob.id, post["id"]),
        ("follow", bob.id, None),
    ]
    page = ada.get("/v1/notifications").json()
    fields = {"id", "kind", "actor_id", "post_id", "created_at", "read"}
    assert all(item.keys() == fields for item in page["items"])
    assert not any(item["read"] for item in page["items"])
    assert bob.id in {account["id"] for account in page["includes"]["accounts"]}
    shown = {post["id"], reply["id"], quote["id"], mention["id"]}
    assert shown <= set(ids(page["includes"]["posts"]))
    assert told(bob) == []


def test_nobody_is_told_of_what_they_did_themselves(ada: Person) -> None:
    post = ada.tweet(f"hello @{ada.handle}")
    ada.react("like", post)
    ada.react("repost", post)
    ada.reply(post)
    ada.tweet("look", quote_of_id=post["id"])

    assert told(ada) == []


def test_what_is_taken_back_is_told_no_more(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    bob.react("like", post)
    bob.react("repost", post)
    reply = bob.reply(post)
    assert len(told(ada)) == 3
    bob.unreact("like", post)
    bob.unreact("repost", post)
    expect(bob.delete(f"/v1/replies/{reply['id']}"), 204)
    assert told(ada) == []
    bob.relate("follow", ada)
    assert told(ada) == [("follow", bob.id, None)]


def test_a_repeated_like_is_told_once(ada: Person, bob: Person) -> None:
    post = ada.tweet()
    for _ in range(3):
        bob.react("like", post)
        bob.relate("follow", ada)

    assert sorted(kind for kind, _, _ in told(ada)) == ["follow", "like"]


def test_a_reply_that_mentions_is_told_once(ada: Person, bob: Person, cleo: Person) -> None:
    post = ada.tweet()
    reply = bob.reply(post, f"@{ada.handle} @{cleo.handle} see")

    assert told(ada) == [("reply", bob.id, reply["id"])]
    assert told(cleo) == [("mention", bob.id, reply["id"])]


def test_reading_marks_up_to_an_id_and_does_not_go_back(ada: Person, bob: Person) -> None:
    posts = [ada.tweet() for _ in range(4)]
    for post in posts:
        bob.react("like", post)
    newest_first = ids(ada.notifications())

    expect(ada.put("/v1/notifications/read", json={"up_to_id": newest_first[1]}), 204)
    assert [n["read"] for n in ada.notifications()] == [False, True, True, True]
    expect(ada.put("/v1/notifications/read", json={"up_to_id": newest_first[3]}), 204)
    assert [n["read"] for n in ada.notifications()] == [False, True, True, True]
    expect(ada.put("/v1/notifications/read", json={"up_to_id": newest_first[0]}), 204)
    assert all(n["read"] for n in ada.notifications())
    bob.tweet(f"hello @{ada.handle}")
    assert [n["read"] for n in ada.notifications()] == [False, True, True, True, True]


def test_a_read_mark_is_an_id(ada: Person) -> None:
    for body in ({}, {"up_to_id": "x"}, {"up_to_id": None}, {"up_to_id": "-1"}):
        problem(ada.put("/v1/notifications/read", json=body), 422, "invalid")
    expect(ada.put("/v1/notifications/read", json={"up_to_id": str(2**63 - 1)}), 204)


def test_notifications_page_by_id(ada: Person, bob: Person) -> None:
    for n in range(12):
        bob.react("like", ada.tweet(f"number {n}"))
    everything = ids(ada.notifications())

    assert len(everything) == 12
    assert everything == sorted(everything, key=int, reverse=True)
    assert ids(walk(ada, "/v1/notifications", limit=5)) == everything
    assert ids(ada.notifications(max_id=everything[3], limit=2)) == everything[4:6]
    assert ids(ada.notifications(since_id=everything[3], limit=2)) == everything[:2]
    assert ids(ada.notifications(min_id=everything[3], limit=2)) == everything[1:3]
