"""The fault drill of tests/soak/faults in short: what fails with and without what is there against it."""
import functools
import importlib.machinery
import importlib.util
import os

import pytest

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak", "faults")


def load():
    loader = importlib.machinery.SourceFileLoader("faults", PATH)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("faults", loader))
    loader.exec_module(module)
    return module


def measured(test):
    """Figures of one second on a shared machine may be those of another's: a test falls when it did so three times."""
    @functools.wraps(test)
    def run(*args, **more):
        for left in (2, 1, 0):
            try:
                return test(*args, **more)
            except AssertionError:
                if not left:
                    raise
    return run


faults = load()
CASES = {fault: (fail, dict(cases)) for fault, fail, cases in faults.DRILL}


@pytest.fixture
def drill(tmp_path):
    """drill(fault, case) -> Outcome of the second after the fault."""
    count = iter(range(100))

    def run(fault, case, seconds=1.2):
        fail, cases = CASES[fault]
        return faults.drill(str(tmp_path / f"drill{next(count)}"), fail, cases[case], seconds)
    return run


@measured
def test_one_of_four_servers_killed_with_retries_on_fails_no_request(drill):
    assert drill("one is killed", "HAProxy's defaults", 2).failed > 0
    outcome = drill("one is killed", "retry-on")
    assert outcome.failed == 0 and outcome.requests > 200


@measured
def test_a_stopped_server_costs_a_few_requests_their_time_and_none_its_answer(drill):
    outcome = drill("one is stopped (SIGSTOP)", "breaker, retry-on", 2)
    assert outcome.failed == 0
    assert outcome.p99 < 400 < drill("one is stopped (SIGSTOP)", "without", 2).p99


@pytest.mark.parametrize("fault", ["one resets connections", "one closes its half without an answer",
                                   "one answers 500", "one flaps every 0.3 s"])
@measured
def test_a_breaker_keeps_failures_to_what_it_takes_to_open(drill, fault):
    outcome = drill(fault, "breaker")
    assert outcome.failed < 60 and outcome.failed * 10 < outcome.requests


@measured
def test_a_slow_server_is_left_out(drill):
    assert drill("one gets slow (300 ms)", "without", 2).p99 > 250
    assert drill("one gets slow (300 ms)", "breaker slow 100ms", 3).requests > 1000


@measured
def test_an_outlier_is_left_out(drill):
    outcome = drill("one answers 500", "outlier-ejection", 2)
    assert outcome.failed * 8 < outcome.requests


@measured
def test_a_budget_keeps_retries_from_multiplying_the_load(drill):
    without, budget = (drill("all answer 503", c) for c in ("retry-on 503", "retry-on 503, retry-budget"))
    assert without.reached > 3 * without.requests
    assert budget.reached < 2 * budget.requests


@measured
def test_panic_spreads_the_load_that_would_fall_on_one(drill):
    without, panic = (drill("checks find three of four ill", c, 2) for c in ("without", "panic-threshold"))
    assert panic.requests - panic.failed > without.requests - without.failed
