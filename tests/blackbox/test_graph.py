"""Relationships and the lists of them."""

from tests.blackbox.client import Api, Person, expect, ids, items_of, problem

NOTHING = dict.fromkeys(("following", "followed_by", "blocking", "blocked_by", "muting"), False)


def test_following_oneself_is_422_and_twice_changes_nothing(ada: Person, bob: Person) -> None:
    problem(ada.put(f"/v1/accounts/{ada.id}/follow"), 422, "invalid")
    for how in ("block", "mute"):
        expect(ada.put(f"/v1/accounts/{ada.id}/{how}"), 422)
    for _ in range(2):
        ada.relate("follow", bob)
    assert bob.get("/v1/accounts/me").json()["counts"]["followers"] == 1
    for _ in range(2):
        ada.unrelate("follow", bob)
    assert bob.get("/v1/accounts/me").json()["counts"]["followers"] == 0


def test_every_toggle_between_accounts_may_be_repeated(ada: Person, bob: Person) -> None:
    for how in ("follow", "mute", "block"):
        for _ in range(2):
            ada.unrelate(how, bob)
        for _ in range(2):
            ada.relate(how, bob)
        for _ in range(2):
            ada.unrelate(how, bob)


def test_followers_and_following_newest_first(
    api: Api, ada: Person, bob: Person, cleo: Person
) -> None:
    bob.relate("follow", ada)
    cleo.relate("follow", ada)
    bob.relate("follow", cleo)

    assert ids(items_of(api.get(f"/v1/accounts/{ada.id}/followers"))) == [cleo.id, bob.id]
    assert ids(items_of(api.get(f"/v1/accounts/{bob.id}/following"))) == [cleo.id, ada.id]
    bob.unrelate("follow", ada)
    assert ids(items_of(api.get(f"/v1/accounts/{ada.id}/followers"))) == [cleo.id]


def test_mutuals_and_known_followers_are_with_the_reader(
    api: Api, ada: Person, bob: Person, cleo: Person
) -> None:
    shared = api.person()
    bob.relate("follow", shared)
    ada.relate("follow", shared)
    ada.relate("follow", cleo)
    cleo.relate("follow", bob)

    assert ids(ada.items(f"/v1/accounts/{bob.id}/mutuals")) == [shared.id]
    assert ids(ada.items(f"/v1/accounts/{bob.id}/known-followers")) == [cleo.id]
    for name in ("mutuals", "known-followers"):
        problem(api.get(f"/v1/accounts/{bob.id}/{name}"), 401, "not-signed-in")


def test_suggestions_are_friends_of_friends(api: Api, ada: Person) -> None:
    friends = [api.person() for _ in range(3)]
    popular, rare, known = api.person(), api.person(), api.person()
    for friend in friends:
        ada.relate("follow", friend)
        friend.relate("follow", popular)
        friend.relate("follow", known)
        friend.relate("follow", ada)
    friends[0].relate("follow", rare)
    ada.relate("follow", known)

    assert ids(ada.items("/v1/suggestions")) == [popular.id, rare.id]
    ada.relate("block", popular)
    assert ids(ada.items("/v1/suggestions")) == [rare.id]


def test_relationships_are_told_for_each_id_in_order(
    ada: Person, bob: Person, cleo: Person
) -> None:
    ada.relate("follow", bob)
    ada.relate("mute", bob)
    ada.relate("block", cleo)

    found = items_of(ada.get(f"/v1/relationships?id={cleo.id}&id={bob.id}"))

    assert found == [
        {"id": cleo.id, **NOTHING, "blocking": True},
        {"id": bob.id, **NOTHING, "following": True, "muting": True},
    ]
    theirs = items_of(bob.get(f"/v1/relationships?id={ada.id}"))
    assert theirs == [{"id": ada.id, **NOTHING, "followed_by": True}]
    problem(ada.get("/v1/relationships"), 422, "invalid")
    problem(ada.get("/v1/relationships?id=x"), 422, "invalid")


def test_blocks_and_mutes_list_whom_the_reader_blocks_and_mutes(
    ada: Person, bob: Person, cleo: Person
) -> None:
    ada.relate("block", bob)
    ada.relate("mute", cleo)

    assert ids(ada.items("/v1/blocks")) == [bob.id]
    assert ids(ada.items("/v1/mutes")) == [cleo.id]
    assert bob.items("/v1/blocks") == []
    ada.unrelate("block", bob)
    ada.unrelate("mute", cleo)
    assert ada.items("/v1/blocks") == []
    assert ada.items("/v1/mutes") == []


def test_accounts_are_read_by_ids(api: Api, ada: Person, bob: Person) -> None:
    assert ids(items_of(api.get(f"/v1/accounts?ids={bob.id},1,{ada.id}"))) == [bob.id, ada.id]
    assert ids(items_of(api.get(f"/v1/accounts?ids={bob.id}&ids={ada.id}"))) == [bob.id, ada.id]


def test_home_follows_the_follows(ada: Person, bob: Person, cleo: Person) -> None:
    theirs = bob.tweet("before the follow")
    own = ada.tweet("mine")
    assert ada.home() == [own["id"]]

    ada.relate("follow", bob)
    thread = bob.reply(theirs, "to myself")
    bob.reply(own, "to you")
    quote = bob.tweet("look", quote_of_id=own["id"])
    cleos = cleo.tweet()
    bob.react("repost", cleos)
    assert ada.home() == [cleos["id"], quote["id"], thread["id"], own["id"], theirs["id"]]

    ada.unrelate("follow", bob)
    assert ada.home() == [own["id"]]


def test_a_profile_shows_tweets_with_reposts_or_replies_or_all(
    api: Api, ada: Person, bob: Person
) -> None:
    tweet = ada.tweet()
    reply = ada.reply(bob.tweet())
    theirs = bob.tweet()
    ada.react("repost", theirs)
    path = f"/v1/accounts/{ada.id}/posts"

    assert ids(items_of(api.get(path))) == [theirs["id"], tweet["id"]]
    assert ids(items_of(api.get(path, params={"kind": "tweet"}))) == [theirs["id"], tweet["id"]]
    assert ids(items_of(api.get(path, params={"kind": "reply"}))) == [reply["id"]]
    everything = ids(items_of(api.get(path, params={"kind": "all"})))
    assert everything == [theirs["id"], reply["id"], tweet["id"]]
    problem(api.get(path, params={"kind": "other"}), 422, "invalid")


def test_the_public_timeline_has_everybodys_tweets(api: Api, ada: Person, bob: Person) -> None:
    tweets = [ada.tweet()["id"], bob.tweet()["id"]]
    bob.reply({"id": tweets[0]})

    found = items_of(api.get("/v1/timelines/public", params={"limit": 2}))

    assert ids(found) == tweets[::-1]
