"""Identity: accounts, sessions, tokens."""

import base64
import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.blackbox.client import PASSWORD, Api, Person, expect, made, new_handle, problem


def sign_up(api: Api, **body: Any) -> httpx.Response:
    return api.send("POST", "/v1/accounts", json=body)


def sign_in(api: Api, handle: str, password: str = PASSWORD) -> httpx.Response:
    return api.send("POST", "/v1/sessions", json={"handle": handle, "password": password})


def refresh(api: Api, token: str) -> httpx.Response:
    return api.send("POST", "/v1/sessions/refresh", json={"refresh_token": token})


def test_signing_up_answers_201_with_the_account(api: Api) -> None:
    handle = new_handle()
    answer = sign_up(api, handle=handle, password=PASSWORD, display_name="Ada 👩‍🚀 Lovelace")

    account = made(answer)
    assert account["handle"] == handle
    assert account["display_name"] == "Ada 👩‍🚀 Lovelace"
    assert answer.headers["Location"].endswith(f"/v1/accounts/{account['id']}")
    seen = api.get(f"/v1/accounts/{account['id']}").json()
    account.pop("viewer", None)
    assert seen == account


def test_a_handle_is_unique_without_case(api: Api, ada: Person) -> None:
    for handle in (ada.handle, ada.handle.upper(), ada.handle.title()):
        problem(sign_up(api, handle=handle, password=PASSWORD), 409, "handle-taken")
        assert api.get(f"/v1/accounts/by-handle/{handle}").json()["id"] == ada.id


@pytest.mark.parametrize(
    "handle", ["", "x" * 21, "a b", "a-b", "ä", "@ada", "a\n", "ada\0", "\u0661"]
)
def test_a_handle_has_1_to_20_letters_digits_or_underscores(api: Api, handle: str) -> None:
    document = problem(sign_up(api, handle=handle, password=PASSWORD), 422, "invalid")

    assert document["errors"][0]["pointer"] == "/handle"


def test_a_handle_of_20_characters_is_taken(api: Api) -> None:
    handle = (new_handle() + "_" * 20)[:20]

    made(sign_up(api, handle=handle, password=PASSWORD))
    expect(sign_in(api, handle.upper()), 200)


def test_signing_in_answers_tokens(api: Api, ada: Person) -> None:
    tokens = expect(sign_in(api, ada.handle), 200).json()

    assert tokens.keys() == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "account_id",
    }
    assert tokens["token_type"].lower() == "bearer"
    assert tokens["expires_in"] == 900
    assert tokens["account_id"] == ada.id


def test_a_wrong_password_and_a_wrong_handle_are_told_alike(api: Api, ada: Person) -> None:
    wrong = sign_in(api, ada.handle, "not this one")
    nobody = sign_in(api, new_handle())

    problem(wrong, 401, "wrong-credentials")
    assert wrong.content == nobody.content
    assert "WWW-Authenticate" in wrong.headers
    problem(sign_in(api, ada.handle, PASSWORD.upper()), 401, "wrong-credentials")


def test_a_refresh_token_gives_new_tokens_once(api: Api, ada: Person) -> None:
    first = ada.session["refresh_token"]
    second = expect(refresh(api, first), 200).json()

    assert second["refresh_token"] != first
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert api.get("/v1/accounts/me", headers=headers).json()["id"] == ada.id


def test_a_refresh_token_used_twice_ends_the_session(api: Api, ada: Person) -> None:
    first = ada.session["refresh_token"]
    second = expect(refresh(api, first), 200).json()

    problem(refresh(api, first), 401, "not-signed-in")
    problem(refresh(api, second["refresh_token"]), 401, "not-signed-in")
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    problem(api.get("/v1/accounts/me", headers=headers), 401, "not-signed-in")


def test_a_made_up_refresh_token_is_401(api: Api) -> None:
    for token in ("", "x", "é", "x" * 10_000):
        problem(refresh(api, token), 401, "not-signed-in")


def test_signing_out_revokes_at_once_and_only_this_session(api: Api, ada: Person) -> None:
    other = expect(sign_in(api, ada.handle), 200).json()
    expect(ada.get("/v1/accounts/me"), 200)

    expect(ada.delete("/v1/sessions"), 204)

    problem(ada.get("/v1/accounts/me"), 401, "not-signed-in")
    problem(ada.get("/v1/timelines/public"), 401, "not-signed-in")
    problem(ada.post("/v1/tweets", json={"text": "x"}), 401, "not-signed-in")
    problem(refresh(api, ada.session["refresh_token"]), 401, "not-signed-in")
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    expect(api.get("/v1/accounts/me", headers=headers), 200)


def test_a_profile_changes_by_what_is_sent(api: Api, ada: Person) -> None:
    changed = expect(ada.patch("/v1/accounts/me", json={"bio": "Counting\nengines 😀"}), 200)
    assert changed.json()["bio"] == "Counting\nengines 😀"
    expect(ada.patch("/v1/accounts/me", json={"display_name": "Ada"}), 200)
    expect(ada.patch("/v1/accounts/me", json={}), 200)

    seen = api.get(f"/v1/accounts/{ada.id}").json()
    assert (seen["display_name"], seen["bio"]) == ("Ada", "Counting\nengines 😀")
    assert ada.get("/v1/accounts/me").json()["handle"] == ada.handle


@pytest.mark.parametrize(
    "body",
    [
        {"display_name": "x" * 51},
        {"bio": "x" * 161},
        {"display_name": 1},
        {"bio": ["x"]},
        {"display_name": "a\0b"},
    ],
)
def test_a_profile_that_breaks_a_rule_is_422(ada: Person, body: object) -> None:
    problem(ada.patch("/v1/accounts/me", json=body), 422, "invalid")


def test_a_password_changes(api: Api, ada: Person) -> None:
    other = expect(sign_in(api, ada.handle), 200).json()
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    expect(ada.put("/v1/accounts/me/password", json=body), 204)

    problem(sign_in(api, ada.handle), 401, "wrong-credentials")
    expect(sign_in(api, ada.handle, "battery staple"), 200)
    expect(ada.get("/v1/accounts/me"), 200)
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    problem(api.get("/v1/accounts/me", headers=headers), 401, "not-signed-in")


def test_a_password_does_not_change_without_the_current_one(api: Api, ada: Person) -> None:
    body = {"current_password": "not this one", "new_password": "battery staple"}

    answer = ada.put("/v1/accounts/me/password", json=body)

    assert answer.status_code in {401, 403}
    expect(sign_in(api, ada.handle), 200)


def test_short_passwords_are_422(api: Api, ada: Person) -> None:
    document = problem(sign_up(api, handle=new_handle(), password="short"), 422, "invalid")
    assert document["errors"][0]["pointer"] == "/password"
    body = {"current_password": PASSWORD, "new_password": "short"}
    problem(ada.put("/v1/accounts/me/password", json=body), 422, "invalid")


def test_a_closed_account_is_gone_everywhere(api: Api, ada: Person, bob: Person) -> None:
    bob.relate("follow", ada)
    post = ada.tweet()
    theirs = bob.tweet()
    ada.react("like", theirs)
    ada.reply(theirs)

    expect(ada.delete("/v1/accounts/me"), 204)

    problem(ada.get("/v1/accounts/me"), 401, "not-signed-in")
    problem(ada.post("/v1/tweets", json={"text": "x"}), 401, "not-signed-in")
    problem(sign_in(api, ada.handle), 401, "wrong-credentials")
    problem(refresh(api, ada.session["refresh_token"]), 401, "not-signed-in")
    problem(api.get(f"/v1/accounts/{ada.id}"), 404, "account-not-found")
    problem(api.get(f"/v1/accounts/by-handle/{ada.handle}"), 404, "account-not-found")
    problem(api.get(f"/v1/posts/{post['id']}"), 404, "post-not-found")
    problem(bob.put(f"/v1/accounts/{ada.id}/follow"), 404, "account-not-found")
    assert bob.home() == [theirs["id"]]
    assert bob.items(f"/v1/posts/{theirs['id']}/likes") == []
    assert bob.get(f"/v1/posts/{theirs['id']}/conversation").json()["replies"] == []
    assert bob.items(f"/v1/accounts/{bob.id}/following") == []
    assert bob.get(f"/v1/accounts/{bob.id}").json()["counts"]["following"] == 0
    made(sign_up(api, handle=ada.handle, password=PASSWORD))


def _parts(token: str) -> list[Any]:
    return [json.loads(base64.urlsafe_b64decode(p + "==")) for p in token.split(".")[:2]]


def _joined(header: Any, claims: Any, signature: str) -> str:
    coded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, claims)
    ]
    return ".".join((*coded, signature))


def test_forged_tokens_are_401(api: Api, ada: Person, bob: Person) -> None:
    token = ada.session["access_token"]
    header, claims = _parts(token)
    signature = token.rpartition(".")[2]
    stranger = ed25519.Ed25519PrivateKey.generate()
    rsa_key = rsa.generate_private_key(65537, 2048)
    as_bob = claims | {"sub": bob.id}
    admin = claims | {"scope": "admin"}
    forged = [
        _joined(header | {"alg": "none"}, claims, ""),
        _joined(header | {"alg": "None"}, claims, ""),
        _joined(header | {"alg": "HS256"}, claims, signature),
        _joined(header, as_bob, signature),
        _joined(header, admin, signature),
        _joined(header, claims | {"exp": claims["exp"] + 1}, signature),
        jwt.encode(claims, stranger, "EdDSA", header),
        jwt.encode(claims, stranger, "EdDSA", header | {"kid": "other"}),
        jwt.encode(claims, rsa_key, "RS256", header | {"alg": "RS256"}),
        jwt.encode(claims, "x" * 32, "HS256", header | {"alg": "HS256"}),
        token + "x",
        token[:-8],
        token.replace(".", "", 1),
    ]
    for one in forged:
        answer = api.get("/v1/accounts/me", headers={"Authorization": f"Bearer {one}"})
        problem(answer, 401, "not-signed-in")
        assert "WWW-Authenticate" in answer.headers
    expect(ada.get("/v1/accounts/me"), 200)
    assert claims["exp"] - claims["iat"] == 900


def test_a_refresh_token_is_no_access_token(api: Api, ada: Person) -> None:
    headers = {"Authorization": f"Bearer {ada.session['refresh_token']}"}

    problem(api.get("/v1/accounts/me", headers=headers), 401, "not-signed-in")
