"""Why a post is, or is not, in one's home."""

from tests.blackbox.client import Api, Json, Person, expect, problem

PATH = "/v1/timelines/home/why"


def why(reader: Person, post: Json) -> Json:
    # Only this waits for what the reader did and saw before.
    reader.home()
    found: Json = expect(reader.get(PATH, params={"post_id": post["id"]}), 200).json()
    return found


def test_a_home_says_why_a_post_is_there_and_why_not(ada: Person, bob: Person) -> None:
    post = bob.tweet()
    assert why(ada, post)["absent_because"] == ["not_followed"]

    ada.relate("follow", bob)
    followed = why(ada, post)
    ada.relate("mute", bob)
    muted = why(ada, post)
    ada.relate("block", bob)
    blocked = why(ada, post)

    assert (followed["shown"], followed["author_id"]) == (True, bob.id)
    assert followed["followed_since"].endswith("Z")
    assert [place["because"] for place in followed["places"]] == ["followed"]
    assert (muted["shown"], muted["absent_because"]) == (False, ["muted"])
    assert (blocked["absent_because"], blocked["author_id"]) == (["blocked"], None)


def test_a_home_says_who_brought_a_post_and_that_it_is_gone(ada: Person, bob: Person) -> None:
    mine = ada.tweet()
    ada.relate("follow", bob)
    bob.react("repost", mine)
    shared = why(ada, mine)

    expect(ada.delete(f"/v1/tweets/{mine['id']}"), 204)

    assert [place["reposted_by_id"] for place in shared["places"]] == [bob.id, None]
    assert [place["because"] for place in shared["places"]] == ["reposted", "own"]
    assert why(ada, mine)["absent_because"] == ["deleted"]


def test_it_is_about_ones_own_home_and_posts_that_are_there(api: Api, ada: Person) -> None:
    problem(api.get(PATH, params={"post_id": "1"}), 401, "not-signed-in")
    problem(ada.get(PATH, params={"post_id": "1"}), 404, "post-not-found")
    problem(ada.get(PATH), 422, "invalid")
