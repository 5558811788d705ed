"""HTTP/1 messages through Ballast: what each side sees of the other's, RFC 9110 and 9112."""
import random
import subprocess
import threading
import time

import pytest

from peers import CLOSE, RESET, Client, chunked, echo_handler, get, response

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


@pytest.fixture
def proxied(ballast, origin):
    """proxied(handler, more="option ...", connection=f): the port of a Ballast before such an origin, and the origin."""
    def start(handler=echo_handler, more="", **origin_options):
        o = origin(handler, **origin_options)
        return ballast(CONFIG.replace("{more}", more), o=o).port["web"], o
    return start


def raw_response(c, method="GET"):
    """A response of which the head may hold anything; (response, interim statuses)."""
    interim = []
    r = c.response(method, interim)
    return r, [i.status for i in interim]


# ---- interim answers ----

def test_100_continue_is_asked_for_and_given(proxied, client):
    asked = threading.Event()

    def serve(sock, _):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1000)
        assert b"Expect: 100-continue\r\n" in head and head.endswith(b"\r\n\r\n")
        asked.set()
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        while len(body) < 5:
            body += sock.recv(1000)
        sock.sendall(response(200, body))
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert asked.wait(2)
    assert c.stream.head(type("R", (), {"__init__": lambda s, a, f, h: setattr(s, "start",
                                                                               a)})).start == "HTTP/1.1 100 Continue"
    assert c.send("hello").response().text == "hello"


@pytest.mark.parametrize("fields, close", [("", False), ("Connection: close\r\n", True)])
def test_a_final_answer_instead_of_100_continue(proxied, client, fields, close):
    def serve(sock, _):
        sock.recv(10000)
        sock.sendall(f"HTTP/1.1 417 No\r\nContent-Length: 2\r\n{fields}\r\nno".encode())
        while sock.recv(1000):
            pass
    port, _ = proxied(connection=serve)
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    r = c.response()
    assert (r.status, r.text, r.complete) == (417, "no", True)
    if close:  # the server does not want the body: nobody does
        assert c.closed()


def test_an_http10_client_sees_no_interim_answer_and_its_expect_goes_nowhere(proxied, client):
    port, o = proxied(lambda r: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" +
                      response(200, r.body))
    c = client(port).send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
    r, interim = raw_response(c)
    assert (r.status, r.text, interim) == (200, "hi", [])
    assert o.requests[0].field("Expect") is None


def test_early_hints_come_before_the_answer(proxied, client):
    arrived = threading.Event()

    def handler(_):
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"
        assert arrived.wait(2)
        yield response(200, "late")
    port, _ = proxied(handler)
    c = client(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    line = c.stream.line()
    assert line == b"HTTP/1.1 103 Early Hints\r\n"
    fields = [c.stream.line(), c.stream.line()]
    assert fields == [b"Link: </a>; rel=preload\r\n", b"\r\n"]
    arrived.set()
    assert c.response().text == "late"


def test_a_bad_answer_behind_an_interim_one_is_502(proxied, client):
    port, _ = proxied(lambda r: b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 2000 X\r\n\r\n")
    r, interim = raw_response(client(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert (interim, r.status) == ([103], 502)


# ---- answers without a body ----

@pytest.mark.parametrize("fields", ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""])
def test_an_answer_to_head_has_no_body_whatever_it_says(proxied, client, fields):
    port, o = proxied(lambda r: f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() if r.method == "HEAD" else response(200, "next"))
    c = client(port)
    for _ in range(2):
        r = c.request("HEAD", "/x")
        assert (r.status, r.field("Transfer-Encoding"), r.field("Connection")) == (200, None, None)
        assert r.field("Content-Length") == ("5" if "Length" in fields else None)
        assert c.request("GET").text == "next"
    assert o.connections == 1


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_by_status(proxied, client, status):
    port, o = proxied(lambda r: f"HTTP/1.1 {status} X\r\nETag: e\r\n\r\n".encode() if r.target == "/x" else response(200, "next"))
    c = client(port)
    r = c.request("GET", "/x")
    assert (r.status, r.field("ETag"), r.field("Content-Length"),
            r.field("Transfer-Encoding")) == (status, "e", None, None)
    assert c.request("GET").text == "next"
    assert o.connections == 1


# ---- chunks and closes ----

def test_chunks_both_ways_with_trailers(proxied, client):
    def handler(r):
        assert r.field("Content-Length") is None
        return (response(fields=[("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")], length=False) +
                chunked(b"got ", r.body, trailers=[("X-Sum", str(len(r.body))), ("X-Echo", dict(r.trailers)["X-In"]),
                                                   ("Host", "evil")]))
    port, o = proxied(handler)
    c = client(port)
    for _ in range(3):
        c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.send(chunked(b"abc", b"d" * 5000, b"e", trailers=[("X-In", "t"), ("Content-Length", "0")]))
        r = c.response()
        assert r.text == "got abc" + "d" * 5000 + "e" and r.complete
        assert r.trailers == [("X-Sum", "5004"), ("X-Echo", "t")]
    assert o.connections == 1 and o.requests[0].trailers == [("X-In", "t")]


def test_a_hundred_trailers_both_ways(proxied, client):
    trailers = [(f"X-{i}", "v" * i) for i in range(100)]
    port, o = proxied(lambda r: response(fields=[("Transfer-Encoding", "chunked")], length=False) +
                      chunked(b"x", trailers=trailers))
    c = client(port).send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    c.send(b"1\r\nx\r\n" * 100).send(chunked(b"y", trailers=trailers))
    r = c.response()
    assert r.trailers == trailers and o.requests[0].trailers == trailers and len(o.requests[0].body) == 101


@pytest.mark.parametrize("keep", ["", "Connection: keep-alive\r\n"])
def test_a_chunked_answer_to_http10_ends_with_the_connection(proxied, client, keep):
    port, _ = proxied(lambda r: response(fields=[("Transfer-Encoding", "chunked")], length=False) +
                      chunked(b"ab", b"cde", trailers=[("X", "y")]))
    c = client(port).send(f"GET / HTTP/1.0\r\n{keep}\r\n")
    r = c.response()
    assert r.field("Transfer-Encoding") is None and r.field("Content-Length") is None and r.field("Connection") == "close"
    assert r.body == b"abcde" and not c.stream.buffer


def test_a_close_delimited_answer_is_chunked_for_http11(proxied, client):
    port, o = proxied(lambda r: [b"HTTP/1.0 200 OK\r\n\r\n", b"hello ", 0.02, b"world", CLOSE])
    c = client(port)
    for i in range(2):
        r = c.request()
        assert r.text == "hello world" and r.complete and r.chunks is not None
        assert o.connections == i + 1  # the client's connection stays, the server's does not


@pytest.mark.parametrize("version, keep, stays", [("1.0", "", False), ("1.0", "Connection: keep-alive\r\n", True),
                                                  ("1.1", "", True), ("1.1", "Connection: close\r\n", False)])
def test_keep_alive_of_either_version(proxied, client, version, keep, stays):
    port, _ = proxied()
    c = client(port).send(f"GET /x HTTP/{version}\r\nHost: a\r\n{keep}\r\n")
    r = c.response()
    assert r.text.startswith("GET /x")
    assert r.field("Connection") == ("keep-alive" if version == "1.0" and stays else None if stays else "close")
    if stays:
        assert c.send(f"GET /y HTTP/{version}\r\nHost: a\r\n\r\n").response().text.startswith("GET /y")
    else:
        assert c.closed()


@pytest.mark.parametrize("version, keep, stays", [("1.0", "", False), ("1.0", "Connection: Keep-Alive\r\n", True),
                                                  ("1.1", "", True), ("1.1", "Connection: close\r\n", False)])
def test_keep_alive_of_either_server(proxied, client, version, keep, stays):
    port, o = proxied(lambda r: f"HTTP/{version} 200 OK\r\nContent-Length: 2\r\n{keep}\r\nhi".encode())
    c = client(port)
    for _ in range(3):
        r = c.request()
        assert r.text == "hi" and r.field("Connection") is None and r.version == "HTTP/1.1"
    assert o.connections == (1 if stays else 3)


# ---- fields ----

def test_hop_by_hop_fields_end_here_both_ways(proxied, client):
    hop = [("Connection", "X-A, keep-alive"), ("X-A", "1"), ("x-a", "2"), ("Keep-Alive", "timeout=5"),
           ("TE", "trailers"), ("Proxy-Connection", "close"), ("Upgrade", "h2c")]
    port, o = proxied(lambda r: response(200, "", hop + [("X-B", "3")]))
    r = client(port).request("GET", "/", hop + [("X-B", "3")])
    for m in (r, o.requests[0]):
        assert m.field("X-B") == "3"
        assert not [n for n, _ in m.fields if n.lower() in ("connection", "x-a", "keep-alive", "te",
                                                            "proxy-connection", "upgrade")]


def test_fields_that_route_and_frame_survive_being_named_in_connection(proxied, client):
    port, o = proxied()
    r = client(port).request("POST", "/", [("Connection", "Host, Content-Length, close"), ("Host", "a.b")], body=b"hi")
    assert r.text == "POST / hi" and o.requests[0].field("Host") == "a.b"


def test_a_101_nobody_asked_for_is_502(proxied, client):
    port, o = proxied(lambda r: b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframes" if r.target == "/x" else response(200, "ok"))
    c = client(port)
    assert c.request("GET", "/x").status == 502
    assert c.request("GET", "/x", [("Upgrade", "websocket")]).status == 502  # without its option in Connection
    assert c.request("GET").text == "ok"


def test_a_101_to_another_protocol_is_502(proxied, client):
    port, _ = proxied(lambda r: b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nframes")
    r = client(port).request("GET", "/x", [("Connection", "upgrade"), ("Upgrade", "websocket, bar/2")])
    assert r.status == 502


def test_426_keeps_its_upgrade_and_says_when_it_closes(proxied, client):
    port, _ = proxied(lambda r: response(426, "", [("Upgrade", "foo"), ("Connection", "upgrade")], "Upgrade Required"))
    c = client(port)
    r = c.request()
    assert (r.field("Upgrade"), r.field("Connection")) == ("foo", "upgrade")
    r = c.request("GET", "/", [("Connection", "close")])
    assert r.field("Upgrade") == "foo" and {m.strip() for m in r.field("Connection").split(",")} == {"close", "upgrade"}
    assert c.closed()


def test_max_forwards_counts_down(proxied, client):
    port, o = proxied()
    c = client(port)
    for method in ("OPTIONS", "TRACE", "GET"):
        assert c.request(method, "/x", [("Max-Forwards", "3")]).status == 200
        assert o.requests[-1].all("Max-Forwards") == ["3" if method == "GET" else "2"]
    for value in ("x", "-1", "99999999999999999999999"):
        assert c.request("OPTIONS", "/x", [("Max-Forwards", value)]).status == 200
        assert o.requests[-1].all("Max-Forwards") == [value]


def test_max_forwards_0_ends_here(proxied, client):
    port, o = proxied()
    c = client(port)
    r = c.request("OPTIONS", "*", [("Max-Forwards", "0")])
    assert (r.status, r.text) == (200, "")
    r = c.send("TRACE /x?y HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: c\r\nX-Y: z\r\nauthorization: b\r\n\r\n").response()
    assert (r.status, r.field("Content-Type")) == (200, "message/http")
    assert r.text == "TRACE /x?y HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-Y: z\r\n\r\n"
    assert not o.requests and c.request("GET", "/", [("Max-Forwards", "0")]).text == "GET / "


def test_via_names_the_version_that_came(proxied, client):
    port, o = proxied(lambda r: response(200, "x", [("Via", "1.1 inner")], version="HTTP/1.0"), "option via edge")
    r = client(port).send("GET / HTTP/1.0\r\nVia: 1.1 outer\r\n\r\n").response()
    assert o.requests[0].all("Via") == ["1.1 outer", "1.0 edge"] and r.all("Via") == ["1.1 inner", "1.0 edge"]


# ---- answers cut short ----

CUTS = {
    "length": response(200, b"x" * 1000)[:-10],
    "length, large": response(200, b"x" * 600000)[:-10],
    "chunked": response(fields=[("Transfer-Encoding", "chunked")], length=False) + chunked(b"x" * 1000)[:-7],
    "chunked, in the last chunk": response(fields=[("Transfer-Encoding", "chunked")], length=False) +
    chunked(b"x" * 1000)[:-2],
    "in the trailers": response(fields=[("Transfer-Encoding", "chunked")], length=False) + chunked(b"x" * 1000)[:-2] +
    b"X: y\r\n",
}


@pytest.mark.parametrize("how", [CLOSE, RESET], ids=["close", "reset"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name", CUTS)
def test_an_answer_cut_short_reaches_the_client_cut_short(proxied, client, name, version, how):
    port, _ = proxied(lambda r: [CUTS[name], 0.03, how])
    c = client(port).send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
    reset = False
    try:
        while data := c.sock.recv(65536):
            c.stream.buffer += data
    except ConnectionResetError:
        reset = True
    c.stream.ended = True
    r = c.response()
    assert r is not None and r.status == 200
    assert reset or not r.complete, "the client takes it as whole"


def test_a_close_delimited_answer_that_is_reset_is_cut(proxied, client):
    port, _ = proxied(lambda r: [b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, 0.03, RESET])
    r = client(port).request()
    assert r.status == 200 and not r.complete
    with pytest.raises(ConnectionResetError):
        c = client(port).send("GET / HTTP/1.0\r\n\r\n")
        while c.sock.recv(1000):
            pass


# ---- whose answer is it? ----

def test_bytes_behind_an_answer_reach_nobody(proxied, client):
    evil = response(200, "evil")
    bodies = [response(200, "good"), response(fields=[("Transfer-Encoding", "chunked")], length=False) +
              chunked(b"good"), b"HTTP/1.1 204 No\r\n\r\n",
              response(200, b"g" * 300000), response(200, b"g" * (72 * 1024 - len(response(200, b"g" * 70000)) +
                                                                  70000))]
    answers = [pieces for b in bodies for pieces in ([b + evil], [b, evil], [b, 0.02, evil])]
    port, _ = proxied(lambda r: list(answers[int(r.target[1:])]) if r.target != "/" else response(200, "own"))
    for i in range(len(answers)):
        a = client(port)
        r = a.request("GET", f"/{i}")
        assert r.complete and b"evil" not in r.body
        if len(answers[i]) == 3:
            time.sleep(0.05)  # what comes behind a request that was sent meanwhile is an answer to that
        for other in (client(port), a):
            assert other.request().text == "own", answers[i]


def test_every_answer_carries_the_token_of_its_request(proxied):
    rng = random.Random(1)
    plan = [[(rng.choice("GGPH"), rng.randrange(6), rng.choice([0, 3, 20000,
                                                                100000])) for _ in range(40)] for _ in range(16)]

    def handler(r):
        kind, fields = int(r.target[1:].split("?")[0]), [("X-Token", r.field("X-Token"))]
        body = r.field("X-Token").encode() + r.body
        if r.method == "HEAD":
            return response(200, b"", fields)
        if kind == 0:
            return response(200, body, fields)
        if kind == 1:
            return response(fields=fields + [("Transfer-Encoding", "chunked")],
                            length=False) + chunked(body[:7], body[7:])
        if kind == 2:
            return [response(fields=fields, length=False), body, CLOSE]
        if kind == 3:
            return [b"HTTP/1.1 103 E\r\n\r\n", response(200, body, fields + [("Connection", "close")]), CLOSE]
        if kind == 4:
            return response(200, body, fields) + b"HTTP/1.1 200 OK\r\nX-Token: evil\r\nContent-Length: 0\r\n\r\n"
        return [response(200, body, fields)[:30], 0.001, response(200, body, fields)[30:]]
    port, o = proxied(handler)
    faults = []

    def run(steps):
        try:
            with Client(port) as c:
                for what, kind, size in steps:
                    method, data = {"G": ("GET", None), "P": ("POST", b"p" * size), "H": ("HEAD", None)}[what]
                    r = c.request(method, f"/{kind}?{size}", body=data)
                    token = r.field("X-Token")
                    assert r.complete and (method == "HEAD" or r.body == token.encode() + (data or b""))
        except Exception as e:  # noqa: BLE001
            faults.append(repr(e))
    threads = [threading.Thread(target=run, args=(steps,)) for steps in plan]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not faults
    assert o.connections < len(o.requests)


@pytest.mark.parametrize("options", ["http-reuse never", "http-reuse safe", "http-reuse aggressive",
                                     "http-reuse always", "option httpclose", "option http-server-close",
                                     "option prefer-last-server", "option splice-auto"])
def test_each_way_of_keeping_connections(ballast, origin, options):
    """Answers reach the client that asked, whatever is kept; two threads share the connections."""
    handlers = [lambda r, f: response(200, r.body, f), lambda r, f: response(fields=f +
                                                                             [("Transfer-Encoding", "chunked")],
                                                                             length=False) + chunked(r.body or b"x"),
                lambda r, f: [response(200, r.body, f + [("Connection", "close")]), CLOSE], lambda r,
                f: response(200, b"y" * 50000, f) + b"evil"]
    os = [origin(lambda r: handlers[int(r.target[1:])](r, [("X-Token", r.field("X-Token"))])) for _ in range(2)]
    config = "global\n  nbthread 2\n" + CONFIG.replace("{more}", options) + "        server s2 127.0.0.1:@p@\n"
    port, faults = ballast(config, o=os[0], p=os[1]).port["web"], []

    def run(seed):
        rng = random.Random(seed)
        try:
            for _ in range(4):
                with Client(port) as c:
                    for _ in range(8):
                        body = rng.choice([None, b"", b"p" * rng.randrange(1, 70000)])
                        r = c.request("GET" if body is None else "POST", f"/{rng.randrange(4)}", body=body)
                        assert r.status == 200 and r.complete and r.field("X-Token")
                        if options == "option httpclose":
                            break
        except Exception as e:  # noqa: BLE001
            faults.append(repr(e))
    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not faults


def test_pipelined_requests_are_answered_in_order(proxied, client):
    port, o = proxied()
    rng, stream, wanted = random.Random(5), b"", []
    for i in range(120):
        body = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 100, 3000])))
        kind = rng.randrange(4)
        if kind == 0:
            stream += f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            body = b""
        elif kind == 1:
            stream += f"HEAD /{i} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            wanted.append(("HEAD", b""))
            continue
        elif kind == 2:
            stream += f"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        else:
            cut = rng.randrange(len(body) + 1)
            stream += f"POST /{i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunked(*[p for p in (body[:cut], body[cut:]) if p])
        wanted.append(("GET" if kind == 0 else "POST", f"{'GET' if kind == 0 else 'POST'} /{i} ".encode() + body))
    c = client(port)
    sender = threading.Thread(target=c.send, args=(stream,))
    sender.start()
    for method, body in wanted:
        r = c.response(method)
        assert r.status == 200 and (method == "HEAD" or r.body == body)
    sender.join()
    assert len(o.requests) == len(wanted)


# ---- CONNECT and Upgrade that do not become tunnels ----

def test_a_refused_connect_is_an_ordinary_answer(proxied, client):
    port, o = proxied(lambda r: response(403, "no", reason="No") if r.method == "CONNECT" else response(200, "ok"))
    r = client(port).send("CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n").response()
    assert (r.status, r.text) == (403, "no")
    assert (o.requests[0].target, o.requests[0].field("Host")) == ("a:443", "a:443")


def test_an_upgrade_that_the_server_ignores(proxied, client):
    port, o = proxied()
    c = client(port)
    r = c.request("GET", "/x", [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "k")])
    assert r.text == "GET /x " and o.requests[0].field("Upgrade") == "websocket"
    assert o.requests[0].field("Connection").lower() == "upgrade"
    assert c.request().status == 200


# ---- limits ----

@pytest.mark.parametrize("size, status", [(15360, 200), (15361, 431), (16384, 431), (40000, 431)])
def test_the_size_of_a_head(proxied, client, size, status):
    """At most tune.bufsize less tune.maxrewrite."""
    port, _ = proxied()
    head = "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n"
    assert client(port).send(head.format("y" * (size - len(head) + 2))).response().status == status


def test_the_size_of_a_target_and_the_number_of_fields(proxied, client):
    port, _ = proxied()
    assert client(port).send(f"GET /{'a' * 8000} HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 200
    assert client(port).send(f"GET /{'a' * 16000} HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 414
    many = "".join(f"X-{i}: y\r\n" for i in range(100))
    assert client(port).send(f"GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").response().status == 200
    assert client(port).send(f"GET / HTTP/1.1\r\nHost: a\r\nZ: z\r\n{many}\r\n").response().status == 431


def test_small_buffers_lower_the_limits(ballast, origin, client):
    o = origin(lambda r: response(200, "x", [("X", "y" * int(r.target[1:]))]))
    lb = ballast("global\n  tune.bufsize 4096\n  tune.maxrewrite 1024\n  tune.http.maxhdr 20\n" +
                 CONFIG.replace("{more}", ""), o=o)
    port = lb.port["web"]
    assert get(port, "/2900").status == 200
    assert get(port, "/3100").status == 502
    assert client(port).send(f"GET /1 HTTP/1.1\r\nHost: a\r\nX: {'y' * 3100}\r\n\r\n").response().status == 431
    assert client(port).send("GET /1 HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 20 + "\r\n").response().status == 431
    body = "b" * 50000
    assert client(port).send(f"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n{body}").response().status == 200


# ---- real peers ----

def test_curl_through_ballast_to_nginx(ballast, nginx, tmp_path):
    data = random.Random(3).randbytes(700000)
    n = nginx(files={"f": data},
              server="location /up { client_body_buffer_size 2m; return 201; } location /p { proxy_pass http://127.0.0.1:$server_port/f; }")
    port = ballast(CONFIG.replace("{more}", "option forwardfor"), o=n).port["web"]
    (tmp_path / "f").write_bytes(data)

    def curl(*args):
        return subprocess.run(["curl", "-sS", "--max-time", "10", *args], capture_output=True, check=True).stdout
    url = f"http://127.0.0.1:{port}"
    assert curl(f"{url}/f", f"{url}/f") == data * 2
    assert curl("-0", f"{url}/f") == data
    assert curl("-r", "100-199", f"{url}/f") == data[100:200]
    assert b"Content-Length: 700000" in curl("-I", f"{url}/f")
    up = ["-o", "/dev/null", "-w", "%{http_code}", "-T", str(tmp_path / "f")]
    assert curl(*up, f"{url}/up") == b"201"
    assert curl(*up, "-H", "Transfer-Encoding: chunked", f"{url}/up") == b"201"
    assert curl(*up, "-H", "Expect: 100-continue", f"{url}/up") == b"201"


def test_h2load_has_no_failed_request(ballast, nginx):
    n = nginx(files={"f": b"x" * 1000})
    lb = ballast("global\n  nbthread 2\n" + CONFIG.replace("{more}", ""), o=n)
    out = subprocess.run(["h2load", "--h1", "-n4000", "-c20", "-m4", f"http://127.0.0.1:{lb.port['web']}/f"],
                         capture_output=True, text=True, check=True, timeout=60).stdout
    assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
