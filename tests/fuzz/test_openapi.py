"""Requests drawn from `/openapi.json`, one by one and along its links: no answer that the document
does not have, and no 5xx but those that say what they are."""

from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.fuzz.service import Service
from tests.model.system import scratch
from web.outgoing import AS_OF

EXAMPLES_MIN: Final = 6
STEPS: Final = 8
BEGINNINGS_MAX: Final = 5
CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# A stream of events has no end; what is not built yet says so by 501.
ENDLESS: Final = "/v1/stream"
NOT_BUILT: Final = r"^/v1/admin/projections/.+/(replay|swap|rollback|verify)$"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with scratch() as folder:
        opened = Service(Path(folder))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def api(service: Service) -> Any:
    schema = schemathesis.openapi.from_asgi("/openapi.json", service)
    return schema.exclude(path=ENDLESS).exclude(path_regex=NOT_BUILT)


def examples() -> int:
    """How many requests of one operation, or histories: there are many operations."""
    return max(EXAMPLES_MIN, settings().max_examples // 16)


def aim(case: Any, service: Service) -> None:
    """Let the request be about what is there, in its newest state."""
    now(case)
    there = service.names_for(case.operation.path)
    for part in (case.path_parameters, case.headers, case.body):
        if isinstance(part, MutableMapping):
            part.update({name: there[name] for name in part if name in there})


def now(case: Any) -> None:
    """No view was built as of a moment."""
    if isinstance(case.headers, MutableMapping):
        case.headers.pop(AS_OF, None)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_what_the_document_says(
    api: Any, service: Service, mode: GenerationMode
) -> None:
    for operation in (found.ok() for found in api.get_all_operations()):

        @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
        @settings(max_examples=examples(), suppress_health_check=list(HealthCheck))
        def answers(case: Any, there: bool) -> None:
            headers = service.headers_for(case.method.upper(), case.operation.path)
            if there:
                aim(case, service)
            case.call_and_validate(headers=headers, checks=CHECKS)

        with suppress(Unsatisfiable):  # where nothing can be sent, nothing can be sent wrong
            answers()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_answers_along_links_are_what_the_document_says(api: Any, service: Service) -> None:
    broken: list[Exception] = []

    class Links(api.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            now(case)
            headers = service.headers_for(case.method.upper(), case.operation.path)
            return {"headers": dict(headers)}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            try:
                case.validate_response(response, checks=CHECKS)
            except Exception as error:
                broken.append(error)
                raise

    limits = settings(
        max_examples=examples(), stateful_step_count=STEPS, suppress_health_check=list(HealthCheck)
    )
    for number in range(BEGINNINGS_MAX):
        try:
            Links.run(settings=limits)
        except FlakyStrategyDefinition:
            # The server remembers earlier histories, so the same draws may find other links. That
            # alone is no fault of the answers: begin elsewhere.
            assert not broken, broken
            seed(number)(Links)
        else:
            return
    pytest.fail("No beginning could be drawn from to the end")
