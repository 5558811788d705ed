"""Agent checks: a program beside the server sets its weight, its limit and its state."""
import socket
import threading

import pytest

from peers import get, wait_until

CONFIG = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
    defaults
        mode http
        log global
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
        timeout check 200ms
        option log-health-checks
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@ weight 10 {words} agent-check agent-port @agent@ agent-inter 50ms agent-send "s1 please\\n"
"""


class Agent:
    """Says `line` to each connection, behind what it hears."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.line = "up\n"
        self.heard = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                sock = self.listener.accept()[0]
                with sock:
                    self.heard.append(sock.recv(100))
                    sock.sendall(self.line.encode())
        except OSError:
            pass

    def stop(self):
        self.listener.close()


@pytest.fixture
def agent():
    a = Agent()
    yield a
    a.stop()


@pytest.fixture
def lb(ballast, origin, syslog, agent):
    lb = ballast(CONFIG.replace("{words}", "check inter 50ms"), o=origin(), agent=agent.port, log=syslog)
    wait_until(lambda: lb.stat("web", "s1")["agent_status"] == "L7OK")
    return lb


def test_an_agent_hears_and_tells(lb, agent, syslog):
    assert agent.heard[0] == b"s1 please\n"
    row = lb.stat("web", "s1")
    assert (row["last_agt"], row["agent_code"], row["agent_desc"]) == ("via agent : up", "0", "Layer7 check passed")
    assert (row["agent_rise"], row["agent_fall"], row["agent_health"]) == ("1", "1", "1")
    syslog.wait(r'Agent check for server web/s1 succeeded, reason: Layer7 check passed, code: 0, '
                r'info: "via agent : up", check duration: \d+ms, status: 1/1 UP\.')
    state = lb.cli("show servers state web").splitlines()[2].split()
    assert (state[14], state[-2], state[-1]) == ("22", "-", str(agent.port))


def test_it_sets_weight_and_limit(lb, agent):
    agent.line = "up 50% maxconn:7\n"
    wait_until(lambda: lb.stat("web", "s1")["weight"] == "5")
    assert lb.stat("web", "s1")["slim"] == "7"
    agent.line = "weight:20\n"
    wait_until(lambda: lb.stat("web", "s1")["weight"] == "20")
    assert lb.stat("web", "s1")["agent_status"] == "CHECKED"


def test_it_takes_a_server_down_that_its_checks_find_well(lb, agent, syslog):
    agent.line = "down # gone fishing\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DOWN (agent)")
    syslog.wait(r'Agent check for server web/s1 failed, reason: Layer7 wrong status, code: 0, '
                r'info: "via agent : down \(gone fishing\)", check duration: \d+ms, status: 0/1 DOWN\.')
    assert lb.stat("web", "s1")["check_status"] == "L4OK"
    assert get(lb.port["web"], "/").status == 503
    agent.line = "75%\n"
    wait_until(lambda: lb.stat("web", "s1")["weight"] == "7")
    assert lb.stat("web", "s1")["status"] == "DOWN (agent)"
    agent.line = "up\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "UP")
    assert get(lb.port["web"], "/").status == 200


def test_up_does_not_bring_up_what_its_checks_find_ill(ballast, syslog, agent):
    lb = ballast(CONFIG.replace("{words}", "check inter 50ms fall 1"), o=1, agent=agent.port, log=syslog)
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DOWN")
    before = len(agent.heard)
    wait_until(lambda: len(agent.heard) > before + 2)
    assert lb.stat("web", "s1")["status"] == "DOWN"


def test_it_moves_a_server_into_maintenance_and_back(lb, agent):
    agent.line = "drain\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DRAIN (agent)")
    agent.line = "maint\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "MAINT")
    agent.line = "ready up\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "UP")


def test_an_agent_that_is_gone_changes_nothing(lb, agent):
    agent.stop()
    wait_until(lambda: lb.stat("web", "s1")["agent_status"] == "L4CON")
    assert lb.stat("web", "s1")["status"] == "UP"


def test_the_operator_overrules_it(lb, agent):
    agent.line = "\n"
    wait_until(lambda: lb.stat("web", "s1")["agent_status"] == "CHECKED")
    lb.cli("set server web/s1 agent down")
    assert lb.stat("web", "s1")["status"] == "DOWN (agent)"
    lb.cli("set server web/s1 agent up")
    assert lb.stat("web", "s1")["status"] == "UP"
    assert "expects 'up' or 'down'" in lb.cli("set server web/s1 agent well")
    agent.line = "down\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DOWN (agent)")
    lb.cli("disable agent web/s1")
    assert lb.stat("web", "s1")["status"] == "UP"
    assert lb.cli("show servers state web").splitlines()[2].split()[14] == "18"
    lb.cli("enable agent web/s1")
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DOWN (agent)")


def test_it_can_be_moved_while_running(lb, agent):
    other = Agent()
    other.line = "weight:3\n"
    try:
        lb.cli(f"set server web/s1 agent-addr 127.0.0.1 port {other.port}")
        lb.cli("set server web/s1 agent-send other")
        wait_until(lambda: lb.stat("web", "s1")["weight"] == "3")
        wait_until(lambda: b"other" in other.heard)
        assert "invalid addr 'x'" in lb.cli("set server web/s1 agent-addr x")
        assert "provided port is invalid" in lb.cli("set server web/s1 agent-port 0")
        lb.cli(f"set server web/s1 agent-port {agent.port}")
        before = len(agent.heard)
        wait_until(lambda: len(agent.heard) > before)
    finally:
        other.stop()


def test_weights_that_cannot_change_stay(ballast, origin, syslog, agent):
    agent.line = "up 50%\n"
    lb = ballast(CONFIG.replace("{words}", "").replace("listen web", "listen web\n        balance static-rr"), o=origin(),
                 agent=agent.port, log=syslog)
    wait_until(lambda: lb.stat("web", "s1")["agent_status"] == "L7OK")
    assert lb.stat("web", "s1")["weight"] == "10"
    agent.line = "up 0%\n"
    wait_until(lambda: lb.stat("web", "s1")["weight"] == "0")


def test_what_the_agent_said_outlasts_a_reload(lb, agent):
    agent.line = "down\n"
    wait_until(lambda: lb.stat("web", "s1")["status"] == "DOWN (agent)")
    agent.line = "\n"
    before = len(agent.heard)
    wait_until(lambda: len(agent.heard) > before + 1)
    lb.cli("reload")
    before = len(agent.heard)
    wait_until(lambda: len(agent.heard) > before + 2)
    assert lb.stat("web", "s1")["status"] == "DOWN (agent)"


@pytest.mark.parametrize("words, message", [
    ("agent-check", "needs 'agent-port'"),
    ("agent-check agent-port 0", "agent-port"),
    ("agent-check agent-port 80 agent-addr 127.0.0.1:80", "without a port"),
    ("agent-check agent-port 80 agent-send " + "x" * 300, "at most 255 bytes"),
    ("agent-inter 0", "agent-inter"),
])
def test_what_cannot_be_is_refused_while_loading(run_ballast, words, message):
    r = run_ballast("-c", config=f"backend app\n server a 127.0.0.1:1 {words}\n")
    assert r.returncode == 1
    assert message in r.stderr
