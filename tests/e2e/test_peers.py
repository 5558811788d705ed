"""The peers themselves, against one another: what the other tests rest on."""
import pytest

from peers import CLOSE, RESET, chunked, exchange, get, response


def test_echo_carries_target_body_and_token(origin, client):
    c = client(origin().port)
    r = c.request("POST", "/a?b", body=b"hello")
    assert (r.status, r.text, r.complete) == (200, "POST /a?b hello", True)
    assert r.field("X-Token")


def test_two_requests_share_a_connection(origin, client):
    o = origin()
    c = client(o.port)
    c.request()
    c.request()
    assert [(r.connection, r.number) for r in o.requests] == [(0, 0), (0, 1)]


def test_chunked_body_is_decoded_with_its_trailers(origin):
    o = origin(lambda _: response(fields=[("Transfer-Encoding", "chunked")], length=False) +
               chunked(b"ab", b"cde", trailers=[("X-Sum", "5")]))
    r = get(o.port)
    assert (r.body, r.chunks, r.trailers, r.complete) == (b"abcde", [2, 3], [("X-Sum", "5")], True)


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_response_cut_short_is_not_complete(origin, end):
    o = origin(lambda _: [response(200, b"x" * 10)[:-3], 0.05, end])
    r = get(o.port)
    assert not r.complete


def test_a_handler_that_returns_none_closes(origin):
    assert exchange(origin(lambda _: None).port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""


def test_interim_answers_are_kept_apart(origin, client):
    o = origin(lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(200, b"ok"))
    interim = []
    c = client(o.port).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert c.response(interim=interim).text == "ok"
    assert [r.status for r in interim] == [103]


def test_nginx_serves_files(nginx):
    n = nginx(files={"a": b"A" * 100000})
    assert get(n.port, "/a").body == b"A" * 100000
