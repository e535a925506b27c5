"""The live page at `/`, the administrators' at `/admin`, and the files they are made of.

The files are served below a folder named after a hash of them all, so browsers may keep them for
ever, and the modules among them import each other by relative names.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from domain.text import V3, characters, emoji
from domain.text.tlds import TOP_LEVEL_DOMAINS
from web.fixed import MEDIA_TYPES, fixed
from web.routing import Route

PACKAGE: Final = "web.pages"
PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "live": ("/", "A small live page"),
    "admin": ("/admin", "A page for administrators"),
}
PAGE: Final = "index.html"
TAG: Final = "operations"
HASH_BYTES: Final = 8
ASSETS_SLOT: Final = b"{assets}"


def routes() -> tuple[Route, ...]:
    """The pages and their files."""
    assets = _assets()
    folder = f"/assets/{_hash(assets)}"
    return (
        *(
            fixed(path, _page(name, folder), MEDIA_TYPES["html"], summary, tag=TAG)
            for name, (path, summary) in PAGES.items()
        ),
        *(
            fixed(
                f"{folder}/{name}",
                body,
                MEDIA_TYPES[name.rpartition(".")[2]],
                "A part of a page",
                tag=TAG,
                for_ever=True,
            )
            for name, body in assets.items()
        ),
    )


def _page(name: str, folder: str) -> bytes:
    return (files(PACKAGE) / name / PAGE).read_bytes().replace(ASSETS_SLOT, folder.encode())


def _assets() -> Mapping[str, bytes]:
    found = {
        f"{page}/{file.name}": file.read_bytes()
        for page in PAGES
        for file in (files(PACKAGE) / page).iterdir()
        if file.name != PAGE and file.name.rpartition(".")[2] in MEDIA_TYPES
    }
    return dict(sorted({**found, "live/rules.js": text_rules()}.items()))


def _hash(assets: Mapping[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    for name, body in assets.items():
        digest.update(b"%b\0%d\0%b" % (name.encode(), len(body), body))
    return digest.hexdigest()


def text_rules() -> bytes:
    """What the page must know of the text rules to count like the server, as an ES module."""
    rules = {
        "WEIGHT_MAX": V3.weighted_length_max,
        "URL_WEIGHT": V3.url_length,
        "EMOJI": emoji.SEQUENCE.pattern,
        "LATIN_ACCENTS": characters.LATIN_ACCENTS,
        "CYRILLIC": characters.CYRILLIC,
        "DOMAIN_STOPS": characters.DOMAIN_STOPS,
        "NON_CHARACTERS": characters.NON_CHARACTERS,
        "TOP_LEVEL_DOMAINS": sorted(TOP_LEVEL_DOMAINS),
    }
    lines = (
        b"export const %b = %b;\n" % (name.encode(), msgspec.json.encode(value))
        for name, value in rules.items()
    )
    return b"/** Made from the server's own text rules (domain/text/). */\n" + b"".join(lines)
