"""The scripts of home timelines, and what each is made with.

All are given the name of their cell as key (`home_cells`) and make the names of the others from it,
because most depend on what a script finds: followers, authors, items. On a cluster that name is a
hash tag, which all of them carry then.
"""

from typing import Final

from infra.redis.scripts import text_of

_NAMES: Final = "home_names"
_CACHES: Final = "home_caches"
_LIVE: Final = "home_live"
_PUSH: Final = "home_push"
_FOLLOWERS: Final = "home_followers"
_MERGE: Final = "home_merge"
_SHOWN: Final = "home_shown"

HOME_SCRIPTS: Final = {
    script: text_of(_NAMES, *made_with, f"home_{script}")
    for script, made_with in {
        "add_posts": (_LIVE,),
        "drop_posts": (_LIVE,),
        "set_reposts": (_LIVE,),
        "set_ties": (_LIVE, _CACHES),
        "close_account": (_CACHES,),
        "count": (_FOLLOWERS,),
        "fan_out": (_CACHES, _PUSH, _FOLLOWERS),
        "push_shard": (_CACHES, _PUSH),
        "push_open": (_CACHES, _PUSH),
        "evict": (_CACHES,),
        "expire": (_CACHES,),
        "readers": (),
        "advance": (),
        "claim": (),
        "page": (_CACHES, _MERGE, _SHOWN),
        "heads": (),
        "visible": (_SHOWN,),
        "pull": (_MERGE, _SHOWN),
        "find": (_CACHES, _SHOWN),
        "begin": (_CACHES,),
        "gather": (_CACHES, _MERGE),
        "finish": (),
    }.items()
}
