"""A post's text as a whole: what is in it, and whether it may be posted."""

import msgspec

from domain.text.entities import Entities, Entity, Hashtag, Mention, Url
from domain.text.tags import find_hashtags, find_mentions_and_lists
from domain.text.urls import find_urls
from domain.text.weight import Weight, weigh_around


class ParsedPost(msgspec.Struct, frozen=True):
    entities: Entities
    weight: Weight


def parse_post(text: str) -> ParsedPost:
    """The entities and the weight of a text, looking for URLs once."""
    urls = find_urls(text)
    return ParsedPost(_around_urls(text, urls), weigh_around(text, urls))


def extract_entities(text: str) -> Entities:
    """The hashtags, mentions and URLs of a text; where two overlap, the first one counts."""
    return _around_urls(text, find_urls(text))


def _around_urls(text: str, urls: list[Url]) -> Entities:
    found: list[Entity] = [*urls, *find_mentions_and_lists(text), *find_hashtags(text)]
    # Sorting is stable: of two that start together the URL wins, then the mention.
    kept = _without_overlaps(sorted(found, key=_start))
    return Entities(
        hashtags=tuple(entity for entity in kept if isinstance(entity, Hashtag)),
        mentions=tuple(
            entity for entity in kept if isinstance(entity, Mention) and not entity.list_slug
        ),
        urls=tuple(entity for entity in kept if isinstance(entity, Url)),
    )


def _start(entity: Entity) -> int:
    return entity.start


def _without_overlaps(found: list[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    end = 0
    for entity in found:
        if entity.start >= end:
            kept.append(entity)
            end = entity.end
    return kept
