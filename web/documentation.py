"""The API's documentation, served by the API: the OpenAPI document, a page that shows it, and
what each kind of problem means. Works without a network."""

from collections.abc import Sequence
from inspect import getdoc
from typing import Final

import msgspec

from domain.errors import NotFound, Refusal
from web import openapi
from web.fixed import fixed, page
from web.problems import STATUS
from web.routing import Auth, Call, Reply, Route

TAG: Final = "operations"


class ProblemKind(msgspec.Struct, frozen=True):
    """What stands behind a problem's `type`."""

    type: str
    title: str
    status: int
    description: str


def routes(documented: Sequence[Route]) -> tuple[Route, ...]:
    """The routes that document `documented` and themselves."""
    own = (
        page("/docs", "web.pages", "docs.html", "This documentation for a person", tag=TAG),
        page("/docs.js", "web.pages", "docs.js", "What moves the documentation", tag=TAG),
        page("/docs.css", "web.pages", "docs.css", "How the documentation looks", tag=TAG),
        _problem_kinds(),
    )
    described = [*documented, *own]
    summary = "The OpenAPI document of all this"
    document = fixed(
        "/openapi.json",
        lambda: openapi.encoded(described),
        "application/json",
        summary,
        tag=TAG,
    )
    described.insert(len(documented), document)
    return (document, *own)


def _problem_kinds() -> Route:
    kinds = {refusal.name: refusal for refusal in STATUS}

    async def endpoint(call: Call) -> Reply:
        refusal = kinds.get(call.path["name"])
        if refusal is None:
            raise NotFound
        return Reply(200, msgspec.json.encode(_kind_of(refusal)))

    return Route(
        method="GET",
        path="/problems/{name}",
        endpoint=endpoint,
        summary="What a kind of problem means",
        auth=Auth.NONE,
        answers={200: ProblemKind},
        tag=TAG,
        limited=False,
    )


def _kind_of(refusal: type[Refusal]) -> ProblemKind:
    own_doc = refusal.__dict__.get("__doc__")
    description = (getdoc(refusal) or "").partition("\n\n")[0] if own_doc else ""
    return ProblemKind(
        f"/problems/{refusal.name}", refusal.title, STATUS[refusal], " ".join(description.split())
    )
