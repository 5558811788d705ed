"""The shares that the algorithms give over the wire, backups, and what keeps a client on its server."""
import collections
import threading

import pytest

from peers import Client, get, response, wait_until

DEFAULTS = """
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        timeout queue 2s
        retries 0
"""


@pytest.fixture
def farm(ballast, origin):
    """farm("lines", ["weight 1", "weight 2", ...]) gives a Ballast in front of origins s0, s1, ... which answer with
    their name."""
    def start(lines, servers, handlers=(), **more):
        names = {}
        text = ""
        for i, options in enumerate(servers):
            answer = (lambda name: lambda q: response(200, name))(f"s{i}")
            names[f"o{i}"] = origin(handlers[i] if i < len(handlers) and handlers[i] else answer)
            text += f"        server s{i} 127.0.0.1:@o{i}@ {options}\n"
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(more.pop("head", "") + DEFAULTS + f"""
    listen web
        bind 127.0.0.1:@web@
{body}{text}""", **names, **more)
        lb.origins = [names[f"o{i}"] for i in range(len(servers))]
        return lb
    return start


def down_check(option=""):
    return f"check inter 40ms fastinter 20ms downinter 20ms fall 1 rise 1 {option}"


LOGGED = """
    global
        log stdout format raw local0
"""


def sequence(lb, count, target="/"):
    with Client(lb.port["web"]) as c:
        return [c.request(target=target).text for _ in range(count)]


@pytest.mark.parametrize("algorithm", ["roundrobin", "static-rr"])
def test_round_robins_give_exact_shares(farm, algorithm):
    lb = farm(f"balance {algorithm}", ["weight 1", "weight 2", "weight 5"])
    assert collections.Counter(sequence(lb, 80)) == {"s0": 10, "s1": 20, "s2": 50}


@pytest.mark.parametrize("algorithm", ["roundrobin", "static-rr"])
def test_round_robins_without_weights_take_turns(farm, algorithm):
    turns = sequence(farm(f"balance {algorithm}", [""] * 4), 12)
    assert sorted(turns[:4]) == ["s0", "s1", "s2", "s3"]
    assert turns[:4] == turns[4:8] == turns[8:]


def test_roundrobin_is_smooth(farm):
    turns = sequence(farm("balance roundrobin", ["weight 1", "weight 3"]), 16)
    assert all(turns[i:i + 4].count("s0") == 1 for i in range(0, 16, 4))


def test_a_server_of_weight_0_gets_nothing(farm):
    assert set(sequence(farm("balance roundrobin", ["weight 0", "", ""]), 10)) == {"s1", "s2"}


def test_leastconn_avoids_a_slow_server(farm):
    busy, go = threading.Event(), threading.Event()

    def slow(q):
        if q.target == "/slow":
            busy.set()
            go.wait(5)
        return response(200, "s0")
    lb = farm("balance leastconn", ["", "weight 1"], [slow])
    with Client(lb.port["web"]) as c:
        for _ in range(2):  # whichever is chosen: until the slow one has it
            c.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            if busy.wait(0.2):
                break
            assert c.response().text == "s1"
        assert sequence(lb, 6) == ["s1"] * 6
        go.set()
        assert c.response().text == "s0"
    assert set(sequence(lb, 4)) == {"s0", "s1"}


def hold(lb, count):
    """Clients whose requests the servers hold."""
    clients = [Client(lb.port["web"]) for _ in range(count)]
    for c in clients:
        c.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    return clients


def test_first_fills_the_servers_in_order(farm):
    go = threading.Event()

    def holding(name):
        def handler(q):
            if q.target == "/hold":
                go.wait(5)
            return response(200, name)
        return handler
    lb = farm("balance first", ["maxconn 2"] * 3, [holding(f"s{i}") for i in range(3)])
    assert sequence(lb, 4) == ["s0"] * 4
    clients = []
    for i in range(5):
        clients += hold(lb, 1)
        wait_until(lambda: sum(q.target == "/hold" for o in lb.origins for q in o.requests) == i + 1)
    assert [sum(q.target == "/hold" for q in o.requests) for o in lb.origins] == [2, 2, 1]
    go.set()
    for c in clients:
        assert c.response().status == 200
        c.close()


def test_source_keeps_a_client_on_its_server(farm):
    lb = farm("balance source", [""] * 4)
    first = get(lb.port["web"]).text
    assert {get(lb.port["web"]).text for _ in range(10)} == {first}
    assert set(sequence(lb, 5)) == {first}


def test_uri_keeps_a_path_on_its_server(farm):
    lb = farm("balance uri", [""] * 4)
    with Client(lb.port["web"]) as c:
        where = lambda t: c.request(target=t).text
        first = {f"/{i}": where(f"/{i}") for i in range(40)}
        assert len(set(first.values())) == 4
        assert all(where(t) == s for t, s in first.items())
        assert where("/3?query=other") == first["/3"], "the query does not count without 'whole'"


def test_random_uses_all_servers(farm):
    shares = collections.Counter(sequence(farm("balance random(1)", [""] * 3), 300))
    assert set(shares) == {"s0", "s1", "s2"} and min(shares.values()) > 50


def test_hash_goes_elsewhere_while_its_server_is_down(farm):
    lb = farm("""
        balance uri
        log global
        option redispatch
        retries 3
    """, [down_check()] * 3, head=LOGGED)
    with Client(lb.port["web"]) as c:
        where = lambda t: c.request(target=t).text
        first = {f"/{i}": where(f"/{i}") for i in range(12)}
        lb.origins[1].stop()
        lb.wait_log("Server web/s1 is DOWN")
        assert {where(t) for t in first} == {"s0", "s2"}
        lb.origins[1].start()
        lb.wait_log("Server web/s1 is UP")
        assert {t: where(t) for t in first} == first


def test_backups_serve_only_where_no_server_is_left(farm):
    lb = farm("log global", [down_check(), down_check("backup"), down_check("backup")], head=LOGGED)
    assert set(sequence(lb, 6)) == {"s0"}
    lb.origins[0].stop()
    lb.wait_log("Server web/s0 is DOWN")
    assert set(sequence(lb, 6)) == {"s1"}, "the first backup alone, without allbackups"
    lb.origins[0].start()
    lb.wait_log("Server web/s0 is UP")
    assert set(sequence(lb, 6)) == {"s0"}


def test_allbackups_share_the_load(farm):
    lb = farm("log global\noption allbackups", [down_check(), down_check("backup"), down_check("backup")], head=LOGGED)
    lb.origins[0].stop()
    lb.wait_log("Server web/s0 is DOWN")
    assert collections.Counter(sequence(lb, 10)) == {"s1": 5, "s2": 5}


def test_a_disabled_server_gets_nothing(farm):
    assert set(sequence(farm("", ["disabled", "", ""]), 8)) == {"s1", "s2"}


def test_default_server_gives_what_a_server_does_not_say(farm):
    lb = farm("default-server weight 3", ["weight 1", "", ""])
    assert collections.Counter(sequence(lb, 28)) == {"s0": 4, "s1": 12, "s2": 12}


def test_shares_hold_with_many_clients_at_once(farm):
    lb = farm("balance roundrobin", ["weight 1", "weight 3"])
    seen = collections.Counter()
    lock = threading.Lock()

    def run():
        got = collections.Counter(sequence(lb, 40))
        with lock:
            seen.update(got)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(seen.values()) == 320
    assert abs(seen["s1"] - 240) <= 4


def test_prefer_last_server_stays(farm):
    lb = farm("balance roundrobin\noption prefer-last-server", [""] * 3)
    with Client(lb.port["web"]) as c:
        assert len({c.request().text for _ in range(6)}) == 1
    assert len({get(lb.port["web"]).text for _ in range(6)}) == 3


def test_weights_change_at_run_time(farm):
    lb = farm("balance roundrobin", ["weight 1", "weight 1"], head="""
    global
        stats socket @dir@/sock level admin
""")
    assert collections.Counter(sequence(lb, 10)) == {"s0": 5, "s1": 5}
    assert lb.cli("get weight web/s0").strip() == "1 (initial 1)"
    lb.cli("set weight web/s0 4")
    assert lb.cli("get weight web/s0").strip() == "4 (initial 1)"
    assert collections.Counter(sequence(lb, 20)) == {"s0": 16, "s1": 4}
    lb.cli("set weight web/s0 0%")
    assert set(sequence(lb, 5)) == {"s1"}
    lb.cli("set weight web/s0 100%")
    assert collections.Counter(sequence(lb, 10)) == {"s0": 5, "s1": 5}
