"""The text rules: what a post's text weighs and what is in it, as twitter-text has them.

Start with `posts` (one text as a whole), then `urls`, `tags` and `weight`. The rules, their limits
and the list of top-level domains are twitter-text's (Apache-2.0, copyright Twitter, Inc.).
"""

from domain.text.entities import Cashtag, Entities, Entity, Hashtag, Mention, Url
from domain.text.posts import ParsedPost, extract_entities, parse_post
from domain.text.tags import (
    find_cashtags,
    find_hashtags,
    find_mentions_and_lists,
    find_reply,
)
from domain.text.urls import find_urls
from domain.text.validation import (
    is_valid_hashtag,
    is_valid_list,
    is_valid_post,
    is_valid_url,
    is_valid_username,
)
from domain.text.weight import V1, V2, V3, Configuration, Weight, weigh

__all__ = [
    "V1",
    "V2",
    "V3",
    "Cashtag",
    "Configuration",
    "Entities",
    "Entity",
    "Hashtag",
    "Mention",
    "ParsedPost",
    "Url",
    "Weight",
    "extract_entities",
    "find_cashtags",
    "find_hashtags",
    "find_mentions_and_lists",
    "find_reply",
    "find_urls",
    "is_valid_hashtag",
    "is_valid_list",
    "is_valid_post",
    "is_valid_url",
    "is_valid_username",
    "parse_post",
    "weigh",
]
