"""Expressions at work: variables, regular expressions, maps, and what rules make of them."""
import socket

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
        http-request set-var(proc.last) path,url_dec
        http-request return status 200 content-type text/plain lf-string "%[var(proc.greeting)]"
    """)
    port = lb.port["web"]
    assert get(port, "/both").text == "hello world"
    assert get(port, "/x").text == "hello"
    assert lb.cli("get var proc.last").strip() == "proc.last: type=str value=</x>"
    get(port, "/a%0d%0aproc.b:%7f")
    assert lb.cli("get var proc.last").strip() == "proc.last: type=str value=</a..proc.b:.>"
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


# ---- maps and lists ----

def test_maps_and_lists_change_while_running(proxied, tmp_path):
    (tmp_path / "hosts.map").write_text("a.example alpha\n.example other\n")
    (tmp_path / "blocked.acl").write_text("10.0.0.0/8\n")
    lb, o = proxied(f"""
        http-request deny if {{ hdr_ip(x-ip) -f {tmp_path}/blocked.acl }}
        http-request set-header X-Site "%[hdr(host),lower,map({tmp_path}/hosts.map,none)]"
        http-request set-header X-End "%[hdr(host),map_end({tmp_path}/hosts.map,none)]"
    """)
    port, file = lb.port["web"], f"{tmp_path}/hosts.map"

    def seen(host):
        assert get(port, "/", [("Host", host)]).status == 200
        q = o.requests[-1]
        return q.field("X-Site"), q.field("X-End")
    assert seen("A.example") == ("alpha", "other")
    assert seen("b.example") == ("none", "other")
    assert f"({file})" in lb.cli("show map")
    assert lb.cli(f"show map {file}").split()[1:3] == ["a.example", "alpha"]
    lb.cli(f"set map {file} a.example beta two")
    lb.cli(f"add map {file} b.example gamma")
    assert seen("a.example") == ("beta two", "beta two") and seen("b.example") == ("gamma", "other")
    assert 'match=yes, key="b.example", value="gamma"' in lb.cli(f"get map {file} b.example")
    lb.cli(f"del map {file} b.example")
    assert seen("b.example")[0] == "none"
    assert "not found" in lb.cli(f"del map {file} b.example")
    lb.cli(f"clear map {file}")
    assert seen("a.example") == ("none", "none")

    acl = f"{tmp_path}/blocked.acl"
    assert get(port, "/", [("X-IP", "10.1.2.3")]).status == 403
    assert get(port, "/", [("X-IP", "192.0.2.1")]).status == 200
    lb.cli(f"add acl {acl} 192.0.2.1")
    assert get(port, "/", [("X-IP", "192.0.2.1")]).status == 403
    lb.cli(f"del acl {acl} 10.0.0.0/8")
    assert get(port, "/", [("X-IP", "10.1.2.3")]).status == 200
    assert "no address" in lb.cli(f"add acl {acl} nonsense")
    assert "Unknown" in lb.cli("show acl nothing")


def test_rules_fill_maps_and_lists(proxied):
    lb, o = proxied("""
        http-request set-map(virt@last) %[hdr(host)] %[path] if { path_beg /set }
        http-request del-map(virt@last) %[hdr(host)] if { path /del }
        http-request add-acl(virt@bad) %[url_param(ip)] if { path /ban }
        http-request del-acl(virt@bad) %[url_param(ip)] if { path /unban }
        http-request deny if { hdr_ip(x-ip) -f virt@bad }
        http-request set-header X-Last "%[hdr(host),map(virt@last,none)]"
    """)
    port = lb.port["web"]

    def last(path):
        get(port, path, [("Host", "h.example")])
        return o.requests[-1].field("X-Last")
    assert [last("/x"), last("/set/1"), last("/x"), last("/set/2"), last("/del"), last("/x")] == \
        ["none", "/set/1", "/set/1", "/set/2", "none", "none"]
    assert get(port, "/", [("X-IP", "192.0.2.9")]).status == 200
    get(port, "/ban?ip=192.0.2.9")
    get(port, "/ban?ip=192.0.2.9")
    assert get(port, "/", [("X-IP", "192.0.2.9")]).status == 403
    assert "entry_cnt=1" in lb.cli("show acl")
    get(port, "/unban?ip=192.0.2.9")
    assert get(port, "/", [("X-IP", "192.0.2.9")]).status == 200


def test_the_backend_is_named_by_a_map(ballast, origin, tmp_path):
    (tmp_path / "sites.map").write_text("a.example alpha\nb.example beta\nc.example nowhere\n")
    a, b, d = origin(lambda q: response(200, "a")), origin(lambda q: response(200, "b")), origin(lambda q: response(200, "d"))
    lb = ballast(DEFAULTS + f"""
    frontend web
        bind 127.0.0.1:@web@
        use_backend %[hdr(host),lower,map({tmp_path}/sites.map)]
        default_backend otherwise
    backend alpha
        server s 127.0.0.1:@a@
    backend beta
        server s 127.0.0.1:@b@
    backend otherwise
        server s 127.0.0.1:@d@
    """, a=a, b=b, d=d)
    port = lb.port["web"]
    assert [get(port, "/", [("Host", h)]).text for h in ("a.example", "B.example", "c.example", "d.example")] == list("abdd")
    lb.cli(f"set map {tmp_path}/sites.map a.example beta")
    assert get(port, "/", [("Host", "a.example")]).text == "b"


# ---- how it ends ----

def test_set_status_changes_the_line_only(proxied):
    lb, _ = proxied("""
        http-request set-var(txn.path) path
        http-response set-status 503 reason "Slow Down" if { var(txn.path) -m str /slow }
        http-response set-status 204 if { var(txn.path) -m str /empty }
    """)
    r = get(lb.port["web"], "/slow")
    assert r.start == "HTTP/1.1 503 Slow Down" and r.text == "GET /slow "
    assert get(lb.port["web"], "/empty").status == 500


def test_auth_asks_for_a_password(proxied):
    lb, o = proxied("""
        http-request auth realm "My Site" unless { hdr(authorization) "Basic dTpw" }
    """)
    r = get(lb.port["web"], "/")
    assert (r.status, r.field("WWW-Authenticate")) == (401, 'Basic realm="My Site"')
    assert get(lb.port["web"], "/", [("Authorization", "Basic dTpw")]).status == 200 and len(o.requests) == 1


def test_a_silent_drop_says_nothing(proxied):
    lb, o = proxied("http-request silent-drop if { path /drop }")
    with socket.create_connection(("127.0.0.1", lb.port["web"]), timeout=0.3) as s:
        s.sendall(b"GET /drop HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert s.recv(100) == b""
        except OSError:
            pass
    assert get(lb.port["web"], "/").status == 200 and len(o.requests) == 1


# ---- of proxies, servers, exchanges ----

@pytest.fixture
def figures(ballast, origin):
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@ name door id 7
        http-request set-header X-B other
        http-request set-header X-S other/s2
        http-request return status 200 content-type text/plain lf-string "%[TEXT]" if { path /x }
        http-response set-header X-Answer "%[bc_dst]:%[bc_dst_port] %[bc_src] %[bc_reused] %[server_status] %[capture.res.ver] %[bc_http_major]"
        server s1 127.0.0.1:@o@ weight 3
    backend other
        server s2 127.0.0.1:1 maxconn 5 maxqueue 7 weight 4
        server s3 127.0.0.1:1 disabled
    """.replace("%[TEXT]", "|".join(f"{e}=%[{e}]" for e in FIGURES)), o=origin())
    return lb


FIGURES = {
    "nbsrv": "", "nbsrv(other)": "1", "be_conn(other)": "0", "queue(other)": "0", "avg_queue(other)": "0",
    "connslots(other)": "12", "be_conn_free(other)": "5", "fe_conn": "1", "fe_conn(web)": "1",
    "be_server_timeout(web)": "5000", "fe_client_timeout(web)": "5000", "srv_conn(s1)": "0", "srv_conn(web/s1)": "0",
    "srv_conn_free(other/s2)": "5", "srv_conn_free(s1)": "-1", "srv_is_up(s1)": "1", "srv_is_up(other/s3)": "0",
    "srv_weight(other/s2)": "4", "srv_iweight(s1)": "3", "srv_uweight(s1)": "3", "srv_queue(s1)": "0",
    "hdr(x-b),nbsrv": "1", "hdr(x-s),srv_is_up": "1", "hdr(x-s),srv_queue": "0", "hdr(host),srv_is_up": "",
    "so_id": "7", "so_name": "door", "http_first_req": "1", "stopping": "0", "fc_http_major": "1",
    "proc": "1", "fe_defbe": "", "cur_client_timeout": "5000", "bytes_out": "0", "fc_src": "127.0.0.1",
}


def test_figures_of_proxies_and_servers(figures):
    answer = get(figures.port["web"], "/x").text
    seen = dict(part.rsplit("=", 1) for part in answer.split("|"))
    assert seen == FIGURES


def test_what_a_response_knows_of_its_connection(figures):
    port = figures.names["o"]
    r = get(figures.port["web"], "/y")
    assert r.field("X-Answer") == f"127.0.0.1:{port} 127.0.0.1 0 200 HTTP/1.1 1"


@pytest.mark.parametrize("expr,message", [
    ("nbsrv(nothing)", "there is no backend 'nothing'"),
    ("fe_conn(nothing)", "there is no frontend 'nothing'"),
    ("srv_conn(nothing)", "there is no server 'nothing' in backend 'web'"),
    ("srv_conn(nothing/s1)", "there is no server 's1' in backend 'nothing'"),
])
def test_names_that_are_not_there_are_told(run_ballast, expr, message):
    done = run_ballast("-c", config=f"""
        listen web
            mode http
            bind 127.0.0.1:8080
            http-request set-header X %[{expr}]
            server s1 127.0.0.1:1
    """)
    assert done.returncode == 1 and message in done.stderr, done.stderr
