"""The words between the command line and a running server: a JSON line asks, lines answer."""

from typing import Final

import msgspec

from infra.importing.imports import Files
from infra.importing.tally import Progress, Summary
from read_api.ports import ProjectionStatus


class ImportFiles(msgspec.Struct, frozen=True, tag="import"):
    """Import files, which the server opens by their absolute paths."""

    files: Files


class GrantRoleTo(msgspec.Struct, frozen=True, tag="grant"):
    """Give the account that has the handle a role."""

    handle: str
    role: str


class SetPasswordOf(msgspec.Struct, frozen=True, tag="set-password"):
    """Set the password of the account that has the handle; its sessions end."""

    handle: str
    password: str


class ShowProjections(msgspec.Struct, frozen=True, tag="projections"):
    """Say how the projections are doing."""


class SwapProjection(msgspec.Struct, frozen=True, tag="swap"):
    """Let the generation answer that was built."""

    name: str


class RollBackProjection(msgspec.Struct, frozen=True, tag="rollback"):
    """Let the generation answer again that was live before."""

    name: str


class PruneProjection(msgspec.Struct, frozen=True, tag="prune"):
    """Drop every generation that does not answer."""

    name: str


Request = (
    ImportFiles
    | GrantRoleTo
    | SetPasswordOf
    | ShowProjections
    | SwapProjection
    | RollBackProjection
    | PruneProjection
)


class Imported(msgspec.Struct, frozen=True, tag="imported"):
    summary: Summary


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It was done, or there was nothing to do."""


class Projections(msgspec.Struct, frozen=True, tag="projections"):
    projections: tuple[ProjectionStatus, ...]


class Answering(msgspec.Struct, frozen=True, tag="answering"):
    """Which generation of a projection answers now, and which were dropped."""

    projection: str
    generation: int
    dropped: tuple[int, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It was not done, or not to the end; the reason is for a person."""

    reason: str


Result = Imported | Done | Projections | Answering
Message = Progress | Result | Failed

encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder[Request](Request).decode
decode_message: Final = msgspec.json.Decoder[Message](Message).decode
