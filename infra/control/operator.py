"""Does what the command line asks, on the profile that it was given."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, assert_never

from commands.grant_role import GrantRole, grant_role
from commands.mentions import account_of
from domain.errors import AccountNotFound, Refusal
from domain.ids import AccountId
from infra.control.letters import LetterDesk
from infra.control.requests import (
    AboutDeadLetters,
    AccountFound,
    Answering,
    AppliedAgain,
    ApplyAgain,
    DiscardDeadLetter,
    Done,
    Erased,
    ErasePerson,
    FindAccount,
    GrantRoleTo,
    Imported,
    ImportFiles,
    ListDeadLetters,
    NotApplied,
    Projections,
    PruneProjection,
    ReplaySteered,
    Request,
    Result,
    RetryDeadLetter,
    RetryEveryDeadLetter,
    RollBackProjection,
    SetPasswordOf,
    ShowDeadLetter,
    ShowProjections,
    SteerReplay,
    SwapProjection,
    ToldOfDeadLetters,
)
from infra.erasing import account_named, erase
from infra.importing.file_ids import BadNamespace
from infra.importing.files import UnreadableFile
from infra.importing.imports import Imports
from infra.importing.outside import Outside
from infra.importing.recording import give
from infra.importing.tally import Report
from infra.profiles.profile import Generation, Profile
from infra.replay_desk import status_of
from projections.projection import StoreUnavailable
from read_api.operations import status_with_owners

# What a request may come to; anything else is a fault of the program.
EXPECTED: Final = (Refusal, StoreUnavailable, UnreadableFile, BadNamespace, OSError)


class Operator:
    """One for each opened profile: its imports take turns. Where the profile does not run,
    `settle` does at once what was asked for about dead letters."""

    def __init__(
        self, profile: Profile, settle: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._profile = profile
        self._letters = LetterDesk(profile, settle)
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
            case GrantRoleTo() | SetPasswordOf():
                return await self._change_account(request)
            case FindAccount() | ErasePerson():
                return await self._about_person(request)
            case ShowProjections():
                profile = self._profile
                status = await status_with_owners(profile.projections, profile.owners)
                return Projections(tuple(status), tuple(await profile.past.built()))
            case (
                SwapProjection()
                | RollBackProjection()
                | PruneProjection()
                | SteerReplay()
                | ApplyAgain()
            ):
                return await self._change_projection(request)
            case _:
                return await self._tell_of_letters(request)

    async def _change_account(self, request: GrantRoleTo | SetPasswordOf) -> Done:
        account_id = await self._account(request.handle)
        match request:
            case GrantRoleTo(_, role):
                command = GrantRole(account_id=account_id, role=role)
                await give(grant_role, command, self._profile.ports)
            case SetPasswordOf(_, password):
                await self._profile.identity.reset_password(account_id, password)
        return Done()

    async def _tell_of_letters(self, request: AboutDeadLetters) -> ToldOfDeadLetters:
        match request:
            case ListDeadLetters():
                return await self._letters.listed(request)
            case ShowDeadLetter():
                return await self._letters.shown(request)
            case RetryDeadLetter():
                return await self._letters.retried(request)
            case RetryEveryDeadLetter():
                return await self._letters.retried_all(request)
            case DiscardDeadLetter():
                return await self._letters.discarded(request)
            case _:
                assert_never(request)

    async def _about_person(self, request: FindAccount | ErasePerson) -> AccountFound | Erased:
        if isinstance(request, ErasePerson):
            return await erase(request.account, self._profile)
        return AccountFound(str(await account_named(request.account, self._profile.ports)))

    async def _change_projection(
        self,
        request: SwapProjection | RollBackProjection | PruneProjection | SteerReplay | ApplyAgain,
    ) -> Answering | ReplaySteered | AppliedAgain:
        generations = self._profile.generations
        match request:
            case SteerReplay(name, how, per_s_max, number):
                found = await generations.steer(name, how, per_s_max, number)
                return ReplaySteered(name, status_of(found), found.as_of)
            case ApplyAgain(name, number, positions):
                taken = await generations.apply_again(name, number, positions)
                failed = (NotApplied(one.position, one.error) for one in taken.failed)
                return AppliedAgain(taken.applied, tuple(failed))
            case _:
                return await self._change_generation(request)

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
