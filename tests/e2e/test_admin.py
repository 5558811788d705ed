"""The runtime API on the stats socket, as scripts and tools use it."""
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from peers import Client, free_port, get, response, wait_until

CONFIG = """
    global
        nbthread 2
        stats socket @dir@/sock level admin
        stats socket @dir@/user level user
        stats socket ipv4@127.0.0.1:@stats@ level operator
        stats timeout 10s
        node here
    defaults
        mode http
        timeout client 10s
        timeout server 10s
        timeout connect 2s
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        balance roundrobin
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
"""


def rows(text):
    """`show stat` as dictionaries."""
    lines = text.strip("\n").splitlines()
    names = lines[0].lstrip("# ").split(",")
    return [dict(zip(names, row)) for row in csv.reader(lines[1:])]


@pytest.fixture
def lb(ballast, origin):
    gate = threading.Event()

    def handler(request):
        if request.target.startswith("/slow"):
            gate.wait(10)
        return response(200, request.target.encode())
    a = origin(handler)
    b = origin(handler)
    lb = ballast(CONFIG, a=a, b=b)
    lb.gate, lb.origins = gate, (a, b)
    yield lb
    gate.set()


def test_one_line_is_answered_and_closed(lb):
    assert lb.cli("show version").endswith("\n\n")
    assert lb.cli("show backend") == "# name\napp\n\n"
    assert lb.cli("show cli level;show cli level", path="user") == "user\n\nuser\n\n"


def test_levels_belong_to_sockets(lb):
    assert lb.cli("disable server app/s1", path="user") == "Permission denied\n\n"
    with socket.create_connection(("127.0.0.1", lb.port["stats"])) as s:
        s.sendall(b"show cli level;set weight app/s1 1\n")
        assert s.makefile().read() == "operator\n\nPermission denied\n\n"


def test_a_prompt_keeps_the_session(lb):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(os.path.join(lb.dir, "sock"))
        s.sendall(b"prompt\n")
        assert s.recv(100) == b"\n> "
        for _ in range(3):
            s.sendall(b"show cli level\n")
            assert s.recv(100) == b"admin\n\n> "
        s.sendall(b"quit\n")
        assert s.recv(100) == b""


@pytest.mark.skipif(not shutil.which("socat"), reason="no socat")
def test_socat_gets_the_answer(lb):
    done = subprocess.run(["socat", "-", f"UNIX-CONNECT:{lb.dir}/sock"], input="show info;show stat\n", text=True,
                          capture_output=True, timeout=10)
    assert done.returncode == 0
    assert "\nnode: here\n" in done.stdout
    assert "\nweb,FRONTEND," in done.stdout


def test_requests_are_counted(lb):
    for _ in range(10):
        assert get(lb.port["web"], "/x").status == 200
    get(lb.port["web"], "/bad", [("Bad Name", "x")])

    def counted():
        stat = {(r["pxname"], r["svname"]): r for r in rows(lb.cli("show stat"))}
        web, app = stat["web", "FRONTEND"], stat["app", "BACKEND"]
        servers = [stat["app", s] for s in ("s1", "s2")]
        return (web["stot"] == "11" and web["hrsp_2xx"] == "10" and web["ereq"] == "1" and web["hrsp_4xx"] == "1"
                and app["stot"] == "10" and app["scur"] == "0" and app["lbtot"] == "10"
                and sum(int(s["stot"]) for s in servers) == 10
                and int(app["connect"]) + int(app["reuse"]) == 10
                and int(app["bin"]) > 0 and int(app["bout"]) > 0 and 0 <= int(app["lastsess"]) < 5)
    wait_until(counted, what="the counters")
    assert lb.cli("clear counters all") == "\n"
    assert lb.stat("web", "FRONTEND")["stot"] == "0"


def test_info_speaks_of_the_process(lb):
    with Client(lb.port["web"]) as c:
        c.request("GET", "/")
        info = dict(line.split(": ", 1) for line in lb.cli("show info").strip().splitlines())
        assert info["Pid"] == str(lb.pid)
        assert info["CurrConns"] == "1" and info["CumReq"] == "1" and info["Nbthread"] == "2"
    typed = lb.cli("show info typed").splitlines()
    assert typed[0] == "0.Name.1:POS:str:Ballast"
    assert len(json.loads(lb.cli("show info json"))) == len(typed) - 1
    assert json.loads(lb.cli("show stat json"))[0][0]["objType"] == "Frontend"


def test_a_disabled_server_gets_nothing(lb):
    assert lb.cli("disable server app/s1") == "\n"
    assert lb.stat("app", "s1")["status"] == "MAINT"
    for _ in range(6):
        assert get(lb.port["web"]).status == 200
    assert not lb.origins[0].requests
    assert lb.cli("enable server app/s1") == "\n"
    for _ in range(6):
        get(lb.port["web"])
    assert lb.origins[0].requests


def test_drain_and_weights_steer(lb):
    assert lb.cli("set server app/s1 state drain") == "\n"
    assert lb.stat("app", "s1")["status"] == "DRAIN"
    for _ in range(4):
        get(lb.port["web"])
    assert not lb.origins[0].requests
    lb.cli("set server app/s1 state ready;set weight app/s2 0")
    before = len(lb.origins[1].requests)
    for _ in range(4):
        get(lb.port["web"])
    assert len(lb.origins[0].requests) == 4 and len(lb.origins[1].requests) == before
    assert lb.cli("get weight app/s2") == "0 (initial 1)\n\n"


def test_an_address_moves_the_traffic(lb, origin):
    other = origin(name="other")
    answer = lb.cli(f"set server app/s1 addr 127.0.0.1 port {other.port}")
    assert answer == (f"port changed from '{lb.origins[0].port}' to '{other.port}' by 'stats socket command'\n\n")
    lb.cli("disable server app/s2")
    for _ in range(3):
        get(lb.port["web"])
    assert len(other.requests) == 3
    assert f" 127.0.0.1 {other.port} - " in lb.cli("show servers conn app")


def test_a_disabled_frontend_refuses(lb):
    assert lb.cli("disable frontend web") == "\n"
    assert lb.stat("web", "FRONTEND")["status"] == "PAUSED"

    def refused():
        try:
            socket.create_connection(("127.0.0.1", lb.port["web"]), 0.5).close()
        except OSError:
            return True
        return False
    wait_until(refused, what="refused connections")
    assert lb.cli("enable frontend web") == "\n"
    wait_until(lambda: not refused(), what="accepted connections")
    assert get(lb.port["web"]).status == 200
    assert lb.cli("shutdown frontend web") == "\n"
    wait_until(refused, what="refused connections")
    assert lb.cli("enable frontend web") == "Frontend was previously shut down, cannot enable.\n\n"
    assert lb.stat("web", "FRONTEND")["status"] == "STOP"


def slow_requests(lb, clients, count):
    for i in range(count):
        clients.append(Client(lb.port["web"]).send(f"GET /slow?{i} HTTP/1.1\r\nHost: x\r\n\r\n"))
    lb.origins[0].wait_requests(count // 2)
    lb.origins[1].wait_requests(count // 2)


def test_sessions_of_all_threads_are_shown_and_ended(lb):
    clients = []
    slow_requests(lb, clients, 8)
    *lines, own = lb.cli("show sess show-uri").strip().splitlines()
    assert len(lines) == 8
    assert " proto=unix_stream src=unix fe=GLOBAL be=<NONE> srv=<none> " in own
    assert all(" fe=web be=app srv=s" in l and ' uri="GET /slow?' in l for l in lines)
    number = lines[0].split(":")[0]
    large = lb.cli(f"show sess {number}")
    assert large.startswith(f"{number}: [") and "\n  backend=app (id=3 mode=http)\n" in large
    assert lb.cli("show sess older 1h") == "\n"
    assert lb.cli(f"shutdown session {number}") == "\n"
    assert lb.cli("show sess").count(" fe=web ") == 7
    assert lb.cli(f"shutdown session {number}") == "No such session (use 'show sess').\n\n"
    assert lb.cli("shutdown sessions server app/s1;shutdown sessions server app/s2") == "\n\n"
    assert " fe=web " not in lb.cli("show sess")
    for c in clients:
        c.until_close()
        c.close()
    assert get(lb.port["web"], "/after").status == 200


def test_the_last_error_is_shown(lb):
    get(lb.port["web"], "/bad", [("Bad Name", "x")])
    shown = lb.cli("show errors")
    assert "frontend web (#2): invalid request" in shown
    assert "  00000  GET /bad HTTP/1.1\\r\\n\n" in shown
    assert "Bad Name: x\\r\\n" in shown
    assert "Bad Name" not in lb.cli("show errors app") and "Bad Name" not in lb.cli("show errors web response")
    assert "" not in shown.strip("\n").split("\n")


def test_limits_hold_at_once(lb):
    assert lb.cli("set maxconn frontend web 1") == "\n"
    with Client(lb.port["web"]) as first:
        assert first.request("GET", "/").status == 200
        with Client(lb.port["web"]) as second:
            second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert second.silent()
            assert lb.cli("set maxconn frontend web 10") == "\n"
            second.sock.settimeout(5)
            assert second.response().status == 200


def test_many_sessions_at_once_and_none_stays(lb):
    answers = []

    def ask():
        for _ in range(20):
            answers.append(lb.cli("show info;show sess;show stat"))
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == 120
    assert all(a.startswith("Name: Ballast\n") and "\napp,BACKEND," in a for a in answers)


def test_a_silent_session_ends(lb):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(os.path.join(lb.dir, "sock"))
        s.sendall(b"prompt i;set timeout cli 200ms\n")
        assert s.makefile("rb").read(2) == b"\n\n"
        begun = time.monotonic()
        assert s.recv(100) == b""
        assert 0.1 < time.monotonic() - begun < 3


def test_a_soft_stop_closes_the_sockets(lb):
    with Client(lb.port["web"]) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: lb.origins[0].requests or lb.origins[1].requests, what="the request")
        lb.kill(10)  # SIGUSR1

        def gone():
            try:
                lb.cli("show version")
            except OSError:
                return True
            return False
        wait_until(gone, what="the socket's end")
        lb.gate.set()
        assert c.response().status == 200
    assert lb.wait_exit() == 0


HAPROXY = """
global
    stats socket {dir}/h level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend web
    bind 127.0.0.1:{port}
    default_backend app
backend app
    balance roundrobin
    server s1 127.0.0.1:1
"""


@pytest.fixture
def haproxy(tmp_path):
    """Asks an installed HAProxy."""
    program = shutil.which("haproxy")
    if not program:
        pytest.skip("no haproxy")
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY.format(dir=tmp_path, port=free_port()))
    process = subprocess.Popen([program, "-db", "-f", str(config)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    path = tmp_path / "h"
    wait_until(path.exists, what="haproxy's socket")

    def ask(command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(str(path))
            s.sendall(command.encode() + b"\n")
            return s.makefile().read()
    yield ask
    process.terminate()
    process.wait(10)


def test_columns_are_those_of_haproxy_in_its_order(lb, haproxy):
    ours = lb.cli("show stat").splitlines()[0].split(",")
    theirs = haproxy("show stat").splitlines()[0].split(",")
    known = theirs[:theirs.index("-")] if "-" in theirs else theirs[:100]
    assert ours[:len(known)] == known or [c for c in ours if c in known] == known


def test_the_same_columns_are_filled_as_in_haproxy(lb, haproxy):
    """For a frontend, a backend and a server without checks: where HAProxy has a value, so has Ballast."""
    ours = {(r["pxname"], r["svname"]): r for r in rows(lb.cli("show stat"))}
    theirs = {(r["pxname"], r["svname"]): r for r in rows(haproxy("show stat"))}
    for name in (("web", "FRONTEND"), ("app", "s1"), ("app", "BACKEND")):
        for column, value in theirs[name].items():
            if column in ("", "-") or column.startswith(("ssl_", "h1_", "h2_", "h3_", "qpack_", "pack_", "quic_")):
                continue
            assert bool(ours[name].get(column)) == bool(value), (name, column)


@pytest.mark.parametrize("command", [
    "show servers state", "show backend", "show errors", "get weight app", "get weight app/nope", "get weight nope/s1",
    "set weight app/s1", "set weight app/s1 300", "set server app/s1 state x", "disable frontend nope",
    "set maxconn global", "shutdown session 0x1", "set timeout cli x", "show env NO_SUCH_VARIABLE_",
])
def test_answers_have_the_shape_of_haproxys(lb, haproxy, command):
    def shape(text):
        return [(l[:6], l.count(" ")) for l in text.splitlines() if not l.startswith(("3 app", "Total"))]
    assert shape(lb.cli(command)) == shape(haproxy(command))


HANDOVER = """
    global
        nbthread 2
        stats socket @dir@/sock level admin expose-fd listeners
        stats socket @dir@/closed level admin
    defaults
        mode http
        timeout client 10s
        timeout server 10s
        timeout connect 2s
    frontend web
        bind 127.0.0.1:@web@
        bind 127.0.0.1:@more@
        http-request return status 200 content-type text/plain string @name@
"""


def taken_sockets(path):
    """The descriptors that a stats socket gives away."""
    fds = []
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(b"_getsocks\n")
        count = int.from_bytes(s.recv(4), "little")
        while len(fds) < count:
            _, more, _, _ = socket.recv_fds(s, 65536, 253)
            fds += more
            s.sendall(b"\0\0\0\0")
        assert s.recv(1) == b""
    return fds


def test_who_goes_on_sending_behind_the_answer_is_cut(ballast):
    lb = ballast(HANDOVER, name="old")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1)
        s.connect(os.path.join(lb.dir, "sock"))
        s.sendall(b"show info\n")
        end = time.monotonic() + 10
        with pytest.raises(OSError):
            while time.monotonic() < end:
                s.sendall(b"x" * 10000)
                time.sleep(0.001)


def test_listening_sockets_are_given_away(ballast):
    lb = ballast(HANDOVER, name="old")
    fds = taken_sockets(os.path.join(lb.dir, "sock"))
    ports = [socket.socket(fileno=fd) for fd in fds]
    assert sorted(s.getsockname()[1] for s in ports) == sorted([lb.port["web"], lb.port["more"]] * 2)
    for s in ports:
        s.close()
    assert lb.cli("_getsocks", path="closed") == "Permission denied\n\n"
    assert "_getsocks" not in lb.cli("help")


def test_a_new_process_takes_the_place_without_a_refused_connection(ballast, tmp_path):
    old = ballast(HANDOVER, name="old")
    stop, answers, faults = threading.Event(), set(), []

    def ask():
        while not stop.is_set():
            try:
                answer = get(old.port["web"])
                answers.add(answer and answer.text)
            except OSError as e:
                faults.append(e)
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    wait_until(lambda: answers == {"old"}, what="answers of the old process")
    ballast(HANDOVER, name="new", args=["-x", os.path.join(old.dir, "sock"), "-sf", str(old.pid)],
            web=old.port["web"], more=old.port["more"])
    assert old.wait_exit() == 0
    wait_until(lambda: "new" in answers, what="answers of the new process")
    stop.set()
    for t in threads:
        t.join()
    assert not faults and answers == {"old", "new"}


def test_what_happens_to_a_frontend_is_logged(ballast, syslog):
    lb = ballast("""
    global
        stats socket @dir@/sock level admin
    frontend web
        mode http
        log 127.0.0.1:@log@ local0
        timeout client 1s
        bind 127.0.0.1:@web@
    """, log=syslog)
    for command, line in (("disable", "Paused frontend web."), ("enable", "Resumed frontend web."),
                          ("shutdown", "Proxy web stopped (cumulated conns: FE: 0, BE: 0).")):
        assert lb.cli(f"{command} frontend web") == "\n"
        assert syslog.wait(re.escape(line))[0].startswith("<132>")
