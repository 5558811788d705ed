"""Which connections to a server serve which requests: http-reuse, keep-alive modes, pools, retries.

Seen from the origin: each request tells on which of its connections it came.
"""
import threading
import time

import pytest

from peers import CLOSE, RESET, Client, get, response, wait_until

DEFAULTS = """
    defaults
        mode http
        timeout connect 300ms
        timeout client 5s
        timeout server 5s
        timeout http-keep-alive 5s
"""


@pytest.fixture
def behind(ballast, origin):
    """behind("lines", server="options") gives (port, origin); one thread, so that each request may find any connection."""
    def start(lines="", handler=None, server="", head="", **more):
        o = origin(handler) if handler else origin(**more)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(f"""
    global
        nbthread 1
        stats socket @dir@/sock level admin
{head}""" + DEFAULTS + f"""
    listen web
        bind 127.0.0.1:@web@
{body}
        server s1 127.0.0.1:@o@ {server}
    """, o=o)
        o.lb = lb
        return lb.port["web"], o
    return start


def connections(o):
    return [q.connection for q in o.requests]


# ---- http-reuse ----

def test_safe_gives_a_sessions_first_request_its_own_connection(behind):
    port, o = behind("http-reuse safe")
    with Client(port) as a, Client(port) as b:
        for c in (a, b, a, b, a):
            assert c.request().status == 200
    seen = connections(o)
    assert seen[:2] == [0, 1]
    assert set(seen) == {0, 1}


def test_safe_is_the_default(behind):
    port, o = behind()
    assert [get(port).status for _ in range(2)] == [200, 200]
    assert connections(o) == [0, 1]


def test_safe_shares_for_later_requests(behind):
    """Two clients in turn, of which the first one left: the second goes on over either connection."""
    port, o = behind("http-reuse safe")
    with Client(port) as a:
        a.request()
    with Client(port) as b:
        for _ in range(3):
            b.request()
    assert o.connections == 2


def test_always_uses_any_idle_connection(behind):
    port, o = behind("http-reuse always")
    for _ in range(5):
        assert get(port).status == 200
    assert o.connections == 1


def test_always_opens_what_is_needed_at_once(behind):
    together = threading.Barrier(3)
    port, o = behind("http-reuse always", lambda q: (together.wait(5), response())[1])
    clients = [Client(port) for _ in range(3)]
    for c in clients:
        c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert all(c.response().status == 200 for c in clients)
    assert o.connections == 3


def test_never_gives_each_client_a_connection_of_its_own(behind):
    port, o = behind("http-reuse never")
    with Client(port) as a, Client(port) as b:
        for c in (a, b, b, a, a):
            c.request()
        get(port)
    assert connections(o) == [0, 1, 1, 0, 0, 2]


def test_never_keeps_a_connection_to_each_server(ballast, origin):
    origins = {f"o{i}": origin() for i in range(3)}
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@
        http-reuse never
        balance roundrobin
        server s0 127.0.0.1:@o0@
        server s1 127.0.0.1:@o1@
        server s2 127.0.0.1:@o2@
    """, **origins)
    with Client(lb.port["web"]) as c:
        for _ in range(9):
            assert c.request().status == 200
    assert [o.connections for o in origins.values()] == [1, 1, 1]


def test_a_private_connection_ends_with_its_client(behind):
    ended = threading.Event()

    def serve(sock, o):
        o._requests(sock, 0)
        ended.set()
    port, o = behind("http-reuse never", connection=serve)
    with Client(port) as c:
        assert c.request().status == 200
        assert not ended.wait(0.1)
    assert ended.wait(2)


def test_aggressive_takes_proven_connections_for_first_requests(behind):
    port, o = behind("http-reuse aggressive")
    assert get(port).status == 200
    with Client(port) as c:  # 0 is not proven: another one
        assert c.request().status == 200
        assert c.request().status == 200  # now one of them is
    assert o.connections == 2
    assert get(port).status == 200
    assert o.connections == 2


# ---- how connections end ----

def test_http_server_close_keeps_the_client(behind):
    port, o = behind("option http-server-close")
    with Client(port) as c:
        for _ in range(3):
            r = c.request()
            assert r.status == 200 and r.field("Connection") is None
    assert connections(o) == [0, 1, 2]
    assert {q.field("Connection") for q in o.requests} == {"close"}


def test_httpclose_closes_both(behind, client):
    port, o = behind("option httpclose")
    c = client(port)
    assert c.request().field("Connection") == "close"
    assert c.closed()
    get(port)
    assert connections(o) == [0, 1]
    assert {q.field("Connection") for q in o.requests} == {"close"}


def test_keep_alive_is_not_said_to_the_server(behind):
    port, o = behind("option http-keep-alive")
    with Client(port) as c:
        c.request(fields=[("Connection", "keep-alive")])
        c.request()
    assert connections(o)[0] == 0
    assert [q.field("Connection") for q in o.requests] == [None, None]


@pytest.mark.parametrize("answer", [
    response(200, b"x", [("Connection", "close")]),
    response(200, b"x", version="HTTP/1.0"),
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
])
def test_a_server_that_closes_is_not_used_again_and_the_client_stays(behind, answer):
    port, o = behind("http-reuse always", lambda q: [answer, CLOSE])
    with Client(port) as c:
        for _ in range(2):
            r = c.request()
            assert r.status == 200 and r.complete
    assert connections(o) == [0, 1]


def test_junk_behind_a_response_never_reaches_another_client(behind):
    port, o = behind("http-reuse always", lambda q: response(200, b"ok") + (
        response(200, b"stolen") if q.connection == 0 else b""))
    with Client(port) as c:
        assert [c.request().text for _ in range(3)] == ["ok"] * 3
    assert connections(o) == [0, 1, 1]


def test_junk_that_comes_later_never_reaches_another_client(behind):
    port, o = behind("http-reuse always", lambda q: [response(200, b"ok")] + (
        [0.1, response(200, b"stolen")] if q.connection == 0 else []))
    assert get(port).text == "ok"
    time.sleep(0.2)
    assert get(port).text == "ok"
    assert connections(o) == [0, 1]


# ---- the pool ----

def busy(port, count, target="/"):
    """So many requests at the same time."""
    clients = [Client(port) for _ in range(count)]
    for c in clients:
        c.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
    for c in clients:
        assert c.response().status == 200
    return clients


def test_pool_max_conn_bounds_what_is_kept(behind):
    together = threading.Barrier(4)
    port, o = behind("http-reuse always", lambda q: (together.wait(5), response())[1], server="pool-max-conn 2")
    for c in busy(port, 4):
        c.close()
    wait_until(lambda: len(o.open) == 2, what="two connections kept")


def test_pool_max_conn_0_keeps_none(behind):
    port, o = behind("http-reuse always", server="pool-max-conn 0")
    with Client(port) as c:
        c.request()
        wait_until(lambda: not o.open, what="no connection kept")
        c.request()
    assert connections(o) == [0, 1]


def test_pool_purge_delay_closes_what_is_idle(behind):
    port, o = behind("http-reuse always", server="pool-purge-delay 100ms")
    get(port)
    wait_until(lambda: not o.open, 4.0, what="the idle connection purged")


def test_a_servers_idle_connections_close_when_it_goes_down(behind):
    port, o = behind("http-reuse always", server="weight 1")
    get(port)
    assert len(o.open) == 1
    o.lb.cli("disable server web/s1")
    wait_until(lambda: not o.open, what="idle connections of a server in maintenance closed")
    assert get(port).status == 503
    o.lb.cli("enable server web/s1")
    assert get(port).status == 200


# ---- again ----

def stale(kind):
    """An origin that ends the connection right after the first answer on each."""
    return lambda q: [response(200, b"answered"), kind] if q.target == "/last" else response(200, b"ok")


@pytest.mark.parametrize("kind", [CLOSE, RESET])
def test_a_closed_kept_connection_is_noticed(behind, kind):
    port, o = behind("http-reuse always", stale(kind))
    with Client(port) as c:
        for _ in range(10):
            assert c.request(target="/last").text == "answered"
            wait_until(lambda: not o.open)
            time.sleep(0.005)  # it leaves `open` just before its end
            assert c.request("POST", "/next", body=b"x").text == "ok"


def closing_on_arrival(o_requests_before_close=1):
    """Serves one request on the first connection and closes as the second arrives, unanswered; others are served."""
    lock, state = threading.Lock(), {"first": True}

    def serve(sock, o):
        with lock:
            first, state["first"] = state["first"], False
        if not first:
            o._requests(sock, 1)
            return
        sock.recv(65536)
        sock.sendall(response(200, b"first"))
        state["seen"] = sock.recv(65536)
    serve.state = state
    return serve


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_a_request_that_may_be_repeated_is_sent_again_where_a_kept_connection_breaks(behind, method):
    serve = closing_on_arrival()
    port, o = behind("http-reuse always", connection=serve)
    with Client(port) as c:
        assert c.request().text == "first"
        body = "body" if method == "PUT" else ""
        c.send(f"{method} /again HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        assert c.response(method).status == 200
    assert serve.state["seen"].startswith(method.encode())
    assert [(q.method, q.target) for q in o.requests] == [(method, "/again")]


def test_a_post_is_not_repeated(behind):
    serve = closing_on_arrival()
    port, o = behind("http-reuse always", connection=serve)
    with Client(port) as c:
        assert c.request().text == "first"
        r = c.request("POST", "/once", body=b"body")
        assert r is None or r.status == 502
    assert serve.state["seen"].startswith(b"POST")
    assert not o.requests


def test_nothing_is_repeated_once_an_answer_began(behind):
    def serve(sock, o):
        with o.lock:
            o.served = getattr(o, "served", 0) + 1
        sock.recv(65536)
        sock.sendall(response(200, b"first"))
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Len")
    port, o = behind("http-reuse always", connection=serve)
    with Client(port) as c:
        assert c.request().text == "first"
        r = c.request()
        assert r is None or r.status == 502
    assert o.served == 1


def test_a_fresh_connection_that_breaks_is_502(behind):
    def serve(sock, o):
        sock.recv(65536)
    port, o = behind("", connection=serve)
    assert get(port).status == 502
    assert o.connections == 1


def test_a_refused_port_is_retried_and_503(ballast, syslog):
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + """
        log global
        option httplog
        retries 2
        timeout connect 20ms
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@refused@
    """, log=syslog)
    assert get(lb.port["web"]).status == 503
    line = syslog.wait("GET / HTTP/1.1")[0]
    assert " 503 " in line and " SC-- " in line
    assert "/2 0/0 " in line, line


@pytest.mark.parametrize("balance, option, count", [
    ("roundrobin", "redispatch", "+1"),  # at once, where the algorithm binds no request to a server
    ("static-rr", "redispatch 3", "+1"),
    ("first", "redispatch -1", "+1"),
    ("source", "redispatch", "+3"),
    ("source", "redispatch 1", "+1"),
    ("source", "redispatch 2", "+2"),
    ("source", "redispatch -2", "+2"),
])
def test_redispatch_finds_another_server(ballast, origin, syslog, balance, option, count):
    o = origin()
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + f"""
        log global
        option httplog
        timeout connect 20ms
        option {option}
    listen web
        bind 127.0.0.1:@web@
        balance {balance}
        server dead 127.0.0.1:@refused@ weight 256
        server live 127.0.0.1:@o@
    """, o=o, log=syslog)
    for _ in range(2):
        assert get(lb.port["web"]).status == 200
    assert any(f"/{count} 0/0 " in l for l in syslog.wait("web/live", 2)), syslog.lines


def test_redispatch_goes_on_until_a_server_answers(ballast, origin):
    o = origin()
    lb = ballast(DEFAULTS + """
        timeout connect 20ms
        option redispatch
        retries 2
    listen web
        bind 127.0.0.1:@web@
        balance first
        server dead1 127.0.0.1:@refused@
        server dead2 127.0.0.1:@refused2@
        server live 127.0.0.1:@o@
    """, o=o)
    assert [get(lb.port["web"]).status for _ in range(3)] == [200] * 3


def test_a_dead_server_does_not_draw_the_retries_while_the_others_are_full(ballast, origin):
    """Only the dead one has a free place: the request waits for the one that lives."""
    gate = threading.Event()
    o = origin(lambda q: (gate.wait(5), response())[1] if q.target == "/hold" else response())
    lb = ballast(DEFAULTS + """
        timeout connect 50ms
        timeout queue 5s
        option redispatch
        retries 2
    listen web
        bind 127.0.0.1:@web@
        balance first
        server live 127.0.0.1:@o@ maxconn 1
        server dead 127.0.0.1:@refused@
    """, o=o)
    with Client(lb.port["web"]) as first, Client(lb.port["web"]) as second:
        first.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        o.wait_requests(1)
        second.send("GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.silent(0.3)
        gate.set()
        assert first.response().status == 200
        assert second.response().status == 200


def test_without_redispatch_the_dead_server_stays_dead(ballast, origin):
    o = origin()
    lb = ballast(DEFAULTS + """
        timeout connect 20ms
        retries 2
    listen web
        bind 127.0.0.1:@web@
        balance static-rr
        server dead 127.0.0.1:@refused@
        server live 127.0.0.1:@o@
    """, o=o)
    assert sorted(get(lb.port["web"]).status for _ in range(4)) == [200, 200, 503, 503]


def test_a_server_that_comes_back_is_reached_by_a_retry(ballast, origin):
    o = origin()
    o.stop()
    lb = ballast(DEFAULTS + """
        timeout connect 100ms
        retries 20
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@
    """, o=o)
    with Client(lb.port["web"]) as c:
        c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.silent(0.15)
        o.start()
        assert c.response().status == 200


def test_a_server_killed_under_load_loses_nothing_that_could_be_retried(ballast, origin, syslog):
    """GETs only, two servers, one killed and revived while they run: those that it was answering when it died are
    refused with 502 and logged so; all others are answered."""
    origins = [origin(), origin()]
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + """
        log global
        option httplog
        option redispatch
        retries 3
        timeout connect 100ms
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@a@ check inter 100ms fall 1 rise 1
        server s2 127.0.0.1:@b@ check inter 100ms fall 1 rise 1
    """, a=origins[0], b=origins[1], log=syslog)
    results, stop = [], threading.Event()

    def load():
        with Client(lb.port["web"]) as c:
            while not stop.is_set():
                r = c.request(target=f"/{len(results)}")
                results.append(r.status)
                time.sleep(0.001)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.1)
        origins[0].stop()
        time.sleep(0.15)
        origins[0].start()
    stop.set()
    for t in threads:
        t.join()
    assert len(results) > 100
    bad = [s for s in results if s != 200]
    # on its connection each load thread has at most one request under way when the server dies
    assert set(bad) <= {502} and len(bad) <= 4 * 3, bad
    syslog.wait(r"GET /\d+ HTTP", len(results))
    logged = syslog.matching(r" 502 -?\d+ - - SH-- ")
    assert len(logged) == len(bad)
