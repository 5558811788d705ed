"""Fixtures of the end-to-end tests. All that they start ends with the test; see server.py and peers.py.

    def test_path_reaches_the_origin(ballast, origin):
        o = origin()
        lb = ballast('''
            defaults
                mode http
                ...
            frontend web
                bind 127.0.0.1:@web@
                default_backend app
            backend app
                server s1 127.0.0.1:@o@
        ''', o=o)
        assert get(lb.port["web"], "/x").text == "GET /x "
        assert o.requests[0].target == "/x"
"""
import os
import sys
import textwrap

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from peers import Client, Origin, Syslog  # noqa: E402
from server import Ballast, Nginx, nginx_program, run_once  # noqa: E402


@pytest.fixture
def ballast(tmp_path):
    """ballast(config, args=[], env={}, wait=True, **names) starts a Ballast that the test's end stops and examines."""
    runs = []

    def start(config, args=(), env=None, wait=True, **names):
        folder = tmp_path / f"lb{len(runs)}"
        folder.mkdir(mode=0o755)
        lb = Ballast(textwrap.dedent(config), folder, args, env, **names)
        runs.append(lb)
        return lb.start(wait)
    yield start
    problems = []
    for lb in reversed(runs):
        try:
            lb.stop()
        except AssertionError as e:
            problems.append(str(e))
    assert not problems, "\n".join(problems)


@pytest.fixture
def run_ballast(tmp_path):
    """run_ballast("-c", config=text) runs the program to its end; gives returncode, stdout, stderr."""
    return lambda *args, config=None, **more: run_once(
        *args, config=None if config is None else textwrap.dedent(config), folder=more.pop("folder", tmp_path), **more)


@pytest.fixture
def origin():
    """origin(handler, ...) starts an Origin (peers.py)."""
    origins = []

    def start(*args, **more):
        origins.append(Origin(*args, **more))
        return origins[-1]
    yield start
    for o in origins:
        o.stop()


@pytest.fixture
def client():
    """client(port) opens a Client (peers.py)."""
    clients = []

    def connect(*args, **more):
        clients.append(Client(*args, **more))
        return clients[-1]
    yield connect
    for c in clients:
        c.close()


@pytest.fixture
def syslog():
    """A UDP syslog receiver."""
    s = Syslog()
    yield s
    s.stop()


@pytest.fixture
def nginx(tmp_path):
    """nginx(server="...", files={}) starts an nginx as an origin."""
    if not nginx_program():
        pytest.skip("no nginx")
    servers = []

    def start(**more):
        folder = tmp_path / f"nginx{len(servers)}"
        folder.mkdir(mode=0o755)
        servers.append(Nginx(folder, **more))
        return servers[-1]
    yield start
    for n in servers:
        n.stop()
