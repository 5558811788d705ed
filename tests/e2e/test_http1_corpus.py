"""The corpus of the HTTP/1 parser, through the whole of Ballast: what is hostile is refused and never reaches a server or
a client, what is valid arrives framed in one way, whole or cut anywhere."""
import glob
import os
import random
import re

import pytest

import h1_cases
import h1_probe
import h1_strict

CORPUS = os.path.join(os.path.dirname(__file__), "..", "corpus", "h1")
FILES = sorted(os.path.basename(f)[:-4] for f in glob.glob(os.path.join(CORPUS, "*.txt")))
CHUNKED_REQUEST = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_RESPONSE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CONFIG = """
    defaults
        mode http
        timeout client 2s
        timeout server 2s
        timeout connect 2s
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
"""


def corpus(name):
    """(name, kind, bytes, expected words) of each message; those that need other limits are the unit test's."""
    with open(os.path.join(CORPUS, name + ".txt"), encoding="latin-1") as f:
        for line in f.read().splitlines():
            if line.strip() and not line.startswith("#"):
                what, _, kind, data, words = (part.strip(" ") for part in line.split(" | "))
                if "=" not in kind:
                    yield what, kind, h1_probe.unescape(data), words.split()


@pytest.fixture
def recorder():
    r = h1_probe.Recorder()
    yield r
    r.origin.stop()


@pytest.fixture
def scripted():
    s = h1_probe.Scripted()
    yield s
    s.origin.stop()


def expectation(data, words):
    """Statuses of which one must come, or None where the strict reader decides."""
    if words[0] == "error":
        return (int(words[2]),)
    return (400,) if any(w.startswith("body-error") for w in words) else None


def oracles_agree(data, words):
    """The strict reader thinks of a request what the corpus says (a limit is none of its business)."""
    expect = expectation(data, words)
    if expect in ((414,), (431,)):
        return True
    try:
        p = h1_strict.request(data, received=True)
    except h1_strict.Wrong:
        return expect is not None
    whole = p is not None and p.complete
    if words[0] == "more" or "body-more" in words:
        return expect is None and not whole
    return expect is None and (whole or "body-done" not in words)


@pytest.mark.parametrize("name", FILES)
def test_requests_of_the_corpus(ballast, recorder, name):
    lb, rng, problems = ballast(CONFIG, o=recorder), random.Random(name), []
    for what, kind, data, words in corpus(name):
        if kind not in ("request", "chunked"):
            continue
        data = CHUNKED_REQUEST + data if kind == "chunked" else data
        if not oracles_agree(data, words):
            problems.append(f"the oracles differ about {what} {data!r:.300} {words}")
            continue
        expect = expectation(data, words)
        if words[0] != "more" and "body-more" not in words:
            data += h1_probe.SENTINEL
        for pieces in ([data], h1_probe.split_at(data, rng)):
            why = h1_probe.probe_request(lb.port["web"], recorder, data, pieces, expect)
            if why:
                problems.append(f"{what} {[len(p) for p in pieces]}: {data!r:.300}: {why}")
    assert not problems, "\n".join(problems)


def response_oracles_agree(data, method, words):
    refused = words[0] == "error" or any(w.startswith("body-error") for w in words)
    if words[0] == "error" and words[2] in ("414", "431"):
        return True
    interim, sent, verdict = h1_probe.read_response(data, method)
    if words[0] == "more" or "body-more" in words:
        return not refused and (sent is None or verdict == "cut")
    return refused == (verdict == "bad") or bool(interim) or b" 101 " in data[:16]


@pytest.mark.parametrize("name", FILES)
def test_responses_of_the_corpus(ballast, scripted, name):
    lb, rng, problems = ballast(CONFIG, o=scripted), random.Random(name), []
    for what, kind, data, words in corpus(name):
        if not re.match(r"chunked|response (GET|HEAD)", kind):
            continue
        data = CHUNKED_RESPONSE + data if kind == "chunked" else data
        if not response_oracles_agree(data, b"HEAD" if kind.endswith("HEAD") else b"GET", words):
            problems.append(f"the oracles differ about {what} {data!r:.300} {words}")
        for method, http10 in ((b"GET", False), (b"GET", True), (b"HEAD", False)):
            pieces = h1_probe.split_at(data, rng) if http10 and data else [data]
            why = h1_probe.probe_response(lb.port["web"], scripted, data, pieces, method, http10)
            if why:
                problems.append(f"{what} {method} {'1.0' if http10 else '1.1'}: {data!r:.300}: {why}")
    assert not problems, "\n".join(problems)


# ---- the second corpus (h1_cases.py) ----

def parts(cases, count):
    """Cut into lists of about the same size, so that one test takes a second or two."""
    cases = list(cases)
    return [cases[i::count] for i in range(count)]


def test_the_second_corpus_means_what_the_strict_reader_says():
    for what, data, statuses in h1_cases.requests():
        found, tail = h1_probe.read_requests(data)
        if statuses is None:
            assert tail == "end" and found, (what, data)
        elif statuses == "tail":
            assert tail != "end" and found, (what, data)
        elif statuses not in ((414,), (431,), (400, 414, 501)):
            assert not found, (what, data)
    for what, data, verdict in h1_cases.responses():
        assert verdict in (h1_probe.read_response(data, b"GET")[2], "limit"), (what, data)
    assert len(list(h1_cases.requests())) + len(list(h1_cases.responses())) > 1500


@pytest.mark.parametrize("part", range(6))
def test_requests_of_the_second_corpus(ballast, recorder, part):
    lb, rng, problems = ballast(CONFIG, o=recorder), random.Random(part), []
    for what, data, statuses in parts(h1_cases.requests(), 6)[part]:
        stream = data + h1_probe.SENTINEL
        for pieces in ([stream], h1_probe.split_at(stream, rng)):
            why = h1_probe.probe_request(lb.port["web"], recorder, stream, pieces,
                                         None if statuses == "tail" else statuses)
            if why:
                problems.append(f"{what} {[len(p) for p in pieces]}: {data!r:.300}: {why:.600}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("part", range(6))
def test_responses_of_the_second_corpus(ballast, scripted, part):
    lb, rng, problems = ballast(CONFIG, o=scripted), random.Random(part), []
    for what, data, verdict in parts(h1_cases.responses(), 6)[part]:
        for method, http10 in ((b"GET", False), (b"GET", True), (b"HEAD", False)):
            pieces = h1_probe.split_at(data, rng) if http10 and data else [data]
            why = h1_probe.probe_response(lb.port["web"], scripted, data, pieces, method, http10, verdict == "limit")
            if why:
                problems.append(f"{what} {method} {'1.0' if http10 else '1.1'}: {data!r:.300}: {why:.600}")
    assert not problems, "\n".join(problems)


# ---- what nobody thought of ----

SNIPPETS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"5", b"\0", b"a", b"\xff", b"\x7f", b"%",
            b"/", b"?", b"*", b"=", b'"', b"-", b"+", b"Host: a\r\n", b"Content-Length: 5\r\n",
            b"Transfer-Encoding: chunked\r\n", b"chunked", b"Connection: close\r\n", b"HTTP/1.1", b"HTTP/1.0",
            b"0\r\n\r\n"]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        at, kind = rng.randrange(len(data)), rng.randrange(5)
        if kind == 0:
            data[at:at] = rng.choice(SNIPPETS)
        elif kind == 1 and len(data) > 10:
            del data[at:at + rng.choice([1, 2, 5])]
        elif kind == 2:
            data[at] = rng.randrange(256)
        elif kind == 3:
            data[at:at + 1] = rng.choice(SNIPPETS)
        else:
            data[at:at] = data[at // 2:at // 2 + rng.randrange(30)]
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_requests_are_read_as_the_strict_reader_does(ballast, recorder, seed):
    """No expectation but this: two readers that know nothing of one another agree on each of these."""
    lb, rng, problems = ballast(CONFIG, o=recorder), random.Random(seed), []
    pool = [data for _, data, statuses in h1_cases.requests() if len(data) < 700 and statuses is None]
    for _ in range(600):
        data = mutate(rng, rng.choice(pool)) + h1_probe.SENTINEL
        why = h1_probe.probe_request(lb.port["web"], recorder, data, h1_probe.split_at(data, rng), None)
        if why:
            problems.append(f"{data!r}: {why:.600}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_responses_are_read_as_the_strict_reader_does(ballast, scripted, seed):
    lb, rng, problems = ballast(CONFIG, o=scripted), random.Random(seed), []
    pool = [data for _, data, verdict in h1_cases.responses() if 0 < len(data) < 700 and verdict == "whole"]
    for _ in range(400):
        data, method, http10 = mutate(rng, rng.choice(pool)), rng.choice([b"GET", b"HEAD"]), rng.random() < 0.3
        why = h1_probe.probe_response(lb.port["web"], scripted, data, [data], method, http10)
        if why:
            problems.append(f"{method} {http10} {data!r}: {why:.600}")
    assert not problems, "\n".join(problems)
