"""What http-request and http-response rules do to messages on their way."""
import time

import pytest

from peers import Client, exchange, get, response

DEFAULTS = """
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
"""


@pytest.fixture
def proxied(ballast, origin):
    """proxied("lines", handler) gives (port, origin) behind a `listen` with these lines."""
    def start(lines, *args, **more):
        o = origin(*args)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(DEFAULTS + f"""
    listen web
        bind 127.0.0.1:@web@
{body}
        server s1 127.0.0.1:@o@
    """, o=o, **more)
        return lb.port["web"], o
    return start


# ---- answers of its own ----

def test_return_gives_status_fields_and_body(proxied):
    port, o = proxied("""
        http-request return status 201 content-type text/x-own string "made\\n" hdr X-A a hdr X-P %[path] if { path_beg /own }
        http-request return status 204 if { path /none }
        http-request return status 200 content-type text/plain lf-string "%[method] %[path] %[src]" if { path_beg /lf }
    """)
    r = get(port, "/own/1")
    assert (r.status, r.text, r.complete) == (201, "made\n", True)
    assert (r.field("Content-Type"), r.field("X-A"), r.field("X-P")) == ("text/x-own", "a", "/own/1")
    assert get(port, "/none").raw.split(b"\r\n\r\n")[1] == b""
    assert get(port, "/lf/x").text == "GET /lf/x 127.0.0.1"
    assert not o.requests
    assert get(port, "/else").text == "GET /else "


def test_return_from_files(proxied, tmp_path):
    (tmp_path / "body.txt").write_text("from a file\n")
    (tmp_path / "lf.txt").write_text("for %[path]\n")
    port, _ = proxied(f"""
        http-request return status 200 content-type text/plain file {tmp_path}/body.txt if {{ path /file }}
        http-request return status 200 content-type text/plain lf-file {tmp_path}/lf.txt if {{ path /lf }}
    """)
    assert get(port, "/file").text == "from a file\n"
    assert get(port, "/lf").text == "for /lf\n"


def test_a_head_request_gets_no_body(proxied, client):
    port, _ = proxied('http-request return status 200 content-type text/plain string "twelve chars"')
    c = client(port)
    c.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert c.response("HEAD").field("Content-Length") == "12"
    assert c.response().text == "twelve chars"


def test_deny_answers_403_or_what_is_asked(proxied):
    port, o = proxied("""
        http-request deny if { path /forbidden }
        http-request deny deny_status 429 if { path /many }
        http-request deny status 400 content-type text/plain string no if { path /own }
    """)
    r = get(port, "/forbidden")
    assert r.status == 403 and "403 Forbidden" in r.text
    assert get(port, "/many").status == 429
    r = get(port, "/own")
    assert (r.status, r.text) == (400, "no")
    assert not o.requests


def test_a_denied_response_is_502(proxied):
    port, o = proxied("""
        http-response deny if { res.hdr(x-secret) -m found }
        http-response deny deny_status 500 if { status 418 }
    """, lambda q: response(418 if q.target == "/teapot" else 200, b"ok", [("X-Secret", "1")] if q.target == "/s" else []))
    assert get(port, "/s").status == 502
    assert get(port, "/teapot").status == 500
    assert get(port, "/").status == 200
    assert len(o.requests) == 3


@pytest.mark.parametrize("rule, target, status, where", [
    ("redirect location /new", "/", 302, "/new"),
    ("redirect location /new code 301", "/", 301, "/new"),
    ("redirect location https://%[hdr(host)]%[path]", "/p", 302, "https://test.local/p"),
    ("redirect prefix https://other code 308", "/a?b=c", 308, "https://other/a?b=c"),
    ("redirect prefix https://other drop-query", "/a?b=c", 302, "https://other/a"),
    ("redirect prefix / append-slash drop-query", "/a?b", 302, "/a/"),
    ("redirect scheme https code 307", "/a?b", 307, "https://test.local/a?b"),
])
def test_redirects(proxied, rule, target, status, where):
    port, o = proxied(f"http-request {rule}")
    r = get(port, target)
    assert (r.status, r.field("Location"), r.body) == (status, where, b"")
    assert not o.requests


def test_a_redirect_can_set_and_clear_cookies(proxied):
    port, _ = proxied("""
        http-request redirect location /in set-cookie SEEN=1 if { path /login }
        http-request redirect location /out clear-cookie USERID= if { path /logout }
    """)
    assert get(port, "/login").field("Set-Cookie") == "SEEN=1; path=/;"
    assert get(port, "/logout").field("Set-Cookie") == "USERID=; path=/; Max-Age=0;"


def test_an_own_answer_leaves_the_connection_usable(proxied, client):
    port, o = proxied("http-request deny if { path /no }")
    c = client(port)
    assert c.request("POST", "/no", body=b"x" * 100).status == 403
    assert c.request("GET", "/yes").status == 200
    assert len(o.requests) == 1


# ---- edits ----

def test_fields_of_the_request(proxied):
    port, o = proxied("""
        http-request set-header X-Set "%[method] %[path] %[url_param(q)] %[req.hdr(x-in)] %[src] %[dst_port]"
        http-request add-header X-Add one
        http-request add-header X-Add two
        http-request del-header X-Del
        http-request del-header x-pre -m beg
        http-request set-header X-If yes if { path /p }
        http-request set-header X-Unless yes unless { path /p }
        http-request set-header X-Percent "100%% %[path,upper]"
    """)
    get(port, "/p?q=v", [("X-In", "in"), ("X-Del", "1"), ("x-del", "2"), ("X-Set", "mine"), ("X-Set", "twice"),
                         ("X-Add", "zero"), ("X-Prefix-A", "1"), ("X-PREF", "2")])
    q = o.requests[0]
    assert q.field("X-Set") == f"GET /p v in 127.0.0.1 {port}"
    assert q.all("X-Add") == ["zero", "one", "two"]
    assert q.all("X-Del") == [] and q.all("X-Prefix-A") == [] and q.all("X-PREF") == []
    assert (q.field("X-If"), q.field("X-Unless"), q.field("X-Percent")) == ("yes", None, "100% /P")


def test_fields_of_the_response(proxied):
    port, _ = proxied("""
        http-response set-header X-Set "%[status] %[res.hdr(x-in)] %[src]"
        http-response add-header X-Add one
        http-response del-header Server
        http-response set-header X-Bad yes if { status 500:599 }
    """, lambda q: response(503 if q.target == "/bad" else 200, b"", [("X-In", "in"), ("Server", "old"), ("X-Add", "zero")]))
    r = get(port)
    assert (r.field("X-Set"), r.all("X-Add"), r.field("Server"), r.field("X-Bad")) == (
        "200 in 127.0.0.1", ["zero", "one"], None, None)
    assert get(port, "/bad").field("X-Bad") == "yes"


@pytest.mark.parametrize("rules, target, sent", [
    ("set-path /new", "/old?a=b", "/new?a=b"),
    ("set-path /pre%[path]", "/x?y", "/pre/x?y"),
    ("set-query c=d", "/p?a=b", "/p?c=d"),
    ("set-query %[query]&more=1", "/p?a=b", "/p?a=b&more=1"),
    ("set-query a", "/p", "/p?a"),
    ("set-uri /u?v", "/p?a=b", "/u?v"),
    ("set-path /one\nhttp-request set-query two\nhttp-request set-path %[path]/three", "/?x", "/one/three?two"),
    ("set-path /new", "http://test.local/old?a", "/new?a"),
    ("set-pathq /pq?%[query]", "/p?a=b", "/pq?a=b"),
])
def test_the_target_is_rewritten(proxied, rules, target, sent):
    port, o = proxied(f"http-request {rules}")
    get(port, target)
    assert o.requests[0].target == sent


def test_a_rewritten_path_is_what_later_conditions_see(ballast, origin):
    o = origin()
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        http-request set-path /new if { path /old }
        use_backend app if { path /new }
    backend app
        server s 127.0.0.1:@o@
    """, o=o)
    assert get(lb.port["web"], "/old").text == "GET /new "


def test_the_method_is_rewritten(proxied):
    port, o = proxied("http-request set-method PUT if { method POST }")
    with Client(port) as c:
        c.request("POST", "/", body=b"body")
    assert (o.requests[0].method, o.requests[0].body) == ("PUT", b"body")


def test_allow_ends_the_rules_of_its_section(proxied):
    port, o = proxied("""
        http-request allow if { path /free }
        http-request deny
    """)
    assert get(port, "/free").status == 200
    assert get(port, "/x").status == 403


def test_pause_waits_and_others_go_on(proxied, client):
    port, o = proxied("http-request pause 300ms if { path /slow }")
    slow = client(port)
    began = time.monotonic()
    slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    assert get(port, "/fast").status == 200
    assert time.monotonic() - began < 0.25
    assert slow.response().status == 200
    assert time.monotonic() - began >= 0.29


# ---- pages ----

def test_an_errorfile_replaces_the_page(ballast, tmp_path):
    page = tmp_path / "503.http"
    page.write_bytes(b"HTTP/1.1 503 Sorry\r\nContent-Type: text/plain\r\nX-Page: own\r\nContent-Length: 6\r\n\r\nsorry\n")
    lb = ballast(DEFAULTS + f"""
        errorfile 503 {page}
        retries 0
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s 127.0.0.1:@refused@
    """)
    with Client(lb.port["web"]) as c:
        for _ in range(2):  # the connection stays
            r = c.request()
            assert (r.start, r.field("X-Page"), r.text) == ("HTTP/1.1 503 Sorry", "own", "sorry\n")


def test_an_errorfile_of_the_backend_goes_before_the_frontends(ballast, tmp_path):
    for name in ("front", "back"):
        (tmp_path / name).write_bytes(f"HTTP/1.1 403 F\r\nX-Of: {name}\r\nContent-Length: 0\r\n\r\n".encode())
    lb = ballast(DEFAULTS + f"""
    frontend web
        bind 127.0.0.1:@web@
        errorfile 403 {tmp_path}/front
        http-request deny if {{ path /front }}
        default_backend app
    backend app
        errorfile 403 {tmp_path}/back
        http-request deny
    """)
    assert get(lb.port["web"], "/front").field("X-Of") == "front"
    assert get(lb.port["web"], "/back").field("X-Of") == "back"


def test_dev_null_as_errorfile_closes_silently(proxied):
    port, _ = proxied("errorfile 403 /dev/null\nhttp-request deny")
    assert exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""


def test_monitor_uri_is_answered_and_not_logged(ballast, origin, syslog):
    o = origin()
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + """
        log global
        option httplog
    frontend web
        bind 127.0.0.1:@web@
        monitor-uri /alive
        http-request deny if { path /alive }
        default_backend app
    backend app
        server s 127.0.0.1:@o@
    """, o=o, log=syslog)
    assert get(lb.port["web"], "/alive").status == 200
    assert get(lb.port["web"], "/alive?x").status in (200, 403)
    assert get(lb.port["web"], "/real").status == 200
    syslog.wait(r"GET /real HTTP/1.1")
    assert not syslog.matching(r"/alive HTTP")
    assert len(o.requests) == 1


@pytest.mark.parametrize("option, sent, seen", [
    ("option forwardfor", [], ["127.0.0.1"]),
    ("option forwardfor", [("X-Forwarded-For", "1.2.3.4")], ["1.2.3.4", "127.0.0.1"]),
    ("option forwardfor if-none", [("X-Forwarded-For", "1.2.3.4")], ["1.2.3.4"]),
    ("option forwardfor except 127.0.0.0/8", [], []),
    ("option forwardfor except 10.0.0.0/8", [], ["127.0.0.1"]),
])
def test_forwardfor(proxied, option, sent, seen):
    port, o = proxied(option)
    get(port, fields=sent)
    assert o.requests[0].all("X-Forwarded-For") == seen


def test_forwardfor_under_another_name(proxied):
    port, o = proxied("option forwardfor header X-Client-IP")
    get(port)
    assert o.requests[0].field("X-Client-IP") == "127.0.0.1"


def test_via_is_added_both_ways(proxied):
    port, o = proxied("option via edge1")
    r = get(port, fields=[("Via", "1.0 first")])
    assert o.requests[0].all("Via")[-1].endswith("1.1 edge1")
    assert r.field("Via") == "1.1 edge1"
