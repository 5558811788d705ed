"""Rules that look at bodies: waiting for them, what is seen of them, and that they pass whole."""
import time

import pytest

from peers import CLOSE, RESET, chunked, response, wait_until

CONFIG = """
    global
        tune.bufsize 4096
    defaults
        mode http
        timeout connect 1s
        timeout client 3s
        timeout server 3s
        timeout http-request 400ms
    frontend web
        bind 127.0.0.1:@web@
        log 127.0.0.1:@log@ local0
        log-format "%ST %ts"
        http-request wait-for-body time 200ms at-least 5 if { path /five }
        http-request wait-for-body time 200ms if { path_beg /wait }
        http-request pause 10ms if { path /wait/pause }
        http-request return status 200 content-type text/plain lf-string "%[req.body]|%[req.body_len]|%[req.body_size]|%[req.body_param(a)]|%[req.body_param(B,i)]|%[req.body_param]" if { path_end /show } || { path /five }
        use_backend other if { req.body -m sub other }
        default_backend app
    backend app
        http-response wait-for-body time 200ms if { res.hdr(X-Wait) -m found }
        http-response pause 10ms if { res.hdr(X-Wait) pause }
        http-response wait-for-body time 200ms if { res.hdr(X-Wait) pause }
        http-response set-header X-Body "%[res.body]|%[res.body_len]|%[res.body_size]" if { res.hdr(X-Wait) -m found }
        server s1 127.0.0.1:@o@
    backend other
        http-response set-header X-Other yes
        server s1 127.0.0.1:@o@
    frontend whole
        bind 127.0.0.1:@whole@
        log 127.0.0.1:@log@ local0
        log-format "%ST %ts"
        option http-buffer-request
        use_backend other if { req.body -m sub other }
        default_backend back
    backend back
        option http-buffer-request
        server s1 127.0.0.1:@o@
"""


@pytest.fixture
def lb(ballast, origin, syslog):
    o = origin(lambda r: response(200, r.body))
    b = ballast(CONFIG, o=o, log=syslog)
    b.origin, b.syslog = o, syslog
    return b


def send(client, port, head, *parts):
    """A request in parts, 10 ms apart, and its response."""
    c = client(port).send(head.replace("\n", "\r\n") + "\r\n\r\n")
    for p in parts:
        time.sleep(0.01)
        c.send(p)
    return c.response(), c


LENGTH = "POST {} HTTP/1.1\nHost: a\nContent-Length: 9"
CHUNKED = "POST {} HTTP/1.1\nHost: a\nTransfer-Encoding: chunked"


@pytest.mark.parametrize("head,parts", [
    (LENGTH, ["a=1&", "b=2&c"]),
    (LENGTH, list("a=1&b=2&c")),
    (CHUNKED, ["4\r\na=1&\r\n", "5\r\nb=2&c\r\n0\r\n\r\n"]),
    (CHUNKED, ["4\r\na=", "1&\r\n5;x=y\r\nb=2&c\r", "\n0\r\nX-T: y\r", "\n\r\n"]),
])
def test_a_body_is_waited_for_and_seen(lb, client, head, parts):
    r, c = send(client, lb.port["web"], head.format("/wait/show"), *parts[:-1], parts[-1])
    assert r.text == "a=1&b=2&c|9|9|1|2|1"
    # the connection goes on behind it
    assert c.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 200


def test_without_a_wait_what_is_there_is_seen(lb, client):
    r, _ = send(client, lb.port["web"], LENGTH.format("/show"))
    assert r.text == "|0|9|||"
    r = client(lb.port["web"]).send("GET /show HTTP/1.1\r\nHost: a\r\n\r\n").response()
    assert r.text == "|0|0|||"


def test_at_least_ends_the_wait(lb, client):
    r, _ = send(client, lb.port["web"], LENGTH.format("/five"), "a=1&", "b=")
    assert r.text == "a=1&b=|6|9|1||1"


@pytest.mark.parametrize("path,parts", [("/wait", ["a=1&"]), ("/wait", []), ("/five", ["a=1"])])
def test_a_body_that_does_not_come_in_time_is_answered_with_408(lb, client, path, parts):
    began = time.monotonic()
    r, _ = send(client, lb.port["web"], LENGTH.format(path), *parts)
    assert r.status == 408 and 0.15 < time.monotonic() - began < 1
    assert lb.syslog.wait("408 cR$")


def test_the_option_waits_as_long_as_a_request_may_take(lb, client):
    began = time.monotonic()
    r, _ = send(client, lb.port["whole"], LENGTH.format("/"), "a=1&")
    assert r.status == 408 and 0.35 < time.monotonic() - began < 1
    assert lb.syslog.wait("408 cR$")
    assert not lb.origin.requests


@pytest.mark.parametrize("front", ["web", "whole"])
@pytest.mark.parametrize("size", [1, 3000, 3900, 4096, 20000, 300000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_passes_whole_after_the_wait(lb, client, front, size, framing):
    body = bytes(i % 251 for i in range(size))
    raw = body if framing == "length" else chunked(*(body[i:i + 1000] for i in range(0, size, 1000)))
    head = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    c = client(lb.port[front])
    for path in ("/wait", "/wait/pause"):
        c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n")
        cut = len(raw) // 3
        c.send(raw[:cut])
        time.sleep(0.02)
        c.send(raw[cut:])
        r = c.response()
        assert r.status == 200 and r.body == body


def test_pipelined_requests_behind_a_body_are_kept(lb, client):
    c = client(lb.port["whole"])
    one = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
    c.send(one + b"ab")
    time.sleep(0.03)
    c.send(b"cde" + one + b"fghij" + one + b"kl")
    assert [c.response().body for _ in range(2)] == [b"abcde", b"fghij"]
    c.send(b"mno")
    assert c.response().body == b"klmno"


def test_routing_by_the_body(lb, client):
    r, _ = send(client, lb.port["whole"], LENGTH.format("/"), "an", "other", "12")
    assert r.field("X-Other") == "yes" and r.text == "another12"
    r, _ = send(client, lb.port["whole"], LENGTH.format("/"), "an", "ather", "12")
    assert r.field("X-Other") is None


def test_a_client_that_expects_leave_gets_it(lb, client):
    c = client(lb.port["whole"]).send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    interim = []
    wait_until(lambda: c.stream.more() and c.stream.buffer.endswith(b"\r\n\r\n"))
    c.send("abc")
    assert c.response(interim=interim).text == "abc" and [r.status for r in interim] == [100]
    assert lb.origin.requests[-1].field("Expect") is None


def test_a_body_with_bad_framing_is_refused(lb, client):
    r, _ = send(client, lb.port["whole"], CHUNKED.format("/"), "3\r\nabc\r\n", "x\r\n")
    assert r.status == 400
    assert not lb.origin.requests


def test_a_client_that_goes_away_meanwhile_leaves_nothing(lb, client):
    for n, port in enumerate((lb.port["web"], lb.port["whole"])):
        c = client(port).send(LENGTH.format("/wait").replace("\n", "\r\n") + "\r\n\r\nab")
        time.sleep(0.05)
        c.close()
        assert lb.syslog.wait("CR$", n + 1)
    assert not lb.origin.requests


# ---- responses ----

def answering(ballast, origin, syslog, *parts, wait="yes"):
    def pieces(r):
        yield b"HTTP/1.1 200 OK\r\nX-Wait: " + wait.encode() + b"\r\n" + parts[0]
        for p in parts[1:]:
            time.sleep(0.05)
            yield p
    return ballast(CONFIG, o=origin(pieces), log=syslog)


@pytest.mark.parametrize("wait", ["yes", "pause"])
@pytest.mark.parametrize("parts,size", [
    ([b"Content-Length: 6\r\n\r\nabc", b"def"], 6),
    ([b"Content-Length: 6\r\n\r\n", b"abc", b"def"], 6),
    ([b"Content-Length: 6\r\n\r\nabcdef"], 6),
    ([b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"3\r\nde", b"f\r\n0\r\n\r\n"], 6),
    ([b"\r\nabc", b"def", CLOSE], 6),
])
def test_a_response_is_waited_for_and_seen(ballast, origin, client, syslog, parts, size, wait):
    lb = answering(ballast, origin, syslog, *parts, wait=wait)
    r = client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response()
    assert r.field("X-Body") == f"abcdef|6|{size}"
    assert r.text == "abcdef" and r.complete


def test_a_response_that_does_not_come_in_time_is_answered_with_504(ballast, origin, client, syslog):
    def pieces(r):
        yield b"HTTP/1.1 200 OK\r\nX-Wait: yes\r\nContent-Length: 6\r\n\r\nabc"
        time.sleep(0.5)
        yield b"def"
    lb = ballast(CONFIG, o=origin(pieces), log=syslog)
    r = client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response()
    assert r.status == 504
    assert syslog.wait("504 sH$")


def test_a_response_that_is_cut_is_seen_to_be(ballast, origin, client, syslog):
    lb = answering(ballast, origin, syslog, b"Content-Length: 6\r\n\r\nabc", CLOSE)
    r = client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response()
    assert r.field("X-Body") == "abc|3|6" and r.body == b"abc" and not r.complete
    assert syslog.wait("200 SD$")


def test_a_response_that_breaks_off_meanwhile_is_answered_with_502(ballast, origin, client, syslog):
    lb = answering(ballast, origin, syslog, b"Content-Length: 6\r\n\r\nabc", RESET)
    assert client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 502
    assert syslog.wait("502 SH$")


@pytest.mark.parametrize("size", [3000, 4096, 20000, 400000])
def test_a_large_response_passes_whole_after_the_wait(ballast, origin, client, syslog, size):
    body = bytes(i % 251 for i in range(size))
    lb = answering(ballast, origin, syslog, b"Content-Length: %d\r\n\r\n%s" % (size, body[:100]), body[100:], wait="pause")
    c = client(lb.port["web"])
    for _ in range(2):
        r = c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response()
        assert r.body == body and r.complete


@pytest.mark.parametrize("rule,message", [
    ("wait-for-body", "expects 'time'"),
    ("wait-for-body 10s", "expects 'time', not '10s'"),
    ("wait-for-body time", "expects a time behind 'time'"),
    ("wait-for-body time 0", "must be above 0"),
    ("wait-for-body time 1s at-least x", "at-least"),
    ("return status 200 content-type a/b lf-string %[req.body_param(a,b)]", "knows 'i' only"),
    ("return status 200 content-type a/b lf-string %[res.body]", "not available on requests"),
])
def test_wrong_words_are_refused(run_ballast, rule, message):
    done = run_ballast("-c", config=f"""
        listen web
            mode http
            bind 127.0.0.1:8080
            http-request {rule}
            server s 127.0.0.1:1
    """)
    assert done.returncode == 1 and message in done.stderr, done.stderr
