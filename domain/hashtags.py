"""When two hashtags are the same one."""

import unicodedata


def tag_key(tag: str) -> str:
    """What a hashtag (without its sign) is counted and looked up by: letter case and the way a
    character is composed make no difference, accents do (#año is not #ano)."""
    if tag.isascii():
        return tag.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).casefold())
