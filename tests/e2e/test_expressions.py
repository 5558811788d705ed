"""Expressions at work: variables, regular expressions, maps, and what rules make of them."""
import pytest

from peers import exchange, get, response

DEFAULTS = """
    global
        stats socket @dir@/sock level admin
        set-var proc.greeting str(hello)
        set-var-fmt proc.both "%[var(proc.greeting)] world"
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
"""


@pytest.fixture
def proxied(ballast, origin):
    """proxied("lines", handler) gives (ballast, origin) behind a `listen web` with these lines."""
    def start(lines, *args, **more):
        o = origin(*args)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        return ballast(DEFAULTS + f"""
    listen web
        bind 127.0.0.1:@web@
{body}
        server s1 127.0.0.1:@o@
    """, o=o, **more), o
    return start


# ---- variables ----

def test_variables_live_as_long_as_their_scope(proxied, client):
    lb, o = proxied("""
        http-request set-var(sess.first,ifnotset) path
        http-request set-var(txn.path) path
        http-request set-var(req.only) path
        http-request set-var-fmt(txn.both) "%[path]+%[method]"
        http-request set-var(txn.gone) str(x)
        http-request unset-var(txn.gone)
        http-request set-header X-Seen "%[var(sess.first)] %[var(txn.both)] %[var(req.only)] %[var(txn.gone,none)]"
        http-response set-header X-Txn "%[var(txn.path)] %[var(req.only,none)] %[var(sess.first)]"
    """)
    c = client(lb.port["web"])
    for target in "/one", "/two":
        c.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
        r = c.response()
        assert r.field("X-Txn") == f"{target} none /one"
        assert o.requests[-1].field("X-Seen") == f"/one {target}+GET {target} none"
    assert get(lb.port["web"], "/three").field("X-Txn") == "/three none /three"


def test_variables_of_the_process_are_seen_and_set_by_the_admin(proxied):
    lb, _ = proxied("""
        http-request return status 200 content-type text/plain lf-string "%[var(proc.both)]" if { path /both }
        http-request set-var(proc.last) path
        http-request return status 200 content-type text/plain lf-string "%[var(proc.greeting)]"
    """)
    port = lb.port["web"]
    assert get(port, "/both").text == "hello world"
    assert get(port, "/x").text == "hello"
    assert lb.cli("get var proc.last").strip() == "proc.last: type=str value=</x>"
    lb.cli("set var proc.greeting str(salut)")
    assert get(port, "/x").text == "salut"
    lb.cli("set var proc.greeting fmt a%[int(1)]b")
    assert get(port, "/x").text == "a1b"
    assert "not found" in lb.cli("get var proc.nothing")
    assert "Could not parse" in lb.cli("set var proc.greeting expr nothing")


# ---- regular expressions ----

def test_regular_expressions_in_conditions_and_rewrites(proxied):
    lb, o = proxied("""
        acl image path_reg -i \\.(png|gif)$
        http-request set-header X-Kind image if image
        http-request set-header X-Host "%[hdr(host),regsub(^www\\.,)]"
        http-request replace-path /old/(.*) /new/\\1
        http-request replace-header User-Agent ^curl/([0-9]+).* browser-\\1
        http-request del-header ^x-internal- -m reg
        http-response replace-value Cache-Control ^public$ private
    """, lambda q: response(200, b"", [("Cache-Control", "max-age=3600, public")]))
    r = get(lb.port["web"], "/old/A.PNG", [("User-Agent", "curl/7.47"), ("X-Internal-A", "1"), ("X-Internal", "2")])
    q = o.requests[0]
    assert (q.target, q.field("X-Kind"), q.field("User-Agent")) == ("/new/A.PNG", "image", "browser-7")
    assert q.field("X-Internal-A") is None and q.field("X-Internal") == "2"
    assert r.field("Cache-Control") == "max-age=3600, private"


def test_a_pattern_that_backtracks_for_ever_stalls_nobody(proxied):
    lb, o = proxied("http-request deny if { hdr_reg(x-evil) ^(a+)+$ }")
    assert get(lb.port["web"], "/", [("X-Evil", "a" * 8000 + "!")]).status == 200
    assert get(lb.port["web"], "/", [("X-Evil", "a" * 8000)]).status in (200, 403)
    assert get(lb.port["web"], "/", [("X-Evil", "aaa")]).status == 403
