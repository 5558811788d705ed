"""Balancing by a key (hdr, url_param, hash; map-based, consistent, maglev), with fallbacks, and by what servers carry
and how fast they answer (p2c, ewma)."""
import bisect
import os
import re
import threading
from collections import Counter

import pytest

from peers import Client, response, wait_until

DEFAULTS = """
    global
        nbthread 1
        stats socket @dir@/sock level admin
    defaults
        mode http
        timeout connect 300ms
        timeout client 5s
        timeout server 5s
"""


@pytest.fixture
def farm(ballast):
    """farm("balance ...", weights=[...]) starts Ballast with servers that tell their number; lb.ask(target, **fields)
    gives it."""
    clients = []

    def start(lines, weights=(1, 1, 1, 1), mode="http"):
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        servers = "".join(f"        server s{i} 127.0.0.1:@s{i}@ weight {w}\n" for i, w in enumerate(weights))
        answers = "".join(f"""
    frontend s{i}
        bind 127.0.0.1:@s{i}@
        http-request return status 200 hdr X-Server {i}
""" for i in range(len(weights)))
        lb = ballast(DEFAULTS + f"""
    frontend web
        mode {mode}
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        mode {mode}
{body}{servers}{answers}""")
        client = Client(lb.port["web"])
        clients.append(client)

        def ask(target="/", **fields):
            names = [(n.replace("_", "-"), v) for n, v in fields.items()]
            return int(client.request("GET", target, names).field("X-Server"))
        lb.ask = ask
        return lb
    yield start
    for c in clients:
        c.close()


def avalanche(a):
    """Bob Jenkins' six-shift hash times 0xC0000001: where HAProxy puts the points of its ring."""
    m = 0xffffffff
    a = (a + 0x7ed55d16 + (a << 12)) & m
    a = a ^ 0xc761c23c ^ a >> 19
    a = (a + 0x165667b1 + (a << 5)) & m
    a = ((a + 0xd3a2646c) ^ a << 9) & m
    a = (a + 0xfd7046c5 + (a << 3)) & m
    a = a ^ 0xb55a4f09 ^ a >> 16
    return a * 0xc0000001 & m


def sdbm(text):
    h = 0
    for c in text.encode():
        h = c + (h << 6) + (h << 16) - h & 0xffffffff
    return h


class Ring:
    def __init__(self, weights):
        self.points = sorted((avalanche((i + 1) * 4096 + n), i) for i, w in enumerate(weights) for n in range(16 * w))

    def owner(self, key):
        at = bisect.bisect_left(self.points, (key, -1))
        above, below = self.points[at % len(self.points)], self.points[at - 1]
        near_above = (above[0] - key & 0xffffffff) < (key - below[0] & 0xffffffff)
        return above[1] if near_above else below[1]


KEYS = [str(i * 2654435761 % 2**32) for i in range(300)]


# ---- keys ----

@pytest.mark.parametrize("lines, same, other", [
    ("balance hdr(X-User)", [("/a", {"X_User": "ann"}), ("/b", {"x_user": "ann, bob"})], {"X_User": "%s"}),
    ("balance hdr(host) use_domain_only", [("/", {"Host": "www.ann.net"}), ("/", {"Host": "img.ann.net:80"})],
     {"Host": "www.%s.net"}),
    ("balance url_param user", [("/?user=ann", {}), ("/b?x=1&user=ann&user=bob", {})], "/?user=%s"),
    ("balance hash req.hdr(X-User),lower", [("/", {"X_User": "ann"}), ("/", {"X_User": "ANN"})], {"X_User": "%s"}),
    ("balance hash path,field(2,/)", [("/ann/1", {}), ("/ann/2?q", {})], "/%s/1"),
])
@pytest.mark.parametrize("method", ["map-based", "consistent", "maglev"])
def test_a_key_always_reaches_the_same_server_and_keys_spread(farm, lines, same, other, method):
    lb = farm(f"{lines}\nhash-type {method}")
    assert len({lb.ask(target, **fields) for target, fields in same for _ in range(3)}) == 1
    if isinstance(other, str):
        met = {lb.ask(other % f"u{i}") for i in range(60)}
    else:
        met = {lb.ask("/", **{n: v % f"u{i}" for n, v in other.items()}) for i in range(60)}
    assert met == {0, 1, 2, 3}


@pytest.mark.parametrize("lines", ["balance hdr(X-User)", "balance url_param user", "balance hash req.cook(user)"])
@pytest.mark.parametrize("method", ["map-based", "consistent", "maglev"])
def test_requests_without_the_key_go_round(farm, lines, method):
    lb = farm(f"{lines}\nhash-type {method}")
    assert [lb.ask("/?k=1") for _ in range(8)] == [0, 1, 2, 3] * 2


def test_an_empty_field_is_no_key_but_an_empty_parameter_is(farm):
    lb = farm("balance hdr(X-User)")
    assert [lb.ask("/", X_User="") for _ in range(4)] == [0, 1, 2, 3]
    lb = farm("balance url_param user")
    assert len({lb.ask("/?user=") for _ in range(4)}) == 1


def test_the_fallback_chooses_for_requests_without_the_key(farm):
    lb = farm("balance url_param user fallback first")
    assert [lb.ask("/") for _ in range(6)] == [0] * 6
    assert len({lb.ask(f"/?user={i}") for i in range(60)}) == 4


def test_an_expression_in_mode_tcp(farm):
    lb = farm("balance hash src", mode="tcp")

    def reached():
        with Client(lb.port["web"]) as c:
            return c.request().field("X-Server")
    assert len({reached() for _ in range(6)}) == 1


# ---- methods ----

def test_the_ring_is_that_of_haproxy(farm):
    weights = [1, 3, 2, 10]
    lb = farm("balance url_param k\nhash-type consistent none", weights)
    ring = Ring(weights)
    assert [lb.ask(f"/?k={k}") for k in KEYS] == [ring.owner(int(k)) for k in KEYS]


def test_the_ring_hashes_by_sdbm_and_avalanche_where_nothing_is_said(farm):
    lb = farm("balance hdr(X-User)\nhash-type consistent")
    ring = Ring([1] * 4)
    users = [f"user{i}" for i in range(60)]
    assert [lb.ask("/", X_User=u) for u in users] == [ring.owner(avalanche(sdbm(u))) for u in users]


@pytest.mark.parametrize("method, others", [("consistent", 0), ("maglev", 0.1)])
def test_when_a_server_goes_few_keys_but_its_own_move(farm, method, others):
    lb = farm(f"balance url_param k\nhash-type {method}", [100] * 4)
    before = [lb.ask(f"/?k={k}") for k in KEYS]
    lb.cli("set server app/s2 state maint")
    after = [lb.ask(f"/?k={k}") for k in KEYS]
    assert 2 not in after
    moved = sum(b != a for b, a in zip(before, after) if b != 2)
    assert moved <= others * len(KEYS)
    lb.cli("set server app/s2 state ready")
    assert [lb.ask(f"/?k={k}") for k in KEYS] == before


def test_weights_change_at_run_time_but_for_map_based(farm):
    for method in ("consistent", "maglev"):
        lb = farm(f"balance url_param k\nhash-type {method}", [10] * 4)
        assert lb.cli("set server app/s1 weight 200").strip() == ""
        met = Counter(lb.ask(f"/?k={k}") for k in KEYS)
        assert met[1] > len(KEYS) * 0.75
    lb = farm("balance url_param k", [10] * 4)
    assert "static LB algorithm" in lb.cli("set server app/s1 weight 200")


def test_a_dead_server_of_a_key_is_passed_over_with_redispatch(ballast, origin):
    alive = origin()
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@
        balance url_param k
        hash-type consistent
        retries 1
        option redispatch
        server dead 127.0.0.1:@dead@ weight 50
        server alive 127.0.0.1:@alive@ weight 50
    """, alive=alive)
    with Client(lb.port["web"]) as c:
        for k in range(20):
            assert c.request("GET", f"/?k={k}").status == 200
    assert int(lb.stat("web", "dead")["wredis"]) > 3


# ---- loads ----

class Held:
    """Origins whose answers wait until they are let go; tells who got what."""

    def __init__(self, origin, count):
        self.go = threading.Event()
        self.origins = [origin(self.handler) for _ in range(count)]

    def handler(self, request):
        if request.target.startswith("/hold"):
            self.go.wait(5)
        return response(200)

    def counts(self):
        return [len(o.requests) for o in self.origins]


def held_farm(ballast, held, lines):
    servers = "".join(f"        server s{i} 127.0.0.1:{o.port}\n" for i, o in enumerate(held.origins))
    return ballast(DEFAULTS + f"""
    listen web
        bind 127.0.0.1:@web@
        http-reuse never
        {lines}
{servers}""")


def hold(lb, client, count, target):
    clients = [client(lb.port["web"]) for _ in range(count)]
    for c in clients:
        c.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
    return clients


@pytest.mark.parametrize("method", ["consistent", "maglev"])
def test_hash_balance_factor_spreads_a_key_that_everybody_wants(ballast, origin, client, method):
    held = Held(origin, 4)
    lb = held_farm(ballast, held, f"balance url_param k\n        hash-type {method}\n"
                                  "        hash-balance-factor 150")
    clients = hold(lb, client, 24, "/hold?k=same")
    wait_until(lambda: sum(held.counts()) == 24, 5, "all requests at the origins")
    counts = sorted(held.counts())
    # At most ceil(1.5 * 24 / 4), and the key's own server has as much as it may.
    assert counts[-1] == 9, counts
    held.go.set()
    assert all(c.response().status == 200 for c in clients)


def test_p2c_never_chooses_the_busier_of_two(ballast, origin, client):
    held = Held(origin, 2)
    lb = held_farm(ballast, held, "balance p2c")
    clients = hold(lb, client, 1, "/hold")
    wait_until(lambda: sum(held.counts()) == 1, 5, "the first request")
    busy = held.counts().index(1)
    with Client(lb.port["web"]) as c:
        for _ in range(20):
            assert c.request("GET", "/").status == 200
    assert held.counts()[busy] == 1
    held.go.set()
    assert clients[0].response().status == 200


def test_ewma_leaves_the_slow_server(ballast, origin):
    slow = origin(lambda r: [0.05, response(200)])
    fast = [origin(lambda r: response(200)) for _ in range(2)]
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@
        balance ewma
        server slow 127.0.0.1:@slow@
        server fast1 127.0.0.1:@fast1@
        server fast2 127.0.0.1:@fast2@
    """, slow=slow, fast1=fast[0], fast2=fast[1])
    with Client(lb.port["web"]) as c:
        for _ in range(60):
            assert c.request("GET", "/").status == 200
    assert len(slow.requests) == 1
    assert min(len(o.requests) for o in fast) > 10


def test_ewma_does_not_take_a_server_that_refuses_for_a_fast_one(ballast, origin):
    alive = origin()
    lb = ballast(DEFAULTS + """
    listen web
        bind 127.0.0.1:@web@
        balance ewma(1s)
        retries 1
        option redispatch
        server dead 127.0.0.1:@dead@
        server alive 127.0.0.1:@alive@
    """, alive=alive)
    with Client(lb.port["web"]) as c:
        for _ in range(30):
            assert c.request("GET", "/").status == 200
    assert int(lb.stat("web", "dead")["econ"]) <= 2


# ---- statistics ----

def test_the_statistics_name_the_algorithm_as_haproxy_does(ballast):
    wanted = {"a": ("balance hdr(host) use_domain_only", "hdr"), "b": ("balance url_param k", "url_param"),
              "c": ("balance hash src", "hash"), "d": ("balance source\n hash-type consistent", "source"),
              "e": ("balance uri whole fallback leastconn", "uri"), "f": ("balance p2c", "p2c"),
              "g": ("balance ewma(3s)", "ewma")}
    lb = ballast(DEFAULTS + "".join(f"""
    listen {name}
        bind 127.0.0.1:@{name}@
        {line}
        server s 127.0.0.1:9
    """ for name, (line, _) in wanted.items()))
    assert {n: lb.stat(n)["algo"] for n in wanted} == {n: algo for n, (_, algo) in wanted.items()}


def test_the_manual_knows_every_algorithm_and_method(run_ballast):
    text = run_ballast("-vv").stdout
    names = [n for title in ("Balancing algorithms", "Methods of hash-type")
             for n in re.findall(r"^  (\S+)", text[text.index(title):].split("\n\n")[0], re.M)]
    assert {"roundrobin", "ewma", "map-based", "maglev"} <= set(names)
    with open(os.path.join(os.path.dirname(__file__), "../../doc/balancing.md"), encoding="utf-8") as f:
        rows = "".join(line for line in f if line.startswith("|"))
    assert [n for n in names if not re.search(rf"^\| `{n}\b", rows, re.M)] == []
