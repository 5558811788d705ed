"""A short run of the soak driver; tests/soak/run does the same for as long as one likes."""
import importlib.machinery
import importlib.util
import os
import shutil

import pytest

from server import program

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak", "run")


def soak_module():
    loader = importlib.machinery.SourceFileLoader("soak_run", RUN)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("soak_run", loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("more", [{"seed": 1}, {"seed": 2, "threads": 3, "clients": 120, "reuse": "always",
                                                "balance": "leastconn"},
                                  {"seed": 3, "threads": 3, "reuse": "always", "reloads": True}])
def test_clients_and_origins_of_every_temper(more):
    if not (shutil.which("cc") or os.environ.get("CC")):
        pytest.skip("no C compiler")
    said = []
    problems = soak_module().soak(program(), seconds=6, out=said.append, **more)
    assert not problems, "\n".join(problems + said)
