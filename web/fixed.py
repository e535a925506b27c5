"""Answers that never change while the process runs: pages, scripts, the OpenAPI document."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from web.routing import Auth, Call, Reply, Route

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
# Scripts, styles, pictures and requests of our own; nothing inline, nothing from elsewhere.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# What may change with the next release is asked for again; what is named by its hash never is.
ASKED_AGAIN: Final = "no-cache"
KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"


def page(path: str, package: str, name: str, summary: str, *, tag: str) -> Route:
    """The route of a file beside the modules of `package`."""
    body = (files(package) / name).read_bytes()
    media_type = MEDIA_TYPES[name.rpartition(".")[2]]
    return fixed(path, body, media_type, summary, tag=tag)


def fixed(
    path: str,
    body: bytes | Callable[[], bytes],
    media_type: str,
    summary: str,
    *,
    tag: str,
    for_ever: bool = False,
) -> Route:
    """The route that answers `body`, made when it is first asked for; 304 to those who have it.
    `for_ever`: never asked again."""

    @cache
    def content() -> tuple[bytes, str, tuple[tuple[str, str], ...]]:
        made = body if isinstance(body, bytes) else body()
        etag = f'"{hashlib.blake2b(made, digest_size=12).hexdigest()}"'
        return made, etag, (("ETag", etag), *_headers(for_ever=for_ever))

    async def endpoint(call: Call) -> Reply:
        made, etag, headers = content()
        known = call.headers.get("if-none-match", "")
        if etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Reply(304, b"", headers)
        return Reply(200, made, headers, None, media_type)

    return Route(
        method="GET",
        path=path,
        endpoint=endpoint,
        summary=summary,
        auth=Auth.NONE,
        answers={200: media_type.partition(";")[0], 304: None},
        tag=tag,
        limited=False,
    )


def _headers(*, for_ever: bool) -> tuple[tuple[str, str], ...]:
    return (
        ("Cache-Control", KEPT_FOR_EVER if for_ever else ASKED_AGAIN),
        ("Content-Security-Policy", PAGE_POLICY),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    )
