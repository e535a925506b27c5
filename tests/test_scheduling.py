"""Units of tests: what shares programs stays together, and what takes long begins first."""

from tests.scheduling import ON_ENGINES, in_order, unit_of


def test_what_asks_the_server_on_the_engines_stays_together() -> None:
    assert unit_of("tests/blackbox/test_a.py::test_b[cluster]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[cluster-like-3]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[like-cluster]") == ON_ENGINES
    assert unit_of("tests/blackbox/test_b.py::test_c[embedded]") == "tests/blackbox/test_b.py"


def test_tests_of_a_file_stay_together_but_for_long_ones() -> None:
    assert unit_of("tests/unit/test_a.py::TestB::test_c") == "tests/unit/test_a.py"
    long = "tests/model/test_faults.py::test_a[b::c]"
    assert unit_of(long) == long


def test_long_ones_begin_first_and_those_that_wait_take_turns_with_those_that_compute() -> None:
    units = (
        "tests/unit/test_a.py",
        "tests/cluster/test_a.py",
        "tests/model/test_a.py::test_b",
        "tests/cluster/test_replay.py",
        "tests/model/test_faults.py::test_c",
        "tests/blackbox/test_a.py",
        "tests/cluster/test_a.py",
        ON_ENGINES,
    )

    assert in_order(units) == [
        ON_ENGINES,
        "tests/model/test_faults.py::test_c",
        "tests/cluster/test_replay.py",
        "tests/model/test_a.py::test_b",
        "tests/cluster/test_a.py",
        "tests/unit/test_a.py",
        "tests/blackbox/test_a.py",
    ]
