"""Reads: a conversation around a post."""

from tests.blackbox.client import Api, Person, expect, ids, links, problem


def test_a_conversation_is_the_way_from_the_root_and_the_direct_replies(
    api: Api, ada: Person, bob: Person
) -> None:
    root = ada.tweet()
    first = bob.reply(root, "first")
    second = ada.reply(first, "second")
    answers = [bob.reply(second, f"answer {n}") for n in range(3)]
    bob.reply(answers[0], "deeper")
    ada.reply(root, "aside")

    page = expect(api.get(f"/v1/posts/{second['id']}/conversation"), 200).json()

    assert page.keys() == {"ancestors", "post", "replies", "includes"}
    assert ids(page["ancestors"]) == [root["id"], first["id"]]
    assert page["post"]["id"] == second["id"]
    assert ids(page["replies"]) == ids(answers)
    assert {account["id"] for account in page["includes"]["accounts"]} == {ada.id, bob.id}


def test_a_deleted_ancestor_keeps_its_place(api: Api, ada: Person, bob: Person) -> None:
    root = ada.tweet()
    middle = bob.reply(root)
    leaf = ada.reply(middle)
    expect(bob.delete(f"/v1/replies/{middle['id']}"), 204)

    page = api.get(f"/v1/posts/{leaf['id']}/conversation").json()

    assert page["ancestors"][0]["id"] == root["id"]
    assert page["ancestors"][1] == {"id": middle["id"], "deleted": True}
    assert api.get(f"/v1/posts/{root['id']}/conversation").json()["replies"] == []
    problem(api.get(f"/v1/posts/{middle['id']}/conversation"), 404, "post-not-found")
    expect(ada.delete(f"/v1/tweets/{root['id']}"), 204)
    page = api.get(f"/v1/posts/{leaf['id']}/conversation").json()
    assert page["ancestors"][0] == {"id": root["id"], "deleted": True}


def test_replies_page_by_link_oldest_first(api: Api, ada: Person, bob: Person) -> None:
    root = ada.tweet()
    replies = ids([bob.reply(root, f"number {n}") for n in range(25)])
    for limit in (1, 10, 25):
        seen: list[str] = []
        answer = api.get(f"/v1/posts/{root['id']}/conversation", params={"limit": limit})
        while True:
            page = expect(answer, 200).json()
            assert page["post"]["id"] == root["id"]
            seen += ids(page["replies"])
            if "next" not in links(answer):
                break
            answer = api.get(links(answer)["next"])
        assert seen == replies
    assert len(api.get(f"/v1/posts/{root['id']}/conversation").json()["replies"]) == 20


def test_a_long_thread_reaches_its_root(api: Api, ada: Person) -> None:
    chain = [ada.tweet()]
    for _ in range(30):
        chain.append(ada.reply(chain[-1]))

    page = api.get(f"/v1/posts/{chain[-1]['id']}/conversation").json()

    assert ids(page["ancestors"]) == ids(chain[:-1])
    assert {post["conversation_id"] for post in page["ancestors"]} == {chain[0]["id"]}
