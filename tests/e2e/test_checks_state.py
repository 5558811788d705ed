"""What changes a server's health beyond its own checks: `observe`, `track`, `slowstart`, `on-marked-down/up`."""
import socket
import threading
import time

import pytest

from peers import Client, get, response, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
    defaults
        mode http
        log global
        timeout connect 200ms
        timeout client 5s
        timeout server 200ms
        timeout check 200ms
        retries 0
"""


def by_path(q):
    return response(int(q.target[1:4])) if q.target[1:4].isdigit() else response(200, b"page")


def observing(ballast, origin, syslog, words):
    o = origin(by_path)
    lb = ballast(HEAD + f"""
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@ check inter 100s fastinter 100s {words}
    """, o=o, log=syslog)
    wait_until(lambda: lb.stat("web", "s1")["check_status"] == "L4OK")
    return lb


def test_errors_in_a_row_mark_a_server_down(ballast, origin, syslog):
    lb = observing(ballast, origin, syslog, "observe layer7 error-limit 3 on-error mark-down")
    for status in (500, 500, 404, 500, 503, 200, 502, 502):
        assert get(lb.port["web"], f"/{status}").status == status
    assert lb.stat("web", "s1")["status"] == "UP"
    assert get(lb.port["web"], "/500").status == 500
    syslog.wait(r'Server web/s1 is DOWN, reason: Health analyze, info: "Detected 3 consecutive errors, '
                r'last one was: Wrong http response"\. 0 active')
    row = lb.stat("web", "s1")
    assert (row["status"], row["check_status"], row["hanafail"], row["chkfail"]) == ("DOWN", "HANA", "1", "1")
    assert get(lb.port["web"], "/200").status == 503


@pytest.mark.parametrize("mode, status, failed", [
    ("fastinter", "UP", "0"), ("fail-check", "UP 2/3", "1"), ("sudden-death", "UP 1/3", "1")])
def test_other_modes_only_bring_it_nearer_to_down(ballast, origin, syslog, mode, status, failed):
    lb = observing(ballast, origin, syslog, f"observe layer7 error-limit 2 on-error {mode}")
    for _ in range(2):
        get(lb.port["web"], "/500")
    wait_until(lambda: lb.stat("web", "s1")["hanafail"] == "1")
    row = lb.stat("web", "s1")
    assert (row["status"], row["chkfail"]) == (status, failed)
    assert get(lb.port["web"], "/200").status == 200


def test_a_check_comes_soon_behind_errors(ballast, origin, syslog):
    lb = observing(ballast, origin, syslog, "fastinter 50ms observe layer7 error-limit 1 on-error mark-down")
    get(lb.port["web"], "/500")
    syslog.wait(r"Server web/s1 is DOWN, reason: Health analyze")
    syslog.wait(r"Server web/s1 is UP, reason: Layer4 check passed")


def test_layer4_sees_connections_only(ballast, origin, syslog):
    o = origin(by_path)
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@gone@ check port @o@ inter 100s observe layer4 error-limit 2 on-error mark-down
    """, o=o, log=syslog)
    wait_until(lambda: lb.stat("web", "s1")["check_status"] == "L4OK")
    for _ in range(2):
        assert get(lb.port["web"], "/").status == 503
    syslog.wait("is DOWN, reason: Health analyze, info: .*last one was: L4 unsuccessful connection")


TRACKING = HEAD + """
    backend first
        server t1 127.0.0.1:@o@ check inter 50ms fall 1 rise 1
        server t2 127.0.0.1:@o@ track t1
    listen web
        bind 127.0.0.1:@web@
        server a 127.0.0.1:@o@ track first/t2
"""


def test_a_chain_across_backends_follows_its_end(ballast, origin, syslog):
    o = origin()
    lb = ballast(TRACKING, o=o, log=syslog)
    assert get(lb.port["web"], "/").status == 200
    assert lb.stat("web", "a")["tracked"] == "first/t2"
    port = o.port
    o.stop()
    syslog.wait(r"Server first/t1 is DOWN, reason: Layer4 connection problem")
    syslog.wait(r"Server first/t2 is DOWN via first/t1\. ")
    syslog.wait(r"Server web/a is DOWN via first/t2\. 0 active")
    assert get(lb.port["web"], "/").status == 503
    origin(port=port)
    syslog.wait(r"Server web/a is UP via first/t2\. 1 active")
    assert get(lb.port["web"], "/").status == 200


def test_maintenance_and_draining_are_followed(ballast, origin, syslog):
    lb = ballast(TRACKING, o=origin(), log=syslog)
    lb.cli("set server first/t1 state maint")
    wait_until(lambda: lb.stat("web", "a")["status"] == "MAINT (via first/t2)")
    state = [r.split() for r in lb.cli("show servers state").splitlines()]
    assert [r[5:7] for r in state[2:5]] == [["0", "1"], ["0", "2"], ["0", "2"]]
    lb.cli("set server first/t1 state drain")
    wait_until(lambda: lb.stat("web", "a")["status"] == "DRAIN")
    lb.cli("set server first/t1 state ready")
    wait_until(lambda: lb.stat("web", "a")["status"] == "UP")
    assert "tracking server" in lb.cli("set server web/a health down")


@pytest.mark.parametrize("servers, message", [
    ("server a 127.0.0.1:1 track b\n server b 127.0.0.1:1 track a", "'track' of server 'app/a' leads in a circle"),
    ("server a 127.0.0.1:1 track a", "'track' of server 'app/a' leads in a circle"),
    ("server a 127.0.0.1:1 track b\n server b 127.0.0.1:1 track c\n server c 127.0.0.1:1 track b",
     "'track' of server 'app/b' leads in a circle"),
    ("server a 127.0.0.1:1 track b\n server b 127.0.0.1:1", "server 'app/b', which 'a' tracks, has no health checks"),
    ("server a 127.0.0.1:1 check track b\n server b 127.0.0.1:1 check", "cannot have health checks and track"),
    ("server a 127.0.0.1:1 track b", "backend 'app' has no server 'b' to track"),
    ("server a 127.0.0.1:1 track x/b", "there is no backend 'x' to track a server of"),
    ("mode tcp\n server a 127.0.0.1:1 check observe layer7", "'observe layer7' needs 'mode http'"),
    ("server a 127.0.0.1:1 check observe layer3", "layer4"),
    ("server a 127.0.0.1:1 check error-limit 0", "error-limit"),
    ("server a 127.0.0.1:1 on-error panic", "mark-down"),
    ("server a 127.0.0.1:1 on-marked-down page-me", "shutdown-sessions"),
])
def test_what_cannot_be_is_refused_while_loading(run_ballast, servers, message):
    r = run_ballast("-c", config=f"defaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n"
                                 f"backend app\n {servers}\n")
    assert r.returncode == 1
    assert message in r.stderr


def test_a_server_that_is_back_gets_its_share_little_by_little(ballast, origin, syslog):
    o1, o2 = origin(name="one"), origin(name="two")
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        server s1 127.0.0.1:@o1@ weight 100 slowstart 1600ms maxconn 32
        server s2 127.0.0.1:@o2@ weight 100
    """, o1=o1, o2=o2, log=syslog)
    lb.cli("set server web/s1 state maint")
    lb.cli("set server web/s1 state ready")
    began = time.monotonic()
    row = lb.stat("web", "s1")
    assert int(row["weight"]) < 50 and int(row["throttle"]) < 50 and row["uweight"] == "100" and int(row["slim"]) < 16
    assert lb.cli("show servers state web").splitlines()[2].split()[5] == "1"
    for _ in range(40):
        get(lb.port["web"], "/")
    assert time.monotonic() - began > 0.8 or len(o1.requests) < len(o2.requests) / 1.5
    seen = set()

    def warm():
        seen.add(int(lb.stat("web", "s1")["weight"]))
        return 100 in seen
    wait_until(warm)
    assert time.monotonic() - began > 1.2
    assert len(seen) > 5
    row = lb.stat("web", "s1")
    assert (row["weight"], row["slim"], row["throttle"]) == ("100", "32", "")
    assert lb.cli("show servers state web").splitlines()[2].split()[5] == "2"
    before = len(o1.requests)
    for _ in range(20):
        get(lb.port["web"], "/")
    assert len(o1.requests) - before == 10


class Talker:
    """A TCP server that says its name and keeps the connection."""

    def __init__(self, name):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.name = name
        self.kept = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                self.kept.append(self.listener.accept()[0])
                self.kept[-1].sendall(self.name)
        except OSError:
            pass

    def stop(self):
        self.listener.close()
        for k in self.kept:
            k.close()


@pytest.fixture
def talkers():
    made = [Talker(b"main"), Talker(b"back")]
    yield made
    for t in made:
        t.stop()


TCP = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
        nbthread 2
    defaults
        mode tcp
        log global
        option tcplog
        timeout connect 200ms
        timeout client 20s
        timeout server 20s
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o1@ {main}
        server s2 127.0.0.1:@o2@ backup
"""


def open_sessions(lb, count, name):
    sessions = [Client(lb.port["web"]) for _ in range(count)]
    for s in sessions:
        assert s.sock.recv(4) == name
    return sessions


def test_sessions_end_with_a_server_that_is_marked_down(ballast, talkers, syslog):
    lb = ballast(TCP.format(main="on-marked-down shutdown-sessions"), o1=talkers[0].port, o2=talkers[1].port, log=syslog)
    sessions = open_sessions(lb, 4, b"main")
    lb.cli("set server web/s1 health down")
    for s in sessions:
        assert s.closed()
    syslog.wait(r"web/s1 .* D[CRHDLQ] ", count=4)
    for s in open_sessions(lb, 1, b"back"):
        s.close()


def test_sessions_of_before_a_reload_end_too(ballast, talkers, syslog):
    lb = ballast(TCP.format(main="on-marked-down shutdown-sessions"), o1=talkers[0].port, o2=talkers[1].port, log=syslog)
    session = open_sessions(lb, 1, b"main")[0]
    lb.cli("reload")
    for s in open_sessions(lb, 1, b"main"):
        s.close()
    lb.cli("set server web/s1 health down")
    assert session.closed()


def test_sessions_stay_on_a_server_that_is_down_without_it(ballast, talkers, syslog):
    lb = ballast(TCP.format(main=""), o1=talkers[0].port, o2=talkers[1].port, log=syslog)
    session = open_sessions(lb, 1, b"main")[0]
    lb.cli("set server web/s1 health down")
    assert session.silent()
    session.close()


def test_sessions_on_backups_end_when_a_server_comes_up(ballast, talkers, syslog):
    lb = ballast(TCP.format(main="on-marked-up shutdown-backup-sessions"), o1=talkers[0].port, o2=talkers[1].port,
                 log=syslog)
    lb.cli("set server web/s1 health down")
    sessions = open_sessions(lb, 4, b"back")
    lb.cli("set server web/s1 health up")
    for s in sessions:
        assert s.closed()
    syslog.wait(r"web/s2 .* U[CRHDLQ] ", count=4)
