"""States in which an exchange could hang, spin, or hand one peer's bytes to another."""
import os
import socket
import threading
import time

import pytest

from peers import CLOSE, Client, chunked, echo_handler, get, response


BASE = """
    defaults
        mode http
        timeout connect 500ms
        timeout client 2s
        timeout server {server}
        retries 1
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
"""


def base(server="2s"):
    return BASE.replace("{server}", server)


def cpu_seconds(pid):
    """User and system time of the process so far."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def test_body_behind_blocked_local_answers_is_left_unread(ballast, client):
    """No server takes the body: it must not be read while the answers before it still pend."""
    body = "x" * 8000
    lb = ballast(f"""
        defaults
            mode http
            timeout client 2s
        frontend web
            bind 127.0.0.1:@web@
            http-request return status 200 content-type text/plain string "{body}"
    """)
    c = client(lb.port["web"])
    head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "y" * 100000
    get_one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    def feed():
        try:
            c.send(get_one * 3000)
            c.send(head)
        except OSError:
            pass
    t = threading.Thread(target=feed)
    t.start()
    time.sleep(0.3)
    for _ in range(3000):
        assert len(c.response().body) == len(body)
    assert c.response().status == 200
    t.join()


def test_server_that_answers_early_and_stops_reading_ends_by_its_timeout(ballast, origin, client):
    """The answer is whole, the request's body never will be: the exchange must not live for ever."""
    def stops(sock, o):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.recv(1000)
        sock.sendall(response(200, "early"))
        time.sleep(3)
    lb = ballast(base("200ms"), o=origin(connection=stops))
    c = client(lb.port["web"])
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")

    def feed():
        try:
            for _ in range(5000):
                c.sock.sendall(b"x" * 10000)
        except OSError:
            pass
    t = threading.Thread(target=feed, daemon=True)
    t.start()
    assert c.response().text == "early"
    t.join(2.0)
    assert not t.is_alive()


def test_server_that_ends_after_an_early_chunked_answer_adds_nothing(ballast, origin, client):
    def early(sock, o):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"early"))
        time.sleep(0.1)
        sock.sendall(b"JUNK")
    lb = ballast(base(), o=origin(connection=early))
    c = client(lb.port["web"])
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\nabc")
    assert c.response().text == "early"
    assert c.until_close() == b""


def test_without_a_server_timeout_the_connect_timeout_ends_nothing(ballast, origin):
    lb = ballast("""
        defaults
            mode http
            timeout connect 100ms
            timeout client 2s
        listen web
            bind 127.0.0.1:@web@
            server s1 127.0.0.1:@o@
    """, o=origin(lambda r: [0.3, echo_handler(r)]))
    assert get(lb.port["web"]).status == 200


def test_without_timeouts_the_connect_timeout_ends_no_tcp_session(ballast, origin, client):
    lb = ballast("""
        defaults
            mode tcp
            timeout connect 100ms
        listen web
            bind 127.0.0.1:@web@
            server s1 127.0.0.1:@o@
    """, o=origin())
    c = client(lb.port["web"])
    assert c.request().status == 200
    assert c.silent(0.25)
    assert c.request().status == 200


def test_many_requests_behind_a_body_wait_their_turn(ballast, origin, client):
    lb = ballast(base(), o=origin())
    c = client(lb.port["web"])
    n = 1500
    c.send("POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x" * 100000 +
           "".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(1, n)))
    assert c.response().status == 200
    for i in range(1, n):
        assert c.response().text == f"GET /{i} "


def test_many_requests_behind_a_chunked_body_wait_their_turn(ballast, origin, client):
    lb = ballast(base(), o=origin())
    c = client(lb.port["web"])
    n = 1500
    c.send(b"POST /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[b"x" * 5000] * 20) +
           "".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(1, n)).encode())
    assert c.response().status == 200
    for i in range(1, n):
        assert c.response().text == f"GET /{i} "


def test_full_server_with_an_idle_backup_queues_and_does_not_spin(ballast, origin, client):
    slow = origin(lambda r: [0.5, echo_handler(r)])
    lb = ballast("""
        defaults
            mode http
            timeout connect 500ms
            timeout client 2s
            timeout server 2s
            timeout queue 2s
        listen web
            bind 127.0.0.1:@web@
            server s1 127.0.0.1:@o@ maxconn 1
            server s2 127.0.0.1:@spare@ backup
    """, o=slow, spare=origin())
    first, second = client(lb.port["web"]), client(lb.port["web"])
    first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.wait_requests(1)
    before = cpu_seconds(lb.pid)
    second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert first.response().text == "GET /1 "
    assert second.response().text == "GET /2 "
    assert cpu_seconds(lb.pid) - before < 0.3


def test_many_interim_responses_in_one_packet(ballast, origin):
    lb = ballast(base(), o=origin(lambda r: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 400 + response(200, "x")))
    with Client(lb.port["web"]) as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        interim = []
        assert c.response(interim=interim).text == "x"
        assert len(interim) == 400


def test_server_that_answers_before_the_request(ballast, origin):
    def hasty(sock, o):
        sock.sendall(response(200, "hasty", [("Connection", "close")]))
        sock.recv(1000)
        time.sleep(1)
    lb = ballast(base("400ms"), o=origin(connection=hasty))
    start = time.monotonic()
    assert get(lb.port["web"]).text == "hasty"
    assert time.monotonic() - start < 0.35


def test_slow_reader_of_a_spliced_body_is_the_clients_fault(ballast, origin, client, syslog):
    """Bytes in the pipe wait for the client, so the server's timeout does not run; the client's does."""
    size = 20_000_000
    lb = ballast("""
        global
            log 127.0.0.1:@log@ local0
        defaults
            mode http
            log global
            option httplog
            timeout connect 500ms
            timeout client 600ms
            timeout server 200ms
        listen web
            bind 127.0.0.1:@web@
            server s1 127.0.0.1:@o@
    """, o=origin(lambda r: response(200, b"z" * size)), log=syslog)
    c = client(lb.port["web"])
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    syslog.wait(r" cD-- ")


def test_small_requests_are_served_beside_a_flood(ballast, origin, client):
    """A client that pipelines without end must not hold the thread."""
    lb = ballast("""
        global
            nbthread 1
        defaults
            mode http
            timeout client 5s
        frontend web
            bind 127.0.0.1:@web@
            http-request return status 200 content-type text/plain string "x"
    """)
    c = client(lb.port["web"])
    block, stop = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 4000, time.monotonic() + 1.5

    def feed():
        try:
            while time.monotonic() < stop:
                c.sock.sendall(block)
        except OSError:
            pass

    def drain():
        try:
            while c.sock.recv(1 << 20):
                pass
        except OSError:
            pass
    threads = [threading.Thread(target=f, daemon=True) for f in (feed, drain)]
    for t in threads:
        t.start()
    time.sleep(0.2)
    start = time.monotonic()
    assert get(lb.port["web"]).text == "x"
    assert time.monotonic() - start < 0.7
    threads[0].join()
    c.sock.shutdown(socket.SHUT_RDWR)


def test_endless_body_behind_a_refusal_is_cut(ballast, client):
    lb = ballast("""
        defaults
            mode http
            timeout client 5s
        frontend web
            bind 127.0.0.1:@web@
            http-request deny
    """)
    c = client(lb.port["web"])
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
    end = time.monotonic() + 4
    try:
        while time.monotonic() < end:
            c.sock.sendall(b"x" * 1_000_000)
        raise AssertionError("it reads on")
    except (ConnectionError, BrokenPipeError):
        pass


def test_first_request_on_a_kept_server_connection_may_take_its_time(ballast, origin, client):
    """The short time after which a connection is watched at last must not end one that is watched by then."""
    lb = ballast(base() + "        http-reuse always\n", o=origin())
    assert get(lb.port["web"]).status == 200
    c = client(lb.port["web"])
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
    time.sleep(0.1)
    assert c.send("abc").response().text == "POST / abc"


def test_an_end_takes_nothing_from_answers_on_their_way(ballast, origin):
    """A request that arrives behind the end must not reset the connection under what the client has yet to read."""
    answers = {"/big": [response(200, b"b" * 300_000)],
               "/cut": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", CLOSE]}
    lb = ballast(base(), o=origin(lambda r: answers.get(r.target, echo_handler(r))))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        sock.settimeout(3)
        sock.connect(("127.0.0.1", lb.port["web"]))
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.1)
        sock.sendall(b"GET /more HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.05)
        got = b""
        while data := sock.recv(65536):
            got += data
    assert got.count(b"b") >= 300_000 and got.endswith(b"cut")
