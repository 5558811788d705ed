"""How exchanges end: each timeout and each abort, what the peers see of it, and the status and termination state in the log
(HAProxy's manual, section 8.5). With $BALLAST set to HAProxy, all but those marked with `ours` hold for it as well."""
import os
import re
import socket
import threading
import time

import pytest

from peers import CLOSE, RESET, Client, Request, Stream, chunked, free_port, get, response, wait_until

HAPROXY = "haproxy" in os.environ.get("BALLAST", "")
ours = pytest.mark.skipif(HAPROXY, reason="HAProxy does this in another way")
MIB = 1 << 20

CONFIG = """
    global
        log 127.0.0.1:{log} local0
    defaults
        mode http
        log global
        option httplog
        timeout connect 2s
        timeout client 5s
        timeout server 5s
        {more}
    frontend web
        bind 127.0.0.1:@web@
        {front}
        default_backend app
    backend app
        {back}
        server s1 127.0.0.1:@o@ {server}
"""
LINE = re.compile(r" (?P<backend>\S+)/(?P<server>\S+) (?P<times>[-+\d]+/[-+\d]+/[-+\d]+/[-+\d]+/[-+\d]+) (?P<status>-?\d+) \+?\d+ \S+ \S+ "
                  r"(?P<state>\S{4}) \S+ (?P<queue>\d+/\d+) ?.*\"(?P<request>[^\"]*)\"$")


class Run:
    """A Ballast before an origin, and what it logs."""

    def __init__(self, lb, o, syslog):
        self.port, self.origin, self.syslog, self.lb = lb.port["web"], o, syslog, lb

    def ends(self, state, status, server="s1"):
        """The next line has this state (two letters) and status."""
        wait_until(lambda: self.syslog.matching(r'"$'), 3, f"a log line {state} {status}")
        line = self.syslog.matching(r'"$')[0]
        self.syslog.lines.clear()
        m = LINE.search(line.strip())
        assert m, line
        assert (m["state"][:2], int(m["status"]), m["server"]) == (state, status, server), line
        return m

    def quiet(self):
        assert not self.syslog.matching(r'"$')


@pytest.fixture
def run(ballast, origin, syslog):
    def start(handler=lambda r: response(200, "ok"), more="", front="", back="", server="", **origin_options):
        o = origin(handler, **origin_options) if not isinstance(handler, int) else handler
        config = CONFIG.format(log=syslog.port, more=more, front=front, back=back, server=server)
        return Run(ballast(config, o=o), o, syslog)
    return start


REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def hold(sock, _):
    """Reads, and never answers."""
    while sock.recv(65536):
        pass


def dead_port():
    """A port whose connections are neither taken nor refused."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    fill = []
    for _ in range(3):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(s.getsockname())
        fill.append(c)
    return s, fill


# ---- timeouts of the client ----

def test_a_head_that_does_not_come_is_408(run, client):
    r = run(more="timeout http-request 100ms")
    c = client(r.port).send("GET / HTTP/1.1\r\nHo")
    a = c.response()
    assert a.status == 408 and a.field("Connection") == "close" and c.closed()
    r.ends("cR", 408, "<NOSRV>")


def test_a_head_that_trickles_in_has_one_time_for_all_of_it(run, client):
    r = run(more="timeout http-request 150ms")
    c = client(r.port)
    begin = time.monotonic()
    try:
        for b in REQUEST * 2:
            c.send(b if b != "\n" else "")
            time.sleep(0.02)
    except ConnectionError:
        pass
    assert c.response().status == 408 and time.monotonic() - begin < 2
    r.ends("cR", 408, "<NOSRV>")


def test_a_connection_that_says_nothing_is_408_unless_it_is_reused(run, client):
    r = run(more="timeout http-request 100ms\n        timeout http-keep-alive 100ms")
    c = client(r.port)
    assert c.response().status == 408
    r.ends("cR", 408, "<NOSRV>")
    c = client(r.port).send(REQUEST)
    assert c.response().status == 200
    r.ends("--", 200)
    assert c.closed()
    r.quiet()


def test_an_idle_connection_is_closed_silently(run, client):
    r = run(more="timeout http-keep-alive 80ms")
    c = client(r.port)
    for _ in range(2):
        assert c.send(REQUEST).response().status == 200
        r.ends("--", 200)
    begin = time.monotonic()
    assert c.closed() and 0.03 < time.monotonic() - begin < 2
    r.quiet()


def test_the_rest_of_a_head_has_the_request_time_on_a_reused_connection(run, client):
    r = run(more="timeout http-request 100ms\n        timeout http-keep-alive 3s")
    c = client(r.port).send(REQUEST)
    assert c.response().status == 200
    r.ends("--", 200)
    begin = time.monotonic()
    assert c.send("GET / HT").response().status == 408 and time.monotonic() - begin < 2
    r.ends("cR", 408, "<NOSRV>")


@ours
def test_a_body_that_does_not_come_is_the_clients_fault(run, client):
    r = run(connection=hold, more="timeout client 150ms")
    c = client(r.port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    a = c.response()
    assert a.status == 408 and c.closed()
    r.ends("cH", 408)


def test_a_client_that_does_not_read_is_cut(run, client):
    r = run(lambda q: response(200, b"x" * 20 * MIB), more="timeout client 200ms")
    c = client(r.port).send(REQUEST)
    r.ends("cD", 200)
    a = c.response()
    assert a.status == 200 and not a.complete


def test_a_client_that_does_not_read_chunks_is_cut(run, client):
    r = run(lambda q: response(fields=[("Transfer-Encoding", "chunked")], length=False) + chunked(*[b"x" * MIB] * 20),
            more="timeout client 200ms")
    c = client(r.port).send(REQUEST)
    r.ends("cD", 200)
    a = c.response()
    assert a.status == 200 and not a.complete


# ---- timeouts of the server ----

def test_a_server_that_does_not_answer_is_504(run, client):
    r = run(connection=hold, more="timeout server 100ms")
    a = client(r.port).send(REQUEST).response()
    assert a.status == 504
    r.ends("sH", 504)


def test_a_server_that_stops_in_its_head_is_504(run, client):
    r = run(lambda q: [b"HTTP/1.1 200 OK\r\nX: ", 1.0, CLOSE], more="timeout server 100ms")
    assert client(r.port).send(REQUEST).response().status == 504
    r.ends("sH", 504)


@pytest.mark.parametrize("answer", [response(200, b"x" * 100)[:-10], response(200, b"x" * 500000)[:-10],
                                    response(length=False) + b"abc",
                                    response(fields=[("Transfer-Encoding", "chunked")], length=False) +
                                    b"3\r\nabc\r\n"],
                         ids=["length", "spliced", "until close", "chunked"])
@ours
def test_a_server_that_stops_in_its_body_is_cut(run, client, answer):
    r = run(lambda q: [answer, 1.0, CLOSE], more="timeout server 100ms")
    a = client(r.port).send(REQUEST).response()
    assert a.status == 200 and not a.complete
    r.ends("sD", 200)


def test_the_server_has_its_time_again_with_each_piece(run, client):
    r = run(lambda q: [response(length=False)] + [x for _ in range(8) for x in (b"x", 0.05)] + [CLOSE],
            more="timeout server 250ms")
    assert client(r.port).send(REQUEST).response().text == "x" * 8
    r.ends("--", 200)


def test_the_servers_time_starts_when_the_request_is_whole(run, client):
    r = run(more="timeout server 150ms")
    c = client(r.port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
    for _ in range(8):
        time.sleep(0.04)
        c.send("x")
    assert c.response().status == 200
    r.ends("--", 200)


@ours
def test_a_slow_client_is_not_the_servers_fault(run, client):
    """The server waits for the client's body for longer than its own time."""
    r = run(more="timeout server 100ms")
    c = client(r.port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
    time.sleep(0.3)
    assert c.send("cd").response().status == 200
    r.ends("--", 200)


def test_a_server_that_cannot_be_reached_in_time_is_503(run, client):
    s, fill = dead_port()
    try:
        r = run(s.getsockname()[1], more="timeout connect 50ms\n        retries 1")
        assert client(r.port).send(REQUEST).response().status == 503
        r.ends("sC", 503)
    finally:
        for sock in [s, *fill]:
            sock.close()


def test_a_server_that_refuses_is_503(run, client):
    r = run(free_port(), more="timeout connect 50ms\n        retries 1")
    assert client(r.port).send(REQUEST).response().status == 503
    r.ends("SC", 503)


def test_a_place_that_does_not_become_free_is_503(run, client):
    r = run(connection=hold, more="timeout queue 100ms", server="maxconn 1")
    first = client(r.port).send(REQUEST)
    wait_until(lambda: r.origin.connections == 1)
    assert client(r.port).send(REQUEST).response().status == 503
    assert r.ends("sQ", 503, "<NOSRV>")["queue"] == "0/1"
    first.close()


def test_no_backend_is_503(run, client):
    r = run(back="", front="use_backend none if { path /none }\n    backend none\n        timeout server 1s\n    frontend other\n        bind 127.0.0.1:@other@")
    assert client(r.port).send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 503
    r.ends("SC", 503, "<NOSRV>")


# ---- the server aborts ----

@pytest.mark.parametrize("end", [CLOSE, RESET], ids=["close", "reset"])
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX: y"], ids=["nothing", "half a head"])
def test_a_server_that_ends_before_its_head_is_502(run, client, first, end):
    r = run(lambda q: [first, end] if first else [end], more="retries 0")
    assert client(r.port).send(REQUEST).response().status == 502
    r.ends("SH", 502)


@pytest.mark.parametrize("answer", [response(200, b"x" * 100)[:-10], response(200, b"x" * 500000)[:-10],
                                    response(fields=[("Transfer-Encoding", "chunked")], length=False) +
                                    b"3\r\nabc\r\n"], ids=["length", "spliced", "chunked"])
@pytest.mark.parametrize("end", [CLOSE, RESET], ids=["close", "reset"])
def test_a_server_that_ends_in_its_body(run, client, answer, end):
    r = run(lambda q: [answer, 0.02, end])
    a = client(r.port).send(REQUEST).response()
    assert a.status == 200 and not a.complete
    r.ends("SD", 200)


@pytest.mark.parametrize("answer", [pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", marks=ours),
                                    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"SSH-2.0-x\r\n",
                                    b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n"])
def test_a_bad_answer_is_502(run, client, answer):
    r = run(lambda q: [answer, 0.2])
    assert client(r.port).send(REQUEST).response().status == 502
    r.ends("PH", 502)


@ours
def test_a_bad_chunk_cuts_the_answer(run, client):
    r = run(lambda q: [response(fields=[("Transfer-Encoding", "chunked")], length=False) + b"3\r\nabc\r\n", 0.03,
                       b"zz\r\n", 0.2])
    a = client(r.port).send(REQUEST).response()
    assert (a.status, a.body, a.complete) == (200, b"abc", False)
    r.ends("PD", 200)


# ---- the client aborts ----

def test_a_client_that_goes_within_its_head(run, client):
    r = run()
    client(r.port).send("GET / HTTP/1.1\r\nHo").close()
    m = r.ends("CR", 400, "<NOSRV>")
    assert m["request"] == "<BADREQ>"


def test_a_client_that_goes_within_its_body(run, client):
    r = run(connection=hold)
    c = client(r.port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    wait_until(lambda: r.origin.connections == 1)
    time.sleep(0.03)
    c.close()
    r.ends("CD", -1)


def test_a_client_that_goes_while_the_answer_comes(run, client):
    r = run(lambda q: response(200, b"x" * 20 * MIB))
    c = client(r.port).send(REQUEST)
    c.sock.recv(100)
    c.reset()
    r.ends("CD", 200)


def test_a_client_that_goes_before_the_answer_with_abortonclose(run, client):
    gone = threading.Event()

    def serve(sock, _):
        hold(sock, _)
        gone.set()
    r = run(connection=serve, more="option abortonclose")
    c = client(r.port).send(REQUEST)
    wait_until(lambda: r.origin.connections == 1)
    time.sleep(0.05)
    c.close()
    r.ends("CH", 400)
    assert HAPROXY or gone.wait(2)


def test_a_client_that_half_closes_without_abortonclose_gets_its_answer(run, client):
    r = run(lambda q: [0.1, response(200, "ok")])
    c = client(r.port).send(REQUEST).shutdown()
    assert c.response().text == "ok" and c.closed()
    r.ends("--", 200)


def test_a_client_that_goes_from_the_queue_with_abortonclose(run, client):
    r = run(connection=hold, more="option abortonclose", server="maxconn 1")
    first = client(r.port).send(REQUEST)
    wait_until(lambda: r.origin.connections == 1)
    second = client(r.port).send(REQUEST)
    time.sleep(0.05)
    second.close()
    r.ends("CQ", -1, "<NOSRV>")
    first.close()


# ---- Ballast itself ----

@pytest.mark.parametrize("data, status", [("GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", 400),
                                          ("GET /\x01 HTTP/1.1\r\n\r\n", 400), ("\x16\x03\x01\x00", 400),
                                          pytest.param("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n", 501, marks=ours),
                                          pytest.param("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, marks=ours)])
def test_a_bad_request(run, client, data, status):
    r = run()
    c = client(r.port).send(data)
    assert c.response().status == status and c.closed()
    assert r.ends("PR", status, "<NOSRV>")["request"] == "<BADREQ>"


def test_a_bad_chunk_in_a_request_that_is_on_its_way(run, client):
    r = run(connection=hold)
    c = client(r.port).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    wait_until(lambda: r.origin.connections == 1)
    time.sleep(0.03)
    c.send("zz\r\n")
    assert c.response().status == 400 and c.closed()
    r.ends("PH", 400)


def test_denied_and_answered_by_rules(run, client):
    r = run(front="http-request deny if { path /no }\n        http-request return status 200 if { path /yes }\n        http-request redirect location /x if { path /away }")
    c = client(r.port)
    for path, state, status in (("/no", "PR", 403), ("/yes", "LR", 200), ("/away", "LR", 302)):
        assert c.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").response().status == status
        r.ends(state, status, "<NOSRV>")


def test_a_response_that_a_rule_denies(run, client):
    r = run(back="http-response deny if { status 200 }")
    assert client(r.port).send(REQUEST).response().status == 502
    r.ends("PH", 502)


# ---- tunnels ----

def tunnel(serve):
    def connection(sock, _):
        s = Stream(sock)
        s.head(Request)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        serve(sock)
    return connection


UPGRADE = "GET /t HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def test_a_tunnel_has_its_own_time(run, client):
    def serve(sock):
        while data := sock.recv(1000):
            sock.sendall(data)
    r = run(connection=tunnel(serve),
            more="timeout client 100ms\n        timeout server 100ms\n        timeout tunnel 400ms")
    c = client(r.port).send(UPGRADE)
    assert c.response().status == 101
    for _ in range(4):
        time.sleep(0.2)  # longer than the times of a request
        assert c.send("hi").sock.recv(10) == b"hi"
    begin = time.monotonic()
    assert c.closed() and 0.3 < time.monotonic() - begin < 2
    m = r.ends("cD", 101)
    assert m["request"].startswith("GET /t")


def test_a_tunnel_that_ends_well(run, client):
    def serve(sock):
        while sock.recv(1000):
            pass
    r = run(connection=tunnel(serve), more="timeout tunnel 3s")
    c = client(r.port).send(UPGRADE)
    assert c.response().status == 101
    c.shutdown()
    assert c.closed()
    r.ends("--", 101)


@ours
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_half_closed_tunnel_ends_sooner(run, client, side):
    done = threading.Event()

    def serve(sock):
        if side == "server":
            sock.shutdown(socket.SHUT_WR)
        done.wait(3)
    r = run(connection=tunnel(serve),
            more="timeout tunnel 4s\n        timeout client-fin 100ms\n        timeout server-fin 100ms")
    c = client(r.port).send(UPGRADE)
    assert c.response().status == 101
    begin = time.monotonic()
    if side == "client":
        c.shutdown()
        c.until_close()
    else:
        assert c.closed()  # the server's half
    r.ends("cD", 101)
    assert time.monotonic() - begin < 2
    done.set()


def test_a_client_that_is_gone_before_it_spoke(run, client):
    r = run()
    client(r.port).close()
    r.ends("CR", 400, "<NOSRV>")
    c = client(r.port).shutdown()
    assert c.response().status == 400
    r.ends("CR", 400, "<NOSRV>")


def test_dontlognull_is_silent_about_connections_without_a_byte(run, client):
    r = run(more="timeout http-request 60ms\n        option dontlognull")
    client(r.port).close()
    c = client(r.port)
    c.until_close()
    r.quiet()
    assert client(r.port).send("GE").response().status == 408
    r.ends("cR", 408, "<NOSRV>")


@ours
def test_a_client_that_resets_while_it_waits(run, client):
    r = run(connection=hold)
    c = client(r.port).send(REQUEST)
    wait_until(lambda: r.origin.connections == 1)
    time.sleep(0.05)
    c.reset()
    r.ends("CH", -1)


def test_places_in_the_queue_are_counted_from_one(run, client):
    go = threading.Event()

    def handler(q):
        go.wait(3)
        return response(200, "ok")
    r = run(handler, server="maxconn 1")
    clients = []
    for i in range(4):
        clients.append(client(r.port).send(REQUEST))
        time.sleep(0.02)
    go.set()
    for c in clients:
        assert c.response().status == 200
    lines = r.syslog.wait(r'"$', 4)
    assert [LINE.search(l.strip())["queue"] for l in lines] == ["0/0", "0/1", "0/2", "0/3"]
