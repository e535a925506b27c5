"""Does what the command line asks, on the profile that it was given."""

from collections.abc import Sequence
from typing import Final, assert_never

from commands.grant_role import GrantRole, grant_role
from commands.mentions import account_of
from domain.errors import AccountNotFound, Refusal
from domain.ids import AccountId
from infra.control.requests import (
    Answering,
    Done,
    GrantRoleTo,
    Imported,
    ImportFiles,
    Projections,
    PruneProjection,
    Request,
    Result,
    RollBackProjection,
    SetPasswordOf,
    ShowProjections,
    SwapProjection,
)
from infra.importing.file_ids import BadNamespace
from infra.importing.files import UnreadableFile
from infra.importing.imports import Imports
from infra.importing.outside import Outside
from infra.importing.recording import give
from infra.importing.tally import Report
from infra.profiles.profile import Generation, Profile

# What a request may come to; anything else is a fault of the program.
EXPECTED: Final = (Refusal, UnreadableFile, BadNamespace, OSError)


class Operator:
    """One for each opened profile: its imports take turns."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.imports = Imports(
            Outside(
                profile.ports, profile.keys, profile.import_index, profile.data_path / "imports"
            )
        )

    async def perform(self, request: Request, report: Report) -> Result:
        """Do it, reporting what takes long. Raises EXPECTED."""
        match request:
            case ImportFiles(files):
                return Imported(await self.imports.run(files, report))
            case GrantRoleTo(handle, role):
                account_id = await self._account(handle)
                command = GrantRole(account_id=account_id, role=role)
                await give(grant_role, command, self._profile.ports)
                return Done()
            case SetPasswordOf(handle, password):
                account_id = await self._account(handle)
                await self._profile.identity.reset_password(account_id, password)
                return Done()
            case ShowProjections():
                return Projections(tuple(await self._profile.projections.status()))
            case SwapProjection() | RollBackProjection() | PruneProjection():
                return await self._change_generation(request)
            case _:
                assert_never(request)

    async def _change_generation(
        self, request: SwapProjection | RollBackProjection | PruneProjection
    ) -> Answering:
        name, generations = request.name, self._profile.generations
        dropped: Sequence[Generation] = ()
        match request:
            case SwapProjection():
                await generations.adopt(name)
            case RollBackProjection():
                await generations.rollback(name)
            case PruneProjection():
                dropped = await generations.prune(name)
        return Answering(name, generations.number(name), tuple(one.number for one in dropped))

    async def _account(self, handle: str) -> AccountId:
        account_id = await account_of(handle.removeprefix("@"), self._profile.ports)
        if account_id is None:
            raise AccountNotFound(f"Nobody has the handle {handle}")
        return account_id
