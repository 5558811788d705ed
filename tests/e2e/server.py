"""server: starts and stops Ballast (and nginx) for a test, and looks that nothing is left of it."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid

from peers import free_port, listening_ports, wait_until

MARK = "BALLAST_TEST_RUN"
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|BL_ASSERT|assertion .* failed", re.I)


def program():
    """The program under test: $BALLAST, else src/ballast of the folder it is called from."""
    return os.path.abspath(os.environ.get("BALLAST", "src/ballast"))


def marked(mark):
    """Processes that carry the mark in their environment: those that a test started, even where they daemonised."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as f:
            if f"{MARK}={mark}".encode() in f.read().split(b"\0"):
                with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] != "Z":
                        found.append(int(pid))
    return found


class Ballast:
    """One run of the program.

    In the configuration, @name@ stands for the keyword argument of that name (its .port where it has one), @dir@ for a
    folder of this run, and any other @name@ for a free port, found again as lb.port["name"].  start() returns once
    those of them that stand in a `bind` line are listened on.
    """

    def __init__(self, config, folder, args=(), env=None, **names):
        self.dir, self.args, self.mark = str(folder), list(args), uuid.uuid4().hex
        self.port, self.process = {}, None
        self.env = dict(os.environ, **{MARK: self.mark}, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:strict_string_checks=1")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.env.setdefault("TSAN_OPTIONS", "exitcode=99:second_deadlock_stack=1")
        self.names = {k: getattr(v, "port", v) for k, v in names.items()}
        self.config_path = os.path.join(self.dir, "lb.cfg")
        self.log_path = os.path.join(self.dir, "log")
        self.config = self.write(config)

    def fill(self, text):
        """Puts values in place of @names@."""
        def value(match):
            name = match[1]
            if name == "dir":
                return self.dir
            if name in self.names:
                return str(self.names[name])
            if name not in self.port:
                self.port[name] = free_port()
            return str(self.port[name])
        return re.sub(r"@([a-z][a-z0-9_]*)@", value, text)

    def write(self, config):
        """Writes the configuration (again, for a reload)."""
        text = self.fill(config)
        with open(self.config_path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(self.config_path + ".new", self.config_path)
        return text

    def bound_ports(self):
        lines = [l for l in self.config.splitlines() if re.match(r"\s*(bind|stats socket)\b", l)]
        return {p for p in self.port.values() if any(re.search(rf"\b{p}\b", l) for l in lines)}

    def start(self, wait=True, timeout=10.0):
        log = open(self.log_path, "ab")
        argv = [program(), *self.args, "-f", self.config_path]
        with log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            cwd=self.dir, start_new_session=True)
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=10.0):
        wanted = self.bound_ports()
        sockets = re.findall(r"^\s*stats socket (/\S+)", self.config, re.M)

        def ready():
            status = self.process.poll()
            assert status in (None, 0), f"it ended with status {status}:\n{self.log()}"
            return wanted <= listening_ports() and all(map(os.path.exists, sockets))
        try:
            wait_until(ready, timeout, f"listening on {sorted(wanted)}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What it wrote to standard output and error."""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, timeout=5.0):
        return wait_until(lambda: re.search(pattern, self.log(), re.M), timeout, f"{pattern!r} in the log")

    def processes(self):
        return marked(self.mark)

    def kill(self, number):
        os.kill(self.pid, number)

    def cli(self, command, path="sock", timeout=5.0):
        """Sends one command line to the stats socket at @dir@/sock and returns the answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(os.path.join(self.dir, path))
            s.sendall(command.encode() + b"\n")
            out = b""
            while True:
                data = s.recv(65536)
                if not data:
                    return out.decode("utf-8", "replace")
                out += data

    def stat(self, proxy, server="BACKEND"):
        """A row of `show stat` as a dictionary."""
        rows = [l.split(",") for l in self.cli("show stat").splitlines() if l]
        names = [n.lstrip("# ") for n in rows[0]]
        return next(dict(zip(names, r)) for r in rows[1:] if r[:2] == [proxy, server])

    def wait_exit(self, timeout=10.0):
        """Exit status, once it ended by itself."""
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM, timeout=10.0):
        """Ends it, and fails where it did not end well: status, sanitizer reports, processes left behind."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
        problems = []
        try:
            status = self.process.wait(timeout)
            # HAProxy's: 143 after SIGTERM without a master, 0 with one
            if status not in (0, 128 + number) and "ballast" in program():
                problems.append(f"exit status {status}")
        except subprocess.TimeoutExpired:
            problems.append(f"did not end within {timeout} s of signal {number}")
        problems += self._leftovers()
        log = self.log()
        self.process = None
        if SANITIZER.search(log):
            problems.append("a sanitizer or an assertion spoke")
        assert not problems, "; ".join(problems) + "\n" + log

    def _leftovers(self):
        end = time.monotonic() + 2.0
        left = self.processes()
        while left and time.monotonic() < end:
            time.sleep(0.01)
            left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return [f"processes left behind: {left}"] if left else []


def run_once(*args, config=None, folder=None, stdin=None, env=None, timeout=20):
    """Runs the program to its end, as with -c or -vv; `config` is written to a file that is passed with -f."""
    argv = [program(), *args]
    if config is not None:
        path = os.path.join(str(folder), "lb.cfg")
        with open(path, "w", encoding="utf-8") as f:
            f.write(config)
        argv += ["-f", path]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
                          env=dict(os.environ, **(env or {})), cwd=folder)


NGINX = """daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; types {{ }} default_type application/octet-stream;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi; client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {dir}/www;
        {server}
    }}
}}
"""


class Nginx:
    """nginx as an origin: `server` is text for its server block, `files` {name: bytes} what its root holds."""

    def __init__(self, folder, server="location = / { return 200 \"hello\\n\"; }", files=None):
        self.dir, self.port = str(folder), free_port()
        os.makedirs(os.path.join(self.dir, "www"), exist_ok=True)
        os.chmod(self.dir, 0o755)
        for name, data in (files or {}).items():
            with open(os.path.join(self.dir, "www", name), "wb") as f:
                f.write(data)
        path = os.path.join(self.dir, "nginx.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(NGINX.format(dir=self.dir, port=self.port, server=server))
        self.process = subprocess.Popen([nginx_program(), "-c", path, "-p", self.dir, "-e", f"{self.dir}/error.log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: self.port in listening_ports(), 10, "nginx listening")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def nginx_program():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
