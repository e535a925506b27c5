"""Every command's path, by family."""

from commands import (
    account_routes,
    moderation_routes,
    post_routes,
    reaction_routes,
    relationship_routes,
)
from commands.ports import Ports
from web.routing import Route


def routes(ports: Ports) -> tuple[Route, ...]:
    """The write side as data; `web.app.build` makes an application of it."""
    return (
        *account_routes.routes(ports),
        *post_routes.routes(ports),
        *reaction_routes.routes(ports),
        *relationship_routes.routes(ports),
        *moderation_routes.routes(ports),
    )
