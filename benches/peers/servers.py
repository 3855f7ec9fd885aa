"""Starts the edge, its peers and the tracker, each with its configuration in conf/."""
import glob, os, shutil, signal, socket, subprocess, tempfile, time
from pathlib import Path

import visitor

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ONEHOP = os.path.abspath(os.environ.get("ONEHOP") or ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/onehop")
MODULES = next(iter(glob.glob("/usr/lib/nginx/modules") + glob.glob("/usr/lib/*/nginx/modules")), "")
# Debian keeps servers where only root's PATH leads.
os.environ["PATH"] += ":/usr/sbin:/sbin"

# The server's core, and the one that the load and the tracker share.
CORE, OTHER = 0, 1

# By name: configuration, words that it takes beside the common ones, what is to be there, and its Debian packages.
PEERS = {
    "onehop": ("onehop.toml", {}, [ONEHOP], ""),
    "nginx": ("constant.nginx.conf", {}, ["nginx"], "nginx-core"),
    "lua-socket": ("lua.nginx.conf", {"way": "socket"}, ["nginx", "lua"], "libnginx-mod-http-lua lua-cjson"),
    "lua-subrequest": ("lua.nginx.conf", {"way": "subrequest"}, ["nginx", "lua"], "libnginx-mod-http-lua lua-cjson"),
    "haproxy": ("haproxy.cfg", {}, ["haproxy"], "haproxy"),
    "caddy": ("Caddyfile", {}, ["caddy"], "caddy"),
}

RUNNING = []


def stop_all():
    for server in list(RUNNING):
        server.stop()


def is_there(need):
    if need == "lua":
        return (
            os.path.exists(f"{MODULES}/ngx_http_lua_module.so")
            and glob.glob("/usr/lib/*/lua/5.1/cjson.so")
            and os.path.exists("/usr/share/lua/5.1/resty/lrucache.lua")
        )
    return shutil.which(need)


def missing(name):
    """Debian packages to install for a peer, or nothing."""
    needs, packages = PEERS[name][2:]
    return None if all(map(is_there, needs)) else packages


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Server:
    """A running server, or with `under` one under valgrind: one process then, so that it can be counted.

    `more` are words of its configuration that are to be others."""

    def __init__(self, name, tracker=0, under=(), wait=True, cores=1, **more):
        self.name = name
        self.under = bool(under)
        self.dir = Path(tempfile.mkdtemp(prefix=f"peers-{name}-"))
        self.http, self.https, admin = free_ports(3)
        configuration, words = ("tracker.nginx.conf", {}) if name == "tracker" else PEERS[name][:2]
        (self.dir / "certs").mkdir()
        for ending in ("crt", "key"):
            shutil.copy(ROOT / f"certs/localhost.{ending}", self.dir / "certs")
        crt, key = self.dir / "certs/localhost.crt", self.dir / "certs/localhost.key"
        pem = self.dir / "localhost.pem"
        pem.write_bytes(crt.read_bytes() + key.read_bytes())
        text = (HERE / "conf" / configuration).read_text()
        words = {
            **words, "http": self.http, "https": self.https, "admin": admin, "tracker": tracker, "dir": self.dir,
            "crt": crt, "key": key, "pem": pem, "places": ROOT / "geoip/sandbox.mmdb", "modules": MODULES,
            "conf": HERE / "conf", "click": visitor.CLICK, "connections": 10_000, "entries": 1_000_000,
            "deadline": "2s", "ttl": "5m", "keep_alive": "1m", **more,
        }  # fmt: skip
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        if name == "onehop":
            text += "".join(OTHER_LINK.format(number=number) for number in range(1, 10))
        self.file = self.dir / configuration
        self.file.write_text(text)
        environment = {**os.environ, "TOKIO_WORKER_THREADS": str(cores), "GOMAXPROCS": str(cores)}
        environment.pop("OPENSSL_CONF")
        environment |= {"HOME": str(self.dir), "XDG_DATA_HOME": str(self.dir), "XDG_CONFIG_HOME": str(self.dir)}
        self.said = open(self.dir / "said", "wb")
        # What is started inherits the core.
        os.sched_setaffinity(0, {OTHER} if name == "tracker" else set(range(CORE, CORE + cores)))
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [*under, *self.program()],
            env=environment,
            cwd=self.dir,
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=self.said,
        )
        os.sched_setaffinity(0, {OTHER})
        RUNNING.append(self)
        if wait:
            self.wait()

    def program(self):
        if self.name == "onehop":
            return [ONEHOP, "run", "-c", self.file]
        if self.name == "haproxy":
            return ["haproxy", "-db", "-f", self.file]
        if self.name == "caddy":
            return ["caddy", "run", "--adapter", "caddyfile", "--config", self.file]
        one = " master_process off;" if self.under else ""
        return ["nginx", "-e", "stderr", "-p", self.dir, "-c", self.file, "-g", f"daemon off;{one}"]

    def wait(self):
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            try:
                connection = visitor.Connection(self.http)
                if self.name != "tracker":
                    connection.click(visitor.request())
                    visitor.check_cipher(self.https)
                return connection.close()
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{self.name} does not start:\n{(self.dir / 'said').read_text()}")

    def pids(self):
        """The process and all below it."""
        found, ahead = [], [self.process.pid]
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            for children in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(children) as file:
                    ahead += map(int, file.read().split())
        return found

    def ticks(self):
        """Processor time so far: of the program's own code, and of the kernel for it."""
        user = system = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user, system

    def memory(self):
        """Bytes of memory that are its own, or its part of what is shared."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        return total * 1024

    def stop(self):
        RUNNING.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.said.close()
        shutil.rmtree(self.dir, ignore_errors=True)


OTHER_LINK = """
[[link]]
at = "localhost/other-{number}"
[[link.offer]]
offer_id = {number}
campaign_id = 816
promo_id = 522
traffic_url = "https://advertiser.example/?click_id={{click_id}}"
"""


def run_quietly(command, directory):
    done = subprocess.run(list(map(str, command)), cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
