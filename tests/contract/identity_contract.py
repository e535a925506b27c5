"""What every identity provider must do, and what every verifier of its tokens must refuse."""

import base64
import hashlib
import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from commands.ports import IdentityProvider, Tokens
from domain.errors import NotSignedIn, Suspended, WrongCredentials
from domain.events import AccountClosed, AccountReinstated, AccountSuspended, RoleGranted
from domain.ids import AccountId
from tests import facts
from tests.fakes import Fakes
from web.app import Authenticator

ADA, BOB = facts.account("ada"), facts.account("bob")
SECRET, OTHER = "correct horse", "battery staple"
ACCESS_LIFETIME_S = 900
REFRESH_LIFETIME_S = 30 * 24 * 3600


class WholeProvider(IdentityProvider, Authenticator, Protocol):
    """A provider that verifies its own tokens."""

    def jwks(self) -> dict[str, Any]: ...

    async def erase(self, account_id: AccountId) -> int: ...

    async def kept_of(self, account_id: AccountId) -> int: ...


Reopen = Callable[[], WholeProvider]


def segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def suspend(fakes: Fakes, account_id: AccountId) -> None:
    event = AccountSuspended(event_id=facts.event_id(), actor_id=BOB, account_id=account_id)
    fakes.log.given(event)


async def reinstate(fakes: Fakes, account_id: AccountId) -> None:
    event = AccountReinstated(event_id=facts.event_id(), actor_id=BOB, account_id=account_id)
    fakes.log.given(event)


class IdentityContract(ABC):
    """Subclass with both fixtures. The provider reads `fakes.log`, `fakes.refusals` and the clock
    of `fakes.stamps`; `reopen` makes another provider on what the first one kept.
    """

    @pytest.fixture
    def fakes(self) -> Fakes:
        return Fakes()

    @pytest.fixture
    @abstractmethod
    def provider(self, fakes: Fakes) -> WholeProvider: ...

    @pytest.fixture
    @abstractmethod
    def reopen(self, fakes: Fakes) -> Reopen: ...

    @pytest.fixture
    async def tokens(self, provider: WholeProvider) -> Tokens:
        await provider.enroll(ADA, SECRET)
        return await provider.sign_in(ADA, SECRET)

    async def test_who_knows_the_password_gets_a_token_that_speaks_for_them(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        identity = provider.verify(tokens.access_token)

        assert identity.account_id == ADA
        assert identity.scopes == frozenset()
        assert tokens.account_id == str(ADA)
        assert tokens.token_type == "Bearer"
        assert tokens.expires_in == ACCESS_LIFETIME_S

    async def test_an_unknown_account_and_a_wrong_password_are_refused_alike(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        refusals = []
        for account_id, password in ((ADA, OTHER), (ADA, ""), (BOB, SECRET), (None, SECRET)):
            with pytest.raises(WrongCredentials) as refused:
                await provider.sign_in(account_id, password)
            refusals.append((refused.value.name, refused.value.detail))

        assert len(set(refusals)) == 1

    async def test_any_characters_make_a_password(self, provider: WholeProvider) -> None:
        for password in ("p\0ss word", "пароль密码🔑", "x" * 1_024, " " * 8):
            await provider.enroll(ADA, password)
            await provider.sign_in(ADA, password)
            with pytest.raises(WrongCredentials):
                await provider.sign_in(ADA, password[:-1])

    async def test_accents_may_be_composed_either_way(self, provider: WholeProvider) -> None:
        await provider.enroll(ADA, "caf\u00e9 olé")

        await provider.sign_in(ADA, "cafe\u0301 olé")

    async def test_passwords_sessions_and_keys_are_there_after_a_restart(
        self, tokens: Tokens, reopen: Reopen
    ) -> None:
        restarted = reopen()

        assert restarted.verify(tokens.access_token).account_id == ADA
        await restarted.sign_in(ADA, SECRET)
        await restarted.refresh(tokens.refresh_token)

    async def test_an_access_token_expires_also_when_it_was_just_used(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens, reopen: Reopen
    ) -> None:
        fakes.stamps.advance(seconds=ACCESS_LIFETIME_S - 1)
        provider.verify(tokens.access_token)
        fakes.stamps.advance(seconds=1)

        for verifier in (provider, reopen()):
            with pytest.raises(NotSignedIn):
                verifier.verify(tokens.access_token)

    async def test_a_token_says_what_it_must(self, tokens: Tokens) -> None:
        header = jwt.get_unverified_header(tokens.access_token)
        claims = claims_of(tokens.access_token)

        assert header["alg"] in {"EdDSA", "RS256"}
        assert header["kid"]
        assert {"iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"} <= set(claims)
        assert claims["sub"] == str(ADA)
        assert claims["exp"] - claims["iat"] == ACCESS_LIFETIME_S

    async def test_forged_tokens_are_refused(self, provider: WholeProvider, tokens: Tokens) -> None:
        header = jwt.get_unverified_header(tokens.access_token)
        claims = claims_of(tokens.access_token)
        head, body, signature = tokens.access_token.split(".")
        deep = base64.urlsafe_b64encode(b"[" * 1_101).decode()
        admin = segment(claims | {"scope": "admin"})
        foreign = Ed25519PrivateKey.generate()
        forged = {
            "none": f"{segment(header | {'alg': 'none'})}.{body}.",
            "None": f"{segment(header | {'alg': 'None'})}.{body}.{signature}",
            "foreign key": jwt.encode(claims, foreign, "EdDSA", header),
            "unknown key": jwt.encode(claims, foreign, "EdDSA", header | {"kid": "other"}),
            "no key named": jwt.encode(claims, foreign, "EdDSA"),
            "embedded key": jwt.encode(
                claims, foreign, "EdDSA", header | {"jku": "http://example.com", "jwk": {}}
            ),
            "changed claims": f"{head}.{admin}.{signature}",
            "no signature": f"{head}.{body}.",
            "two parts": f"{head}.{body}",
            "another signature": f"{head}.{body}.{'A' * len(signature)}",
            "signed with the public key": signed_with_a_public_key(provider, header, body),
            "a refresh token": tokens.refresh_token,
            "noise": "noise",
            "empty": "",
            "not ASCII": "é.ü.ñ",
            "a lone surrogate": "\ud800.\ud800.\ud800",
            "very long": "x" * 100_000,
            "a deep header": f"{deep}.{body}.{signature}",
            "deep claims": f"{head}.{deep}.{signature}",
            "a list": f"{base64.urlsafe_b64encode(b'[1]').decode()}.{body}.{signature}",
            "a numbered key": f"{segment(header | {'kid': 1})}.{body}.{signature}",
            "critical": f"{segment(header | {'crit': ['x']})}.{body}.{signature}",
        }

        accepted = []
        for how, token in forged.items():
            try:
                provider.verify(token)
                accepted.append(how)
            except NotSignedIn:
                pass

        assert accepted == []

    async def test_a_session_that_signed_out_is_refused_at_once_and_for_good(
        self, provider: WholeProvider, tokens: Tokens, reopen: Reopen
    ) -> None:
        session_id = provider.verify(tokens.access_token).session_id
        other = await provider.sign_in(ADA, SECRET)

        await provider.sign_out(session_id)

        for verifier in (provider, reopen()):
            with pytest.raises(NotSignedIn):
                verifier.verify(tokens.access_token)
            with pytest.raises(NotSignedIn):
                await verifier.refresh(tokens.refresh_token)
            verifier.verify(other.access_token)

    async def test_refreshing_goes_on_with_the_session(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        fakes.stamps.advance(seconds=ACCESS_LIFETIME_S)

        fresh = await provider.refresh(tokens.refresh_token)

        before, after = claims_of(tokens.access_token), claims_of(fresh.access_token)
        assert (before["sid"], before["sub"]) == (after["sid"], after["sub"])
        assert provider.verify(fresh.access_token).account_id == ADA
        assert fresh.refresh_token != tokens.refresh_token

    async def test_a_refresh_token_used_twice_ends_its_whole_session(
        self, provider: WholeProvider, tokens: Tokens, reopen: Reopen
    ) -> None:
        other = await provider.sign_in(ADA, SECRET)
        second = await provider.refresh(tokens.refresh_token)
        third = await provider.refresh(second.refresh_token)
        provider.verify(third.access_token)

        with pytest.raises(NotSignedIn):
            await provider.refresh(tokens.refresh_token)

        for verifier in (provider, reopen()):
            for stolen in (tokens, second, third):
                with pytest.raises(NotSignedIn):
                    verifier.verify(stolen.access_token)
                with pytest.raises(NotSignedIn):
                    await verifier.refresh(stolen.refresh_token)
            verifier.verify(other.access_token)

    async def test_refresh_tokens_live_for_thirty_days(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        fakes.stamps.advance(seconds=REFRESH_LIFETIME_S - 1)
        fresh = await provider.refresh(tokens.refresh_token)
        fakes.stamps.advance(seconds=REFRESH_LIFETIME_S)

        with pytest.raises(NotSignedIn):
            await provider.refresh(fresh.refresh_token)

    async def test_only_refresh_tokens_refresh(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        for token in ("", "noise", "\ud800", tokens.access_token):
            with pytest.raises(NotSignedIn):
                await provider.refresh(token)

        await provider.refresh(tokens.refresh_token)

    async def test_changing_the_password_ends_every_other_session(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        other = await provider.sign_in(ADA, SECRET)
        session_id = provider.verify(tokens.access_token).session_id
        provider.verify(other.access_token)

        await provider.set_password(ADA, current=SECRET, new=OTHER, session_id=session_id)

        provider.verify(tokens.access_token)
        await provider.sign_in(ADA, OTHER)
        with pytest.raises(NotSignedIn):
            provider.verify(other.access_token)
        with pytest.raises(WrongCredentials):
            await provider.sign_in(ADA, SECRET)

    async def test_changing_the_password_needs_the_current_one(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        session_id = provider.verify(tokens.access_token).session_id

        with pytest.raises(WrongCredentials):
            await provider.set_password(ADA, current=OTHER, new=OTHER, session_id=session_id)

        await provider.sign_in(ADA, SECRET)

    async def test_a_suspended_account_is_refused_at_once_until_it_is_reinstated(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        provider.verify(tokens.access_token)
        await suspend(fakes, ADA)

        with pytest.raises(Suspended):
            provider.verify(tokens.access_token)
        with pytest.raises(Suspended):
            await provider.sign_in(ADA, SECRET)
        with pytest.raises(Suspended):
            await provider.refresh(tokens.refresh_token)

        await reinstate(fakes, ADA)
        provider.verify(tokens.access_token)
        await provider.refresh(tokens.refresh_token)

    async def test_suspension_is_told_only_to_who_knows_the_password(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        await suspend(fakes, ADA)

        with pytest.raises(WrongCredentials):
            await provider.sign_in(ADA, OTHER)

    async def test_a_closed_account_is_refused_at_once(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        provider.verify(tokens.access_token)
        fakes.log.given(AccountClosed(event_id=facts.event_id(), actor_id=ADA))

        with pytest.raises(NotSignedIn):
            provider.verify(tokens.access_token)
        with pytest.raises(NotSignedIn):
            await provider.refresh(tokens.refresh_token)
        with pytest.raises(WrongCredentials):
            await provider.sign_in(ADA, SECRET)

    async def test_a_forgotten_account_can_neither_sign_in_nor_go_on(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        await provider.forget(ADA)

        with pytest.raises(NotSignedIn):
            provider.verify(tokens.access_token)
        with pytest.raises(NotSignedIn):
            await provider.refresh(tokens.refresh_token)
        with pytest.raises(WrongCredentials):
            await provider.sign_in(ADA, SECRET)

    async def test_of_an_erased_account_nothing_is_kept(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        await provider.enroll(BOB, OTHER)
        others = await provider.sign_in(BOB, OTHER)
        fakes.log.given(AccountClosed(event_id=facts.event_id(), actor_id=ADA))
        kept = await provider.kept_of(ADA)

        assert await provider.erase(ADA) == kept == 3
        assert await provider.kept_of(ADA) == 0
        assert await provider.erase(ADA) == 0
        with pytest.raises(NotSignedIn):
            provider.verify(tokens.access_token)
        with pytest.raises(NotSignedIn):
            await provider.refresh(tokens.refresh_token)
        assert provider.verify(others.access_token).account_id == BOB
        assert await provider.kept_of(BOB) == 3

    async def test_a_role_counts_from_the_next_token_on(
        self, fakes: Fakes, provider: WholeProvider, tokens: Tokens
    ) -> None:
        granted = RoleGranted(
            event_id=facts.event_id(), actor_id=AccountId(0), account_id=ADA, role="admin"
        )
        fakes.log.given(granted)

        refreshed = await provider.refresh(tokens.refresh_token)
        signed_in = await provider.sign_in(ADA, SECRET)

        assert "admin" not in provider.verify(tokens.access_token).scopes
        assert "admin" in provider.verify(refreshed.access_token).scopes
        assert "admin" in provider.verify(signed_in.access_token).scopes

    async def test_other_services_can_verify_by_the_published_keys(
        self, provider: WholeProvider, tokens: Tokens
    ) -> None:
        published = jwt.PyJWKSet.from_dict(provider.jwks())
        kid = jwt.get_unverified_header(tokens.access_token)["kid"]

        claims = jwt.decode(
            tokens.access_token,
            published[kid],
            ["EdDSA", "RS256"],
            {"verify_aud": False, "verify_exp": False, "verify_iat": False},
        )

        assert claims["sub"] == str(ADA)
        assert not any("d" in key for key in provider.jwks()["keys"])


def signed_with_a_public_key(provider: WholeProvider, header: dict[str, Any], body: str) -> str:
    """The classic confusion: a public key, which everybody has, as the secret of an HMAC."""
    public = json.dumps(provider.jwks()["keys"][0]).encode()
    signed = f"{segment(header | {'alg': 'HS256'})}.{body}"
    digest = hmac.digest(public, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
