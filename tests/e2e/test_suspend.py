"""Rules that wait: a request or a response is held, and goes on where it stopped, whole."""
import time

import pytest

CONFIG = """
    defaults
        mode http
        timeout connect 1s
        timeout client 2s
        timeout server 2s
    frontend web
        bind 127.0.0.1:@web@
        http-request pause 50ms if { path_beg /request }
        http-response pause 50ms if { status 200 }
        http-response set-header X-After yes
        default_backend app
    backend app
        http-response pause 30ms
        http-response add-header X-Backend yes
        server s1 127.0.0.1:@o@
"""


def answer(size, chunked=False):
    body = bytes(i % 251 for i in range(size))
    if chunked:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body), body
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, body), body


@pytest.mark.parametrize("size", [1, 5000, 60000, 400000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_is_whole_after_its_rules_waited(ballast, origin, client, size, chunked):
    raw, body = answer(size, chunked)
    o = origin(lambda r: raw)
    lb = ballast(CONFIG, o=o)
    c = client(lb.port["web"])
    for _ in range(2):
        begin = time.monotonic()
        r = c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response()
        assert time.monotonic() - begin >= 0.08
        assert r.status == 200 and r.body == body
        assert r.field("x-after") == "yes" and r.field("x-backend") == "yes"


def test_interim_responses_pass_before_the_wait(ballast, origin, client):
    o = origin(lambda r: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(10)[0])
    lb = ballast(CONFIG, o=o)
    interim = []
    r = client(lb.port["web"]).send("GET /request HTTP/1.1\r\nHost: a\r\n\r\n").response(interim=interim)
    assert [i.status for i in interim] == [103] and r.status == 200 and len(r.body) == 10


def test_a_client_that_goes_away_meanwhile_leaves_nothing(ballast, origin, client):
    o = origin(lambda r: answer(100000)[0])
    lb = ballast(CONFIG, o=o)
    for path in ("/", "/request"):
        c = client(lb.port["web"]).send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.06)
        c.close()
    assert client(lb.port["web"]).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 200
