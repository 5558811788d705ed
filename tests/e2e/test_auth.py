"""Logging in: lists of users, what is let in, and what the others are asked for."""
import base64
import re
import time

import pytest

from peers import get

CONFIG = """
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    userlist staff
        group admins users root
        group readers
        user root password $6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1
        user joe insecure-password 'a: b' groups readers
    frontend web
        bind 127.0.0.1:@web@
        http-request auth realm "The staff" unless { http_auth(staff) }
        http-request deny if { path_beg /admin } !{ http_auth_group(staff) admins }
        http-request return status 200 content-type text/plain lf-string "%[http_auth_user] %[http_auth_group(staff)] %[http_auth_type]"
"""


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(port, target, authorization=None):
    fields = [("Authorization", authorization)] if authorization else []
    return get(port, target, fields=fields)


def test_who_shows_the_right_password_is_let_in(ballast):
    port = ballast(CONFIG).port["web"]
    r = ask(port, "/")
    assert r.status == 401 and r.field("WWW-Authenticate") == 'Basic realm="The staff"'
    for _ in range(2):
        assert ask(port, "/", basic("root", "secret")).text == "root root Basic"
        assert ask(port, "/", basic("joe", "a: b")).text == "joe joe Basic"
        for user, password in ("root", "Secret"), ("root", ""), ("joe", "a:"), ("nobody", "secret"), ("", ""):
            assert ask(port, "/", basic(user, password)).status == 401
    assert ask(port, "/", "Bearer c2VjcmV0").status == 401
    assert ask(port, "/", "Basic c2VjcmV0").status == 401


def test_groups_are_told_apart(ballast):
    port = ballast(CONFIG).port["web"]
    assert ask(port, "/admin", basic("root", "secret")).status == 200
    assert ask(port, "/admin", basic("joe", "a: b")).status == 403


SLOW = ("$6$rounds=300000$saltsalt$Q.xXDZwGgpd3SgIkokMAbg72aHSgqGa5My"
        "5FvShtkLFBMVCqbpOAqak0Kavp50ReYX8vu1tCA8paT85ECMJEP.")  # of "pw"


def test_a_password_that_was_shown_before_costs_no_hash(ballast):
    lb = ballast(CONFIG.replace("user root password", f"user slow password {SLOW}\n        user root password"))
    port = lb.port["web"]
    assert "ms to check" in lb.log()
    began = time.monotonic()
    assert ask(port, "/", basic("slow", "pw")).status == 200
    first = time.monotonic() - began
    began = time.monotonic()
    for _ in range(10):
        assert ask(port, "/", basic("slow", "pw")).status == 200
    assert (time.monotonic() - began) / 10 < first / 3


@pytest.mark.parametrize("lines,message", [
    ("user a password $9$x", "no hash that crypt\\(3\\)"),
    ("user joe", "has a user 'joe' already"),
    ("user a groups nobodys", "which userlist 'staff' has not"),
    ("group more users nobody", "names a user 'nobody'"),
    ("usr a", "unknown directive 'usr'"),
])
def test_a_list_with_a_fault_is_refused(run_ballast, lines, message):
    text = CONFIG.replace("@web@", "8080").replace("group readers\n", f"group readers\n        {lines}\n")
    if "$9$" in lines:
        text = text.replace("user root password", "user root insecure-password")
    done = run_ballast("-c", config=text)
    assert done.returncode == 1 and re.search(message, done.stderr), done.stderr


def test_a_list_that_is_not_there_is_named(run_ballast):
    text = CONFIG.replace("@web@", "8080").replace("unless { http_auth(staff)", "unless { http_auth(stuff)")
    done = run_ballast("-c", config=text)
    assert done.returncode == 1 and "there is no userlist 'stuff'" in done.stderr
    assert "did you mean 'staff'?" in done.stderr and "lb.cfg:14:" in done.stderr, done.stderr
