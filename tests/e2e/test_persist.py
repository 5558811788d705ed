"""Persistence: cookies, use-server, force-persist, ignore-persist. What is expected here is what HAProxy 3.2 did with the
same lines, but where a test says otherwise."""
import re
import time

import pytest

from peers import get, Client, response

SERVERS = """
    server a 127.0.0.1:@a@ cookie A
    server b 127.0.0.1:@b@ cookie B
"""


@pytest.fixture
def sticky(ballast, origin, syslog):
    """sticky(lines, servers=...) starts a proxy before two servers; returns ask(cookies, ...): (server, letters,
    Set-Cookie values, Cookie fields that the server saw, the response)."""
    def start(lines, servers=SERVERS, retries=0):
        sent = {}
        o = [origin(lambda r: response(200, "", sent.get("fields", []))) for _ in "ab"]
        lb = ballast(f"""
        global
            log 127.0.0.1:@log@ local0
            stats socket @dir@/sock level admin
        defaults
            mode http
            timeout client 2s
            timeout server 2s
            timeout connect 200ms
            retries {retries}
            log global
            log-format "to=%s tsc=%tsc n=%HU"
        listen web
            bind 127.0.0.1:@web@
            balance first
            {lines}
            """ + servers, a=o[0], b=o[1], log=syslog)
        count = [0]

        def ask(*cookies, method="GET", answer=()):
            count[0] += 1
            sent["fields"] = list(answer)
            before = [len(x.requests) for x in o]
            with Client(lb.port["web"]) as c:
                r = c.request(method, f"/{count[0]}", [("Cookie", k) for k in cookies],
                              body=b"" if method == "POST" else None)
            line = syslog.wait(rf"to=\S+ tsc=.... n=/{count[0]}$")
            line = line[0] if isinstance(line, list) else line
            to, letters = re.search(r"to=(\S+) tsc=..(..) ", str(line)).groups()
            seen = [v for x, n in zip(o, before) for q in x.requests[n:] for v in q.all("Cookie")]
            return to, letters, r.all("Set-Cookie"), seen, r
        ask.lb, ask.origins = lb, o
        return ask
    return start


@pytest.mark.parametrize("cookies, server, letters, set_cookie, seen", [
    ([], "a", "NI", ["SRV=A; path=/"], []),
    (["SRV=A"], "a", "VN", [], []),
    (["SRV=B"], "b", "VN", [], []),
    (["SRV=X"], "a", "II", ["SRV=A; path=/"], []),
    (["x=1; SRV=B; y=2"], "b", "VN", [], ["x=1; y=2"]),
    (["SRV=B; SRV=A"], "b", "VN", [], []),
    (["x=1", "SRV=B", "y=2"], "b", "VN", [], ["x=1", "y=2"]),
    (["SRV=X; SRV=B"], "b", "VN", [], []),
    (['SRV="B"'], "a", "II", ["SRV=A; path=/"], []),
    (['x="a;SRV=A"; SRV=B'], "b", "VN", [], ['x="a;SRV=A"']),
    (["SRV="], "a", "II", ["SRV=A; path=/"], []),
    (["SRV"], "a", "NI", ["SRV=A; path=/"], ["SRV"]),
    (["x=1, SRV=B"], "b", "VN", [], ["x=1"]),
    (["srv=B"], "a", "NI", ["SRV=A; path=/"], ["srv=B"]),
])
def test_insert_indirect(sticky, cookies, server, letters, set_cookie, seen):
    assert sticky("cookie SRV insert indirect")(*cookies)[:4] == (server, letters, set_cookie, seen)


def test_insert_without_indirect_shows_the_server_the_cookie(sticky):
    assert sticky("cookie SRV insert")("SRV=B")[:4] == ("b", "VN", [], ["SRV=B"])


@pytest.mark.parametrize("mode, cookies, letters, set_cookie", [
    ("insert", [], "NI", ["o=1", "SRV=A; path=/"]),
    ("insert", ["SRV=A"], "VD", ["o=1"]),
    ("insert preserve indirect", [], "NP", ["o=1", "SRV=q; path=/x"]),
    ("insert preserve indirect", ["SRV=A"], "VP", ["o=1", "SRV=q; path=/x"]),
    ("rewrite", [], "NR", ["o=1", "SRV=A; path=/x"]),
    ("rewrite", ["SRV=A"], "VR", ["o=1", "SRV=A; path=/x"]),
    ("prefix", [], "NR", ["o=1", "SRV=A~q; path=/x"]),
])
def test_what_becomes_of_a_cookie_of_the_server(sticky, mode, cookies, letters, set_cookie):
    answer = [("Set-Cookie", "o=1"), ("Set-Cookie", "SRV=q; path=/x")]
    r = sticky("cookie SRV " + mode)(*cookies, answer=answer)
    assert r[:3] == ("a", letters, set_cookie)


@pytest.mark.parametrize("mode", ["rewrite", "prefix"])
def test_only_insert_makes_cookies(sticky, mode):
    assert sticky("cookie SRV " + mode)()[:3] == ("a", "NN", [])


@pytest.mark.parametrize("cookie, server, letters, seen", [
    ("SRV=A~foo", "a", "VN", "SRV=foo"), ("SRV=B~x~y", "b", "VN", "SRV=x~y"), ("SRV=X~foo", "a", "IN", "SRV=foo"),
    ("SRV=foo", "a", "IN", "SRV=foo"), ("SRV=B~1; SRV=A~2", "b", "VN", "SRV=1; SRV=2"),
])
def test_prefix_is_hidden_from_the_server(sticky, cookie, server, letters, seen):
    assert sticky("cookie SRV prefix")(cookie)[:4] == (server, letters, [], [seen])


def test_all_attributes(sticky):
    ask = sticky('cookie SRV insert httponly secure domain .x.y domain z.a attr "SameSite=Lax" attr Partitioned')
    assert ask()[2] == ["SRV=A; path=/; domain=.x.y; domain=z.a; HttpOnly; Secure; SameSite=Lax; Partitioned"]


def test_postonly(sticky):
    ask = sticky("cookie SRV insert postonly")
    assert ask()[1:3] == ("NN", [])
    assert ask(method="POST")[1:3] == ("NI", ["SRV=A; path=/"])


@pytest.mark.parametrize("control, private", [("max-age=5", True), ("no-cache", False), ("no-store", False)])
def test_nocache_keeps_the_cookie_out_of_shared_caches(sticky, control, private):
    r = sticky("cookie SRV insert nocache")(answer=[("Cache-Control", control)])[4]
    assert r.all("Cache-Control") == [control] + ["private"] * private


def test_nocache_says_nothing_where_no_cookie_is_set(sticky):
    r = sticky("cookie SRV insert nocache")("SRV=A", answer=[("Cache-Control", "max-age=5")])[4]
    assert r.all("Cache-Control") == ["max-age=5"]


DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def date(seconds):
    """A time from now as it stands in a cookie."""
    n = int(time.time() + seconds) >> 2
    return "".join(DIGITS[n >> 6 * i & 63] for i in reversed(range(5)))


@pytest.mark.parametrize("limits, last, first, letters", [
    ("maxidle 1h maxlife 8h", None, None, "VU"),
    ("maxidle 1h maxlife 8h", 100, 0, "VN"),
    ("maxidle 1h maxlife 8h", -100, -100, "VU"),
    ("maxidle 1h maxlife 8h", -4000, -4000, "EI"),
    ("maxidle 1h maxlife 8h", 0, -30000, "OI"),
    ("maxidle 1h maxlife 8h", 90000, 0, "EI"),
    ("maxidle 1h maxlife 8h", -100, None, "VU"),
    ("maxidle 1h", None, None, "VU"),
    ("maxidle 1h", 100, None, "VN"),
    ("maxlife 8h", -4000, -4000, "VU"),
    ("maxlife 8h", 0, -30000, "OI"),
    ("", -100, -100, "VU"),
    ("", None, None, "VN"),
])
def test_cookies_age(sticky, limits, last, first, letters):
    ask = sticky("cookie SRV insert indirect " + limits)
    value = "SRV=A" + "".join("|" + date(t) for t in (last, first) if t is not None)
    server, got, cookies, _, _ = ask(value)
    assert (server, got) == ("a", letters)
    parts = 0 if letters == "VN" else 1 + ("maxlife" in limits) if limits else 0
    assert len(cookies) == (letters != "VN")
    if cookies:
        assert re.fullmatch(r"SRV=A" + r"\|[\w+/]{5}" * parts + "; path=/", cookies[0])
    if letters == "VU" and first is not None and limits:
        assert cookies[0].split("|")[2].startswith(value.split("|")[2])  # the first date stays


def test_the_client_of_a_dead_server_moves_and_gets_a_new_cookie(sticky):
    ask = sticky("cookie SRV insert indirect")
    ask.lb.cli("disable server web/a")
    assert ask("SRV=A")[:3] == ("b", "DI", ["SRV=B; path=/"])


def test_a_server_that_is_drained_keeps_its_clients(sticky):
    ask = sticky("cookie SRV insert indirect")
    ask.lb.cli("set server web/a state drain")
    assert ask("SRV=A")[:3] == ("a", "VN", [])
    assert ask()[0] == "b"


def test_a_backup_and_a_server_without_weight_keep_their_clients(sticky):
    ask = sticky("cookie SRV insert", """
    server a 127.0.0.1:@a@ cookie A backup
    server b 127.0.0.1:@b@ cookie B
    server c 127.0.0.1:@b@ cookie C weight 0
""")
    assert [ask("SRV=" + k)[:2] for k in "ABC"] == [("a", "VN"), ("b", "VN"), ("c", "VN")]


def test_a_server_without_a_cookie_ends_the_client_s(sticky):
    ask = sticky("cookie SRV insert indirect", "    server a 127.0.0.1:@a@\n")
    assert ask("SRV=A")[:3] == ("a", "II", ["SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"])


def test_two_servers_may_share_a_value(sticky):
    ask = sticky("cookie SRV insert", """
    server a 127.0.0.1:@a@ cookie A disabled
    server b 127.0.0.1:@b@ cookie A
""")
    assert ask("SRV=A")[:3] == ("b", "VN", [])


DISABLED = """
    server a 127.0.0.1:@a@ cookie A disabled
    server b 127.0.0.1:@b@ cookie B
"""


@pytest.mark.parametrize("line", ["option persist", "force-persist if TRUE"])
def test_persistence_to_a_server_that_is_down(sticky, line):
    assert sticky("cookie SRV insert\n" + line, DISABLED)("SRV=A")[:3] == ("a", "DN", [])


def test_option_persist_with_redispatch_moves_the_client_at_last(sticky):
    ask = sticky("cookie SRV insert\noption persist\noption redispatch", DISABLED, retries=1)
    ask.origins[0].stop()
    assert ask("SRV=A")[:3] == ("b", "DI", ["SRV=B; path=/"])


def test_a_connection_refused_moves_the_client(sticky):
    ask = sticky("cookie SRV insert\noption redispatch", retries=1)
    ask.origins[0].stop()
    assert ask("SRV=A")[:3] == ("b", "DI", ["SRV=B; path=/"])


def test_ignore_persist(sticky):
    ask = sticky("cookie SRV insert\nignore-persist if TRUE")
    assert ask("SRV=B")[:3] == ("a", "UN", [])
    assert ask()[1:3] == ("NN", [])


def test_use_server_goes_before_the_cookie(sticky):
    ask = sticky("cookie SRV insert indirect\nuse-server b if { method POST }")
    assert ask("SRV=A", method="POST")[:4] == ("b", "UN", [], [])
    assert ask("SRV=A")[:2] == ("a", "VN")


def test_use_server_passes_over_one_that_is_down(sticky):
    ask = sticky("use-server a if TRUE\nuse-server b if TRUE", DISABLED.replace(" cookie A", "").replace(" cookie B", ""))
    assert ask()[:2] == ("b", "--")


def test_use_server_in_tcp_mode(ballast, origin):
    a, b = origin(), origin()
    lb = ballast("""
    defaults
        timeout client 2s
        timeout server 2s
        timeout connect 200ms
    listen web
        bind 127.0.0.1:@web@
        use-server b if { src 127.0.0.0/8 }
        server a 127.0.0.1:@a@
        server b 127.0.0.1:@b@
    """, a=a, b=b)
    for _ in range(3):
        assert get(lb.port["web"]).status == 200
    assert (len(a.requests), len(b.requests)) == (0, 3)


def test_dynamic_cookies_follow_the_address(sticky):
    ask = sticky("cookie SRV insert dynamic\ndynamic-cookie-key KEY", """
    server a 127.0.0.1:@a@
    server b 127.0.0.1:@b@
""")
    cookie = ask()[2][0].split(";")[0]
    assert re.fullmatch("SRV=[0-9a-f]{16}", cookie)
    assert [ask(cookie)[:2] for _ in range(2)] == [("a", "VN")] * 2
    ask.lb.cli(f"set server web/a addr 127.0.0.2 port {ask.origins[0].port}")
    assert ask(cookie)[1][0] == "I"


@pytest.mark.parametrize("line, word", [
    ("cookie SRV", "rewrite, insert and prefix"),
    ("cookie SRV insert prefix", "two"),
    ("cookie SRV rewrite indirect", "indirect"),
    ("cookie SRV prefix maxidle 1h", "maxidle"),
    ("cookie SRV rewrite preserve", "preserve"),
    ("cookie SRV insert dynamic", "needs a key"),
    ("cookie SRV insert domain", "needs a value"),
    ("cookie S;V insert", "name of a cookie"),
    ("use-server z if TRUE", "unknown server"),
    ("use-server a", "condition"),
    ("force-persist", "condition"),
])
def test_wrong_lines_are_refused(run_ballast, line, word):
    r = run_ballast("-c", config=f"""
    listen web
        mode http
        bind 127.0.0.1:1
        {line}
        server a 127.0.0.1:1
    """)
    assert r.returncode == 1 and word in r.stderr
