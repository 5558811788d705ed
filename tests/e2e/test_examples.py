"""Every configuration in examples/ loads, and the demonstration runs and answers."""
import collections
import os
import re

import pytest

from peers import free_port, get, listening_ports, wait_until
from test_tls import ca  # noqa: F401

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")
FILES = sorted(f for f in os.listdir(EXAMPLES) if f.endswith((".cfg", ".yaml")))


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_valid(run_ballast, name, ca):  # noqa: F811
    done = run_ballast("-c", "-f", os.path.join(EXAMPLES, name), env={"CERTS": ca.dir})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Configuration file is valid" in done.stdout
    assert "warning" not in done.stderr.lower()


def test_the_demonstration_answers(ballast):
    with open(os.path.join(EXAMPLES, "demo.cfg"), encoding="utf-8") as f:
        text = f.read()
    ports = {p: free_port() for p in ("8080", "9001", "9002", "9003", "9004")}
    for p, free in ports.items():
        text = re.sub(rf"\b{p}\b", str(free), text)
    text = text.replace("/tmp/ballast-demo.sock", "@dir@/sock")
    lb = ballast(text)
    door = ports["8080"]
    wait_until(lambda: {int(p) for p in ports.values()} <= listening_ports())
    r = get(door, "/about")
    assert r.status == 200 and "Ballast" in r.text
    seen = collections.Counter(get(door).text.split(",")[0].strip() for _ in range(15))
    assert {"red", "green", "blue"} <= set(seen) <= {"red", "green", "blue", "amber"}
    assert seen["red"] > seen["green"]
    assert get(door).field("X-Served-By") == "Ballast"
    assert "shop,red" in lb.cli("show stat")
