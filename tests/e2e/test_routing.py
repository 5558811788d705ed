"""Which backend a request reaches: conditions over fetches, acls, default_backend, sections and their defaults."""
import pytest

from peers import Client, get, listening_ports, response, wait_until

DEFAULTS = """
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
"""


def named_backends(*names):
    """Backends whose answer is their own: they tell their name in the field X-Backend."""
    return "".join(f"""
    backend {n}
        http-request return status 200 hdr X-Backend {n}
    """ for n in names)


def reached(port, target="/", fields=(), method="GET", body=None, **more):
    with Client(port, **more) as c:
        return c.request(method, target, fields, body).field("X-Backend")


@pytest.fixture
def route(ballast):
    """route("lines") starts a frontend `web` with these lines, and the backends a, b, c and `other`."""
    def start(lines, **more):
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        return ballast(DEFAULTS + f"""
    frontend web
        bind 127.0.0.1:@web@
{body}
        default_backend other
    """ + named_backends("a", "b", "c", "other"), **more)
    return start


@pytest.mark.parametrize("condition, yes, no", [
    ("path /x", "/x?q", "/x/"),
    ("path_beg /static/ /img/", "/img/1.png", "/x/img/"),
    ("path_beg -i /Static", "/STATIC/a", "/sta"),
    ("path_end .png .gif", "/a/b.gif?x=.css", "/a.gif.txt"),
    ("path_sub inner", "/a/inner/b", "/a/inne?r"),
    ("url_param(k) v", "/?a=1&k=v", "/?k=vv"),
    ("url_param(k) -m found", "/?k=", "/?kk=1"),
    ("path -m str /a /b", "/b", "/bb"),
    ("path -m len 3:5", "/123", "/12345"),
    ("path,lower /lower", "/LOWER", "/lowers"),
])
def test_conditions_over_the_target(route, condition, yes, no):
    lb = route(f"use_backend a if {{ {condition} }}")
    assert reached(lb.port["web"], yes) == "a"
    assert reached(lb.port["web"], no) == "other"


@pytest.mark.parametrize("condition, yes, no", [
    ("hdr(host) www.example", "www.example", "www.example.org"),
    ("hdr(host) -i www.example", "WWW.Example", "ww.example"),
    ("hdr_beg(host) www.", "www.a", "wwwa"),
    ("hdr_end(host) .example", "a.example", "example"),
    ("hdr(x-kind) red blue", ("X-Kind", "blue"), ("X-Kind", "blues")),
    ("hdr(x-kind) -m found", ("x-KIND", ""), ("X-Kin", "y")),
    ("hdr(x-kind) two", ("X-Kind", "one, two ,three"), ("X-Kind", "one two")),
    ("hdr(x-kind,-1) last", ("X-Kind", "one,last"), ("X-Kind", "last,one")),
    ("hdr_cnt(x-kind) eq 2", ("X-Kind", "one,two"), ("X-Kind", "one")),
    ("hdr_val(x-kind) gt 10", ("X-Kind", "11"), ("X-Kind", "10")),
])
def test_conditions_over_fields(route, condition, yes, no):
    lb = route(f"use_backend a if {{ {condition} }}")
    field = lambda v: [v if isinstance(v, tuple) else ("Host", v)]
    assert reached(lb.port["web"], fields=field(yes)) == "a"
    assert reached(lb.port["web"], fields=field(no)) == "other"


def test_conditions_over_the_method(route):
    lb = route("use_backend a if { method POST PUT }")
    assert reached(lb.port["web"], method="PUT", body=b"x") == "a"
    assert reached(lb.port["web"], method="DELETE") == "other"
    assert reached(lb.port["web"], method="post", body=b"x") == "other", "methods are case-sensitive"


def test_the_predefined_acls(route):
    lb = route("""
        use_backend a if METH_POST
        use_backend b if HTTP_URL_ABS
        use_backend c if HTTP_1.0
    """)
    assert reached(lb.port["web"], method="POST", body=b"x") == "a"
    assert reached(lb.port["web"], "http://test.local/") == "b"
    with Client(lb.port["web"]) as c:
        c.send("GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        assert c.response().field("X-Backend") == "c"


def test_conditions_over_addresses(ballast):
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@one@
        bind 127.0.0.1:@two@
        use_backend a if { dst_port @one@ }
        use_backend b if { src 127.0.0.5 10.0.0.0/8 }
        use_backend c if { src 127.0.0.0/8 }
        default_backend other
    """ + named_backends("a", "b", "c", "other"))
    assert reached(lb.port["one"]) == "a"
    assert reached(lb.port["two"]) == "c"


def test_and_or_and_not(route):
    lb = route("""
        acl long path_beg /long
        acl blue hdr(x-c) blue
        acl red  hdr(x-c) red
        use_backend a if long blue or long red
        use_backend b if !long !blue !red
        use_backend c unless red || blue
    """)
    port = lb.port["web"]
    colour = lambda c: [("X-C", c)]
    assert reached(port, "/long", colour("blue")) == "a"
    assert reached(port, "/long", colour("red")) == "a"
    assert reached(port, "/", colour("grey")) == "b"
    assert reached(port, "/long", colour("grey")) == "c"
    assert reached(port, "/", colour("red")) == "other"


def test_an_acl_of_several_lines_is_their_union(route):
    lb = route("""
        acl img path_beg /img
        acl img path_end .png
        use_backend a if img
    """)
    assert reached(lb.port["web"], "/img/x") == "a"
    assert reached(lb.port["web"], "/x.png") == "a"
    assert reached(lb.port["web"], "/x") == "other"


def test_the_first_use_backend_that_matches_wins(route):
    lb = route("""
        use_backend a if { path_beg /x }
        use_backend b if { path_beg /x/y }
        use_backend c
    """)
    assert reached(lb.port["web"], "/x/y") == "a"
    assert reached(lb.port["web"], "/") == "c"


def test_each_request_of_a_connection_is_routed_anew(route, client):
    lb = route("""
        use_backend a if { path /a }
        use_backend b if { path /b }
    """)
    c = client(lb.port["web"])
    assert [c.request(target=t).field("X-Backend") for t in ("/a", "/b", "/", "/a")] == ["a", "b", "other", "a"]


def test_no_backend_is_503(ballast):
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        use_backend a if { path /a }
    """ + named_backends("a"))
    assert reached(lb.port["web"], "/a") == "a"
    assert get(lb.port["web"], "/").status == 503


def test_rules_of_a_listen_run_once(ballast, origin):
    o = origin()
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@
        http-request add-header X-Request-Rule once
        http-response add-header X-Response-Rule once
        server s 127.0.0.1:@o@
    """, o=o)
    r = get(lb.port["web"])
    assert o.requests[0].all("X-Request-Rule") == ["once"]
    assert r.all("X-Response-Rule") == ["once"]


def test_rules_of_frontend_and_backend_run_in_order(ballast, origin):
    o = origin(lambda q: response(200, fields=[("X-R", "origin")]))
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        http-request set-header X-Q front
        http-response set-header X-R "%[res.hdr(x-r)] front"
        default_backend app
    backend app
        http-request set-header X-Q "%[req.hdr(x-q)] back"
        http-response set-header X-R "%[res.hdr(x-r)] back"
        server s 127.0.0.1:@o@
    """, o=o)
    r = get(lb.port["web"])
    assert o.requests[0].field("X-Q") == "front back"
    assert r.field("X-R") == "origin back front"


def test_a_frontend_uses_a_listen_as_backend(ballast, origin):
    o = origin()
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        http-request add-header X-Seen front
        default_backend both
    listen both
        bind 127.0.0.1:@both@
        http-request add-header X-Seen listen
        server s 127.0.0.1:@o@
    """, o=o)
    get(lb.port["web"])
    get(lb.port["both"])
    assert [q.all("X-Seen") for q in o.requests] == [["front", "listen"], ["listen"]]


def test_the_last_defaults_before_a_section_counts(ballast, origin):
    o = origin()
    lb = ballast("""
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        option forwardfor header X-First
    frontend one
        bind 127.0.0.1:@one@
        default_backend app
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        option forwardfor header X-Second
    frontend two
        bind 127.0.0.1:@two@
        default_backend app
    defaults
        mode http
        timeout connect 1s
        timeout server 5s
    backend app
        server s 127.0.0.1:@o@
    """, o=o)
    get(lb.port["one"])
    get(lb.port["two"])
    one, two = o.requests
    assert (one.field("X-First"), one.field("X-Second")) == ("127.0.0.1", None)
    assert (two.field("X-First"), two.field("X-Second")) == (None, "127.0.0.1")


def test_named_defaults_are_chosen_by_from(ballast):
    lb = ballast("""
    defaults base
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        monitor-uri /base
    defaults derived from base
        monitor-uri /derived
    frontend one from base
        bind 127.0.0.1:@one@
        default_backend app
    frontend two from derived
        bind 127.0.0.1:@two@
        default_backend app
    backend app from base
        http-request return status 418
    """)
    status = lambda section, target: get(lb.port[section], target).status
    assert [status("one", "/base"), status("one", "/derived")] == [200, 418]
    assert [status("two", "/base"), status("two", "/derived")] == [418, 200]


def test_a_disabled_frontend_is_not_served(ballast):
    lb = ballast(DEFAULTS + """
    frontend web
        bind 127.0.0.1:@web@
        default_backend a
    frontend off
        disabled
        bind 127.0.0.1:@off@
        default_backend a
    """ + named_backends("a"), wait=False)
    wait_until(lambda: lb.port["web"] in listening_ports(), what="the frontend that is not disabled")
    assert lb.port["off"] not in listening_ports()
    assert reached(lb.port["web"]) == "a"
