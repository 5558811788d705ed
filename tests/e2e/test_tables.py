"""Stick tables: counted, limited, stuck to a server, shown and changed on the stats socket."""
import os
import re
import threading

import pytest

from peers import Client, get, response, wait_until

HEAD = """
    global
        nbthread 2
        stats socket @dir@/sock level admin
        stats socket @dir@/user level user
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
"""


def entries(lb, table, more=""):
    """Entries of `show table` by their key, each a dictionary of its numbers."""
    found = {}
    for line in lb.cli(f"show table {table} {more}").splitlines():
        m = re.fullmatch(r"0x[0-9a-f]+: key=((?:\\.|\S)*) (.*)", line)
        if m:
            found[m[1]] = {k: int(v) for k, v in (w.split("=") for w in m[2].split())}
    return found


def used(lb, table):
    return int(re.search(rf"# table: {table}, .* used:(\d+)", lb.cli("show table"))[1])


# ---- limits ----

def test_a_client_beyond_its_rate_gets_429_with_retry_after(ballast, origin):
    o = origin()
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 1k expire 1m store http_req_rate(10s)
        http-request track-sc0 src
        http-request return status 429 hdr Retry-After 10 if { sc0_http_req_rate gt 5 }
        default_backend app
    backend app
        server s 127.0.0.1:@o@
    """, o=o)
    with Client(lb.port["web"]) as c:
        answers = [c.request() for _ in range(8)]
    assert [r.status for r in answers] == [200] * 5 + [429] * 3
    assert answers[5].field("Retry-After") == "10"
    assert len(o.requests) == 5
    assert get(lb.port["web"]).status == 429  # the limit is the address's, not the connection's
    lb.cli("clear table web key 127.0.0.1")
    assert get(lb.port["web"]).status == 200


def test_the_rate_falls_with_time(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 1k expire 1m store http_req_rate(200)
        http-request track-sc0 src
        http-request return status 429 if { sc0_http_req_rate gt 3 }
        http-request return status 200
    """)
    with Client(lb.port["web"]) as c:
        assert [c.request().status for _ in range(4)] == [200] * 3 + [429]
        wait_until(lambda: entries(lb, "web")["127.0.0.1"]["http_req_rate(200)"] == 0)
        assert c.request().status == 200


def test_clients_are_told_apart_by_any_key(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type string len 12 size 1k expire 1m store http_req_cnt
        http-request track-sc0 req.hdr(X-Key)
        http-request return status 429 if { sc0_http_req_cnt gt 1 }
        http-request return status 200
    """)
    port = lb.port["web"]
    assert [get(port, fields=[("X-Key", k)]).status for k in ("a", "b", "a")] == [200, 200, 429]
    # keys are cut to the table's length
    assert [get(port, fields=[("X-Key", "abcdefghijkl" + k)]).status for k in ("1", "2")] == [200, 429]
    # without a key nobody is followed
    assert [get(port).status for _ in range(3)] == [200] * 3
    assert set(entries(lb, "web")) == {"a", "b", "abcdefghijkl"}


def test_current_connections_are_those_of_requests_under_way(ballast, origin):
    gate = threading.Event()
    o = origin(lambda r: response(200, b"x") if gate.wait(5) else None)
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 1k expire 100ms store conn_cur,conn_cnt
        http-request track-sc0 src
        http-request return status 429 if { sc0_conn_cur gt 2 }
        default_backend app
    backend app
        server s 127.0.0.1:@o@
    """, o=o)
    port = lb.port["web"]
    with Client(port) as a, Client(port) as b:
        for c in (a, b):
            c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: entries(lb, "web").get("127.0.0.1", {}).get("conn_cur") == 2)
        assert get(port).status == 429
        assert entries(lb, "web")["127.0.0.1"]["use"] == 2
        assert lb.cli("clear table web key 127.0.0.1").strip() == "Entry currently in use, cannot remove"
        gate.set()
        assert a.response().status == 200 and b.response().status == 200
    wait_until(lambda: not entries(lb, "web"), what="the entry to expire once nobody holds it")


def test_what_is_counted(ballast, origin):
    def handler(r):
        return response({"/missing": 404, "/broken": 500, "/unknown": 501}.get(r.target, 200), b"12345")
    o = origin(handler)
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        http-request track-sc0 src table all
        http-request deny if { path /denied }
        http-request return status 404 if { path /local }
        default_backend app
    backend app
        server s 127.0.0.1:@o@
    backend all
        stick-table type ip size 1k expire 1m store conn_cnt,conn_rate(1m),conn_cur,http_req_cnt,http_req_rate(1m) store http_err_cnt,http_err_rate(1m),http_fail_cnt,http_fail_rate(1m),bytes_in_cnt,bytes_in_rate(1m),bytes_out_cnt,bytes_out_rate(1m)
    """, o=o)
    sent = got = 0
    with Client(lb.port["web"]) as c:
        for target in ("/", "/missing", "/broken", "/unknown", "/denied", "/local"):
            request = f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"
            sent += len(request)
            c.send(request)
            r = c.response()
            got += len(r.head) + len(r.body)
    wait_until(lambda: entries(lb, "all")["127.0.0.1"]["use"] == 0)
    e = entries(lb, "all")["127.0.0.1"]
    assert (e["conn_cnt"], e["conn_rate(60000)"], e["conn_cur"]) == (6, 6, 0)
    assert (e["http_req_cnt"], e["http_req_rate(60000)"]) == (6, 6)
    assert (e["http_err_cnt"], e["http_err_rate(60000)"]) == (2, 2)  # missing and denied
    assert (e["http_fail_cnt"], e["http_fail_rate(60000)"]) == (1, 1)  # broken
    assert (e["bytes_in_cnt"], e["bytes_in_rate(60000)"]) == (sent, sent)
    assert (e["bytes_out_cnt"], e["bytes_out_rate(60000)"]) == (got, got)


def test_a_server_that_gives_no_answer_is_a_failure(ballast, origin):
    o = origin(lambda r: None)
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        retries 0
        stick-table type ip size 10 store http_fail_cnt,http_err_cnt
        http-request track-sc0 src
        server s 127.0.0.1:@o@
    """, o=o)
    assert get(lb.port["web"]).status == 502
    assert entries(lb, "web")["127.0.0.1"]["http_fail_cnt"] == 1
    assert entries(lb, "web")["127.0.0.1"]["http_err_cnt"] == 0


def test_a_request_that_is_broken_off_is_the_clients_error(ballast, origin):
    o = origin()
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        stick-table type ip size 10 store http_err_cnt
        http-request track-sc0 src
        server s 127.0.0.1:@o@
    """, o=o)
    with Client(lb.port["web"]) as c:
        c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
        wait_until(lambda: "127.0.0.1" in entries(lb, "web"))
    wait_until(lambda: entries(lb, "web")["127.0.0.1"]["http_err_cnt"] == 1)


def test_tags_and_counters_of_ones_own(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 1k expire 1m store gpc0,gpc0_rate(10s),gpc1,gpt0,http_req_cnt
        http-request track-sc2 src
        http-request sc-inc-gpc0(2) if { path /inc }
        http-request sc-inc-gpc1(2) if { path /inc1 }
        http-request sc-inc-gpc0(1)
        http-request sc-set-gpt0(2) 77 if { path /tag }
        http-request sc-set-gpt0(2) req.hdr(X-Tag) if { path /tagexpr }
        acl clear sc2_clr_gpc0 ge 0
        http-request allow if { path /clear } clear
        http-request return status 200 hdr X "%[sc2_get_gpc0] %[sc_gpc0_rate(2)] %[sc_get_gpc1(2)] %[sc2_get_gpt0] %[src_get_gpc0] %[src,table_gpt0] %[sc1_get_gpc0]|" unless { path /clear }
    """)
    with Client(lb.port["web"]) as c:
        def ask(target, fields=()):
            return c.request("GET", target, fields).field("X")
        assert ask("/") == "0 0 0 0 0 0 |"
        assert ask("/inc") == "1 1 0 0 1 0 |"
        assert ask("/inc") == "2 2 0 0 2 0 |"
        assert ask("/inc1") == "2 2 1 0 2 0 |"
        assert ask("/tag") == "2 2 1 77 2 77 |"
        assert ask("/tagexpr", [("X-Tag", "5")]) == "2 2 1 5 2 5 |"
        ask("/clear")
        assert ask("/") == "0 0 1 5 0 5 |"


def test_fetches_and_converters(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 5 expire 1m store http_req_cnt,bytes_in_cnt,gpc1,conn_cnt
        http-request track-sc0 src
        http-request track-sc0 str(9.9.9.9) # the slot is in use
        http-request return status 200 hdr X "%[sc_tracked(0)] %[sc1_tracked] %[sc0_key] %[sc0_trackers] %[src_http_req_cnt] %[str(1.1.1.1),table_http_req_cnt]" hdr Y "%[src,in_table] %[str(2.2.2.2),in_table(web)] %[table_cnt] %[table_avl(web)] %[sc0_kbytes_in] %[src,table_inc_gpc1] %[src_updt_conn_cnt] %[str(3.3.3.3),table_expire(web,7)] %[src,table_trackers]" hdr Z "%[sc0_sess_cnt]|%[sc0_http_req_cnt(other)]|%[src_http_req_cnt(other)]|%[str(no),table_conn_cnt]|%[str(4.4.4.4),table_idle]|"
    backend other
        stick-table type ip size 5 store http_req_cnt
    """)
    r = get(lb.port["web"])
    assert r.field("X") == "1 0 127.0.0.1 1 1 0"
    assert r.field("Y") == "1 0 1 4 0 1 2 7 1"
    # not stored; not there in the other table; the same by address; no address; not there, no default
    assert r.field("Z") == "|0|0|||"


def test_an_entry_can_be_read_in_the_log(ballast, syslog):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 5 store http_req_cnt,bytes_out_cnt
        log 127.0.0.1:@syslog@ local0
        log-format "n=%[sc0_http_req_cnt] m=%[src_http_req_cnt]"
        http-request track-sc0 src
        http-request return status 200
    """, syslog=syslog)
    get(lb.port["web"])
    syslog.wait(r"n=1 m=1")


def test_a_full_table_forgets_the_oldest(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type integer size 3 store http_req_cnt
        http-request track-sc0 url_param(k)
        http-request return status 200
    """)
    with Client(lb.port["web"]) as c:
        for k in (1, 2, 3, 1, 4):
            c.request("GET", f"/?k={k}")
    assert set(entries(lb, "web")) == {"1", "3", "4"}


def test_nopurge_refuses_new_keys(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type integer size 2 expire 1m nopurge store http_req_cnt
        http-request track-sc0 url_param(k)
        http-request return status 200 hdr N %[sc0_http_req_cnt]|
    """)
    with Client(lb.port["web"]) as c:
        assert [c.request("GET", f"/?k={k}").field("N") for k in (1, 2, 3, 1)] == ["1|", "1|", "|", "2|"]


def test_many_threads_and_clients_lose_no_count(ballast):
    lb = ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type string len 8 size 100 expire 1m store http_req_cnt,conn_cur
        http-request track-sc0 path
        http-request return status 200
    """)

    def run(n):
        with Client(lb.port["web"]) as c:
            for i in range(100):
                assert c.request("GET", f"/{i % 3}").status == 200
    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    e = entries(lb, "web")
    assert sum(v["http_req_cnt"] for v in e.values()) == 800
    assert all(v["conn_cur"] == 0 and v["use"] == 0 for v in e.values())


# ---- stick ----

def test_stick_on_keeps_a_client_with_its_server(ballast, origin):
    a, b, c = (origin(lambda r, n=n: response(200, n)) for n in (b"a", b"b", b"c"))
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        stick-table type string len 32 size 1k expire 1m
        stick on req.cook(user)
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
        server s3 127.0.0.1:@c@
    """, a=a, b=b, c=c)

    def ask(user):
        return get(lb.port["web"], fields=[("Cookie", f"user={user}")] if user else []).text
    first = {u: ask(u) for u in "qrstuvwxyz"}
    assert len(set(first.values())) > 1
    for _ in range(4):
        assert {u: ask(u) for u in "zyxwvutsrq"} == first
    assert len({ask(None) for _ in range(10)}) > 1  # who has no key is balanced
    assert {k: v["server_id"] for k, v in entries(lb, "web").items()} == {
        u: "abc".index(t) + 1 for u, t in first.items()}


def test_a_dead_server_is_left_and_the_new_one_remembered(ballast, origin):
    a, b = origin(lambda r: response(200, b"a")), origin(lambda r: response(200, b"b"))
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        stick-table type ip size 1k expire 1m
        stick on src
        server s1 127.0.0.1:@a@ id 11
        server s2 127.0.0.1:@b@ id 22
    """, a=a, b=b)
    port = lb.port["web"]
    was = get(port).text
    mine, other, name, other_id = ("a", "b", "s1", 22) if was == "a" else ("b", "a", "s2", 11)
    lb.cli(f"set server web/{name} state maint")
    assert [get(port).text for _ in range(3)] == [other] * 3
    lb.cli(f"set server web/{name} state ready")
    assert [get(port).text for _ in range(3)] == [other] * 3
    assert entries(lb, "web")["127.0.0.1"]["server_id"] == other_id


def test_match_and_store_may_be_apart(ballast, origin):
    a, b = (origin(lambda r, n=n: response(200, n, [("X-Session", "k" + r.target[1:])])) for n in (b"a", b"b"))
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        stick match url_param(s) table sessions if { path_beg /k }
        stick store-response res.hdr(X-Session) table sessions
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
    backend sessions
        stick-table type string size 1k expire 1m
    """, a=a, b=b)
    port = lb.port["web"]
    first = get(port, "/1").text
    assert set(entries(lb, "sessions")) == {"k1"}
    assert [get(port, "/k?s=k1").text for _ in range(3)] == [first] * 3


def test_a_request_waits_for_the_server_it_sticks_to(ballast, origin):
    gate = threading.Event()

    def slow(r):
        if r.target == "/slow":
            gate.wait(5)
        return response(200, r.target.encode())
    a, b = origin(slow), origin(slow)
    lb = ballast(HEAD + """
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        timeout queue 5s
        stick-table type ip size 1k expire 1m
        stick on src
        server s1 127.0.0.1:@a@ maxconn 1
        server s2 127.0.0.1:@b@ maxconn 1
    """, a=a, b=b)
    port = lb.port["web"]
    with Client(port) as x, Client(port) as y:
        x.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: len(a.requests) + len(b.requests) == 1)
        y.send("GET /fast HTTP/1.1\r\nHost: h\r\n\r\n")
        assert y.silent(0.15)
        gate.set()
        assert x.response().text == "/slow" and y.response().text == "/fast"
    assert sorted((len(a.requests), len(b.requests))) == [0, 2]


def test_stick_in_tcp(ballast, origin):
    a, b = (origin(lambda r, n=n: response(200, n)) for n in (b"a", b"b"))
    lb = ballast(HEAD + """
    listen web
        mode tcp
        bind 127.0.0.1:@web@
        balance roundrobin
        stick-table type ipv6 size 1k expire 1m
        stick on src
        server s1 127.0.0.1:@a@
        server s2 127.0.0.1:@b@
    """, a=a, b=b)
    assert len({get(lb.port["web"]).text for _ in range(4)}) == 1
    assert list(entries(lb, "web")) == ["::ffff:127.0.0.1"]


# ---- the stats socket ----

@pytest.fixture
def tables(ballast):
    return ballast(HEAD + """
    frontend web
        bind 127.0.0.1:@web@
        stick-table type ip size 100k expire 1m store gpc0,http_req_rate(10s)
        http-request return status 200
    backend strings
        stick-table type string len 20 size 10 store gpt0
    backend bytes
        stick-table type binary len 4 size 10 store gpt0
    backend numbers
        stick-table type integer size 10 store gpt0
    """)


def test_show_table_lists_them(tables):
    assert tables.cli("show table").splitlines()[:4] == [
        "# table: web, type: ip, size:102400, used:0",
        "# table: strings, type: string, size:10, used:0",
        "# table: bytes, type: binary, size:10, used:0",
        "# table: numbers, type: integer, size:10, used:0",
    ]


def test_entries_are_set_shown_chosen_and_cleared(tables):
    lb = tables
    for i in range(5):
        assert lb.cli(f"set table web key 10.0.0.{i} data.gpc0 {i} data.http_req_rate {i * 10}").strip() == ""
    e = entries(lb, "web")
    assert {k: v["gpc0"] for k, v in e.items()} == {f"10.0.0.{i}": i for i in range(5)}
    assert 38 <= e["10.0.0.4"]["http_req_rate(10000)"] <= 40 and 59000 < e["10.0.0.4"]["exp"] <= 60000
    assert set(entries(lb, "web", "data.gpc0 ge 3")) == {"10.0.0.3", "10.0.0.4"}
    assert set(entries(lb, "web", "data.gpc0 ge 2 data.gpc0 ne 3")) == {"10.0.0.2", "10.0.0.4"}
    assert set(entries(lb, "web", "key 10.0.0.1")) == {"10.0.0.1"}
    pointer = re.search(r"(0x\w+): key=10.0.0.2 ", lb.cli("show table web"))[1]
    assert set(entries(lb, "web", f"ptr {pointer}")) == {"10.0.0.2"}
    lb.cli(f"clear table web ptr {pointer}")
    lb.cli("clear table web key 10.0.0.0")
    lb.cli("clear table web data.gpc0 gt 3")
    assert set(entries(lb, "web")) == {"10.0.0.1", "10.0.0.3"}
    lb.cli("clear table web")
    assert used(lb, "web") == 0


def test_keys_of_each_type(tables):
    lb = tables
    lb.cli("set table strings key a\\ b\\=c data.gpt0 1")
    lb.cli("set table bytes key 0102 data.gpt0 1")
    lb.cli("set table numbers key 4294967295 data.gpt0 1")
    assert "key=a\\ b\\=c " in lb.cli("show table strings")
    assert list(entries(lb, "bytes")) == ["01020000"]
    assert list(entries(lb, "numbers")) == ["4294967295"]
    for table, key in (("web", "1.2.3"), ("web", "2001:db8::1"), ("bytes", "xyz"), ("bytes", "012"), ("numbers", "x")):
        assert lb.cli(f"set table {table} key {key}").strip() == "Invalid key"


@pytest.mark.parametrize("command, answer", [
    ("show table none", "No such table"),
    ("show table web key", "Key value expected"),
    ("show table web foo", 'Optional argument only supports "data.<store_data_type>" <operator> <value> or key <key> '
                           'or ptr <ptr>'),
    ("show table web data.foo eq 1", "Filter entry #1: Unknown data type"),
    ("show table web data.gpt0 eq 1", "Filter entry #1: Data type not stored in this table"),
    ("show table web data.gpc0 xx 1", 'Filter entry #1: Require and operator among "eq", "ne", "le", "ge", "lt", "gt"'),
    ("show table web data.gpc0 eq x", "Filter entry #1: Require a valid integer value to compare against"),
    ("show table web ptr 12", "Pointer expected (0xffff notation)"),
    ("show table web ptr 0x12", "No entry can be found matching ptr."),
    ("set table web key 1.1.1.1 data.gpc0 x", "Require a valid integer value to store"),
    ("set table web key 1.1.1.1 data.gpt0 1", "Data type not stored in this table"),
    ("set table web key 1.1.1.1 data.x 1", "Unknown data type"),
    ("set table web key 1.1.1.1 x 1", '"data.<type>" followed by a value expected'),
    ("set table web", "Required arguments: <table> key <key> [data.<store_data_type> <value>]*"),
    ("set table none key 1.1.1.1", "No such table"),
    ("clear table", 'Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key> or '
                    '<table> ptr <ptr>'),
    ("clear table none", "No such table"),
])
def test_what_the_shell_says_to_mistakes(tables, command, answer):
    assert tables.cli(command).strip().splitlines()[-1] == answer


def test_changing_needs_the_level_admin(tables):
    assert "Permission denied" in tables.cli("clear table web", path="user")
    assert "Permission denied" in tables.cli("set table web key 1.1.1.1", path="user")
    assert "# table: web" in tables.cli("show table", path="user")


def test_a_large_table_is_listed_whole(tables):
    lb = tables
    for block in range(40):
        lb.cli(";".join(f"set table web key 10.1.{block}.{i}" for i in range(200)))
    e = entries(lb, "web")
    assert len(e) == 8000 and used(lb, "web") == 8000
    lb.cli("clear table web")
    assert used(lb, "web") == 0


# ---- the example ----

def test_the_example_limits_a_client(ballast, origin):
    with open(os.path.join(os.path.dirname(__file__), "../../examples/rate-limit.cfg")) as f:
        text = f.read()
    o = origin()
    for old, new in (("127.0.0.1:8080", "127.0.0.1:@web@"), ("/tmp/ballast-rate-limit.sock", "@dir@/sock"),
                     ("127.0.0.1:9001", "127.0.0.1:@o@"), ("127.0.0.1:9002", "127.0.0.1:@o@")):
        assert old in text
        text = text.replace(old, new)
    lb = ballast(text, o=o)
    with Client(lb.port["web"]) as c:
        answers = [c.request() for _ in range(105)]
        assert [r.status for r in answers] == [200] * 100 + [429] * 5
        assert answers[-1].field("Retry-After") == "10"
        assert "come back" in answers[-1].text
        lb.cli("clear table clients")
        login = [c.request("POST", "/login", body=b"x") for _ in range(7)]
        assert [r.status for r in login] == [200] * 5 + [429] * 2
        assert login[-1].field("Retry-After") == "60"
