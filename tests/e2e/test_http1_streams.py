"""Bodies that stream both ways, answers that come early, slow peers, and tunnels."""
import hashlib
import random
import socket
import threading
import time

import pytest

from peers import CLOSE, Client, Stream, Request, chunked, echo_handler, get, reset, response, wait_until

CONFIG = """
    defaults
        mode http
        timeout connect 2s
        timeout client 3s
        timeout server 3s
        {more}
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
"""
MIB = 1 << 20


@pytest.fixture
def proxied(ballast, origin):
    def start(handler=echo_handler, more="", **origin_options):
        o = origin(handler, **origin_options)
        return ballast(CONFIG.replace("{more}", more), o=o).port["web"], o
    return start


def until(sock, end):
    data = b""
    while end not in data:
        more = sock.recv(65536)
        assert more, data
        data += more
    return data


def exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        more = sock.recv(min(n - len(data), 1 << 18))
        if not more:
            break
        data += more
    return bytes(data)


# ---- both bodies at once ----

def test_the_response_streams_while_the_request_does(proxied, client):
    """Each byte is echoed before the next one is sent: neither body waits for the other's end."""
    def serve(sock, _):
        until(sock, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(20):
            sock.sendall(sock.recv(1).upper())
        sock.recv(1)
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
    assert until(c.sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    for i in range(20):
        c.send(bytes([ord("a") + i]))
        assert c.sock.recv(10) == bytes([ord("A") + i])


def test_the_response_streams_while_the_request_does_in_chunks(proxied, client):
    def serve(sock, _):
        s = Stream(sock)
        s.head(Request)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while size := int(s.line(), 16):
            sock.sendall(b"%x\r\n%s\r\n" % (size, s.exactly(size + 2)[:-2].upper()))
        s.line()
        sock.sendall(b"0\r\n\r\n")
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    until(c.sock, b"\r\n\r\n")
    for i in range(10):
        c.send(b"3\r\nab%d\r\n" % i)
        assert until(c.sock, b"\r\nAB%d\r\n" % i) == b"3\r\nAB%d\r\n" % i
    c.send(b"0\r\n\r\n")
    assert until(c.sock, b"0\r\n\r\n") == b"0\r\n\r\n"


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [MIB + 17, 5 * MIB])
def test_large_bodies_in_both_directions_at_once(proxied, client, coding, size):
    data = random.Random(size).randbytes(size)

    def serve(sock, _):
        s = Stream(sock)
        r = s.head(Request)
        sock.sendall(b"HTTP/1.1 200 OK\r\n" +
                     (b"Content-Length: %d\r\n\r\n" % size if coding == "length" else b"Transfer-Encoding: chunked\r\n\r\n"))
        if coding == "length":
            sock.sendall(s.buffer)
            left = size - len(s.buffer)
            while left:
                more = sock.recv(50000)
                sock.sendall(more)
                left -= len(more)
        else:
            assert r.field("Transfer-Encoding") == "chunked"
            while n := int(s.line(), 16):
                sock.sendall(b"%x\r\n%s\r\n" % (n, s.exactly(n + 2)[:-2]))
            s.line()
            sock.sendall(b"0\r\nX-End: 1\r\n\r\n")
        sock.recv(1)
    port, _ = proxied(connection=serve)
    c = client(port)

    def feed():
        if coding == "length":
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size).send(data)
        else:
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            rng, at = random.Random(1), 0
            while at < size:
                n = rng.choice([1, 100, 16384, 100000])
                c.send(b"%x\r\n%s\r\n" % (len(data[at:at + n]), data[at:at + n]))
                at += n
            c.send(b"0\r\n\r\n")
    t = threading.Thread(target=feed)
    t.start()
    r = c.response()
    t.join()
    assert r.complete and hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("size", [10000, 300000, 3 * MIB])
def test_bodies_of_any_size_are_followed_by_the_next_request(proxied, client, size):
    data = random.Random(size).randbytes(size)
    port, o = proxied(lambda r: response(200, r.body or b"next"))
    c = client(port)
    for _ in range(3):
        t = threading.Thread(target=c.send,
                             args=(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%sGET / HTTP/1.1\r\nHost: a\r\n\r\n" % (size, data),))
        t.start()
        assert c.response().body == data
        assert c.response().text == "next"
        t.join()
    assert o.connections == 1


# ---- early answers ----

@pytest.mark.parametrize("size", [50000, 2 * MIB])
def test_an_early_answer_while_the_body_goes_on(proxied, client, size):
    """The answer is there before the body: the body still reaches the server, and both connections are used again."""
    got = []

    def serve(sock, _):
        s = Stream(sock)
        while r := s.head(Request):
            if r.method == "GET":
                sock.sendall(response(200, "next"))
                continue
            sock.sendall(response(200, "early"))
            got.append(s.exactly(int(r.field("Content-Length"))))
    port, o = proxied(connection=serve)
    c = client(port).send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\nabc")
    assert c.response().text == "early"
    c.send(b"x" * (size - 3))
    assert c.request().text == "next"
    assert got == [b"abc" + b"x" * (size - 3)] and o.connections == 1


@pytest.mark.parametrize("fields", ["Connection: close\r\n", ""])
def test_an_early_answer_from_a_server_that_closes(proxied, client, fields):
    def serve(sock, _):
        until(sock, b"\r\n\r\n")
        sock.sendall(f"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n{fields}\r\nno".encode())
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
    r = c.response()
    assert (r.status, r.text, r.complete) == (413, "no", True)
    try:
        c.send(b"x" * 999997)
    except ConnectionError:
        pass
    c.stream.ended = False
    assert c.until_close() == b""


def test_an_early_answer_and_a_reset_under_a_large_body(proxied):
    """The answer of a server that resets while the client still sends is not lost."""
    def serve(sock, _):
        until(sock, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        time.sleep(0.02)
        reset(sock)
    port, _ = proxied(connection=serve)
    for _ in range(5):
        with Client(port) as c:
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
            t = threading.Thread(target=lambda: send_all(c, b"x" * 3000000))
            t.start()
            r = c.response()
            t.join()
            assert (r.status, r.text) == (403, "no")


def send_all(c, data):
    try:
        c.send(data)
    except OSError:
        pass


def test_a_request_behind_a_post_that_is_answered_early(proxied, client):
    """It waits for the body's end, and for nothing else."""
    def serve(sock, _):
        s = Stream(sock)
        while r := s.head(Request):
            sock.sendall(response(200, r.target))
            if r.method == "POST":
                s.exactly(int(r.field("Content-Length")))
    port, o = proxied(connection=serve)
    c = client(port).send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
    assert c.response().text == "/a"
    assert c.silent(0.05)
    c.sock.settimeout(5)
    c.send("56789GET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [c.response().text, c.response().text] == ["/b", "/c"]


# ---- slow peers ----

def test_byte_by_byte_from_both_sides(proxied, client):
    def serve(sock, _):
        s = Stream(sock)
        while r := s.head(Request):
            s.body(r, until_close=False)
            answer = response(fields=[("Transfer-Encoding", "chunked"), ("X-Token", r.field("X-Token"))],
                              length=False) + chunked(r.body, trailers=[("X", "y")])
            for i in range(len(answer)):
                sock.sendall(answer[i:i + 1])
    port, _ = proxied(connection=serve)
    c = client(port)
    for n in range(2):
        for b in b"POST /slow HTTP/1.1\r\nHost: a\r\nX-Token: %d\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=\"a\"\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n" % n:
            c.send(bytes([b]))
        r = c.response()
        assert (r.body, r.trailers, r.field("X-Token")) == (b"abcd", [("X", "y")], str(n))


def test_a_body_that_pauses_is_not_the_end(proxied, client):
    """Longer than timeout http-request: that is the head's alone."""
    port, _ = proxied(more="timeout http-request 80ms")
    warm = client(port)
    assert warm.request().status == 200  # a kept server connection: the next request goes out at once
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
    time.sleep(0.2)
    assert c.send("def").response().text == "POST / abcdef"
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: ")
    time.sleep(0.2)
    assert c.send("y\r\n\r\n").response().text == "POST / abc"


@pytest.mark.parametrize("size", [200000, 12 * MIB])
def test_a_slow_reader_gets_all(proxied, client, size):
    data = random.Random(size).randbytes(size)
    port, _ = proxied(lambda r: response(200, data))
    c = client(port).send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    time.sleep(0.2)
    r = c.response()
    assert r.complete and r.body == data


def test_a_slow_server_gets_all(proxied, client):
    got = []

    def serve(sock, _):
        time.sleep(0.2)
        s = Stream(sock)
        r = s.head(Request)
        s.body(r, until_close=False)
        got.append(r.body)
        sock.sendall(response(200, "ok"))
    port, _ = proxied(connection=serve)
    data = random.Random(9).randbytes(12 * MIB)
    c = client(port)
    assert c.request("POST", body=data).text == "ok" and got == [data]


# ---- tunnels ----

def upgrade_server(serve):
    def connection(sock, _):
        s = Stream(sock)
        r = s.head(Request)
        if r.method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 Connected\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            assert r.field("Upgrade") == "websocket" and r.field("Connection").lower() == "upgrade"
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: k\r\n\r\nhello")
        serve(sock, s.take(len(s.buffer)))
    return connection


UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n"
CONNECT = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"


def echo(sock, first):
    sock.sendall(first)
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    time.sleep(0.05)


def enter(c, request=UPGRADE, early=b""):
    c.send(request + early)
    head = until(c.sock, b"\r\n\r\n")
    return head[:head.index(b"\r\n\r\n") + 4], head[head.index(b"\r\n\r\n") + 4:]


def test_an_upgrade_becomes_a_tunnel(proxied, client):
    port, _ = proxied(connection=upgrade_server(echo))
    c = client(port)
    head, rest = enter(c)
    assert head.startswith(b"HTTP/1.1 101 ") and b"Upgrade: websocket\r\n" in head and b"connection: upgrade\r\n" in head.lower()
    assert b"Sec-WebSocket-Accept: k" in head
    assert rest + exactly(c.sock, 5 - len(rest)) == b"hello"
    for word in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x02", b"x" * 100000):
        t = threading.Thread(target=c.send, args=(word,))
        t.start()
        assert exactly(c.sock, len(word)) == word
        t.join()


def test_bytes_that_come_with_the_upgrade_are_the_tunnels(proxied, client):
    port, _ = proxied(connection=upgrade_server(echo))
    c = client(port)
    _, rest = enter(c, early=b"early")
    assert rest + exactly(c.sock, 10 - len(rest)) == b"helloearly"


def test_connect_becomes_a_tunnel(proxied, client):
    port, _ = proxied(connection=upgrade_server(echo))
    c = client(port)
    head, rest = enter(c, CONNECT, b"early")
    assert head.startswith(b"HTTP/1.1 200") and b"Content-Length" not in head and b"Transfer-Encoding" not in head and b"Connection" not in head
    assert rest + exactly(c.sock, 5 - len(rest)) == b"early"
    c.send(b"more")
    assert exactly(c.sock, 4) == b"more"


@pytest.mark.parametrize("request_", [UPGRADE, CONNECT], ids=["upgrade", "connect"])
def test_each_half_of_a_tunnel_ends_for_itself(proxied, client, request_):
    ends = []

    def serve(sock, first):
        data = first
        while more := sock.recv(65536):
            data += more
        ends.append(data)
        for _ in range(5):
            sock.sendall(b"tail")
            time.sleep(0.01)
    port, _ = proxied(connection=upgrade_server(serve))
    c = client(port)
    _, rest = enter(c, request_)
    if request_ is UPGRADE:
        exactly(c.sock, 5 - len(rest))
    c.send(b"last words").shutdown()
    assert c.until_close() == b"tail" * 5 and ends == [b"last words"]


def test_the_server_ends_its_half_first(proxied, client):
    got = []

    def serve(sock, first):
        sock.shutdown(socket.SHUT_WR)
        data = first
        while more := sock.recv(65536):
            data += more
        got.append(data)
    port, _ = proxied(connection=upgrade_server(serve))
    c = client(port)
    _, rest = enter(c)
    assert rest + c.until_close() == b"hello"
    c.send(b"still").send(b" there").shutdown()
    wait_until(lambda: got == [b"still there"])


def test_large_data_both_ways_through_a_tunnel(proxied, client):
    port, _ = proxied(connection=upgrade_server(echo))
    data = random.Random(2).randbytes(6 * MIB)
    c = client(port)
    _, rest = enter(c)
    exactly(c.sock, 5 - len(rest))
    t = threading.Thread(target=lambda: c.send(data).shutdown())
    t.start()
    back = c.until_close()
    t.join()
    assert back == data


def test_tunnels_beside_requests_do_not_mix(proxied, client):
    def connection(sock, o):
        s = Stream(sock)
        while r := s.head(Request):
            s.body(r, until_close=False)
            if r.all("Upgrade"):
                sock.sendall(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
                echo(sock, s.take(len(s.buffer)))
                return
            sock.sendall(echo_handler(r))
    port, _ = proxied(connection=connection)
    for i in range(5):
        a, b = client(port), client(port)
        assert a.request("GET", f"/{i}").text == f"GET /{i} "
        _, rest = enter(a, early=b"t%d" % i)
        assert rest + exactly(a.sock, 7 - len(rest)) == b"hellot%d" % i
        assert b.request("GET", f"/b{i}").text == f"GET /b{i} "
        a.close()
        assert b.request("GET", f"/c{i}").text == f"GET /c{i} "


def test_a_tunnel_whose_server_resets_is_reset(proxied, client):
    def serve(sock, _):
        time.sleep(0.02)
        reset(sock)
    port, _ = proxied(connection=upgrade_server(serve))
    c = client(port)
    enter(c)
    with pytest.raises(ConnectionResetError):
        while c.sock.recv(1000):
            pass


# ---- requests that are cut ----

@pytest.mark.parametrize("data", [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
                                  b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                                  b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"])
def test_a_request_cut_short_reaches_the_server_cut_short(proxied, client, data):
    complete = []

    def serve(sock, _):
        s = Stream(sock)
        r = s.head(Request)
        if r is None:
            return
        s.body(r, until_close=False)
        complete.append(r.complete)
        sock.sendall(response(200, "ok"))
    port, _ = proxied(connection=serve)
    client(port).send(data).shutdown()
    c = client(port).send(data)
    time.sleep(0.02)
    c.close()
    wait_until(lambda: len(complete) == 2)
    assert complete == [False, False]
    assert client(port).request().text == "ok"


def test_junk_in_a_chunked_body_after_its_head_went_out(proxied, client):
    seen = []

    def serve(sock, _):
        s = Stream(sock)
        r = s.head(Request)
        s.body(r, until_close=False)
        seen.append((r.body, r.complete))
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    time.sleep(0.05)
    c.send("zz\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n")
    assert c.response().status == 400 and c.closed()
    wait_until(lambda: seen)
    assert seen == [(b"abc", False)]


def test_a_refused_body_leaves_nothing_behind_for_the_next_request(proxied, client):
    """Head and a bad body in one packet, behind answers that the client does not read, so that its socket is full when
    the refusal is sent: nothing of the request may reach the server later."""
    port, o = proxied(lambda r: response(200, b"x" * 1000000 if r.target == "/big" else r.target))
    c = client(port)
    bad = b"POST /evil HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    c.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n" * 12 + bad)
    for i in range(12):
        assert get(port, f"/{i}").text == f"/{i}"
        assert len(c.response().body) == 1000000
    assert get(port, "/ok").text == "/ok"
    assert c.response().status == 400
    assert not [r for r in o.requests if r.target == "/evil"]


@pytest.mark.parametrize("size", [100, 100001, 300001, 700001])
def test_what_a_side_sent_is_passed_on_at_once(proxied, client, size):
    """The rest of the body comes much later: with this option no byte may be held back until then (without it, the
    kernel may do so with the end of a large piece for 200 ms)."""
    arrived = []

    def serve(sock, _):
        s = Stream(sock)
        s.head(Request)
        s.exactly(size)
        arrived.append(time.monotonic())
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"y" * size)
        sock.recv(1)
    port, _ = proxied(connection=serve, more="option http-no-delay")
    delays = []
    for _ in range(6):
        c = client(port)
        begin = time.monotonic()
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * size)
        head = until(c.sock, b"\r\n\r\n")
        exactly(c.sock, size - len(head) + head.index(b"\r\n\r\n") + 4)
        delays.append((arrived[-1] - begin, time.monotonic() - arrived[-1]))
        c.close()
    assert sum(up > 0.15 for up, _ in delays) + sum(down > 0.15 for _, down in delays) <= 1, delays
