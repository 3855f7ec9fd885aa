"""Load of one cell on one server for some seconds, and what it cost the server."""
import functools, json, os, re, subprocess, urllib.request

import visitor
from servers import HERE, ROOT

CONNECTIONS = 32
HZ = os.sysconf("SC_CLK_TCK")
FIELDS = {**visitor.HEADERS, "X-Forwarded-For": visitor.IP}
strangers = 0


def run(command, **environment):
    """It inherits this script's core."""
    command = list(map(str, command))
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def wrk(url, seconds, connections=CONNECTIONS, **environment):
    fields = [word for name, value in FIELDS.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *fields, "-H", f"Host: {visitor.HOST}", "-s", HERE / "wrk.lua", url]
    told = json.loads(run(command, **environment).splitlines()[-1])
    if told["errors"]:
        raise SystemExit(f"{url}: {told['errors']} errors")
    return told


def plain(server, seconds):
    return wrk(f"http://127.0.0.1:{server.http}{visitor.TARGET}", seconds)


def tls(server, seconds):
    return wrk(f"https://127.0.0.1:{server.https}{visitor.TARGET}", seconds)


def miss(server, seconds, connections=CONNECTIONS):
    global strangers
    url = f"http://127.0.0.1:{server.http}{visitor.TARGET}"
    told = wrk(url, seconds, connections, NEXT=str(strangers), CLICK=visitor.CLICK)
    strangers += told["requests"] + connections
    return told


def h2load(server, *how):
    fields = [word for name, value in FIELDS.items() for word in ("-H", f"{name.lower()}: {value}")]
    command = ["h2load", "-t1", "-m1", *fields, "--connect-to", f"127.0.0.1:{server.https}", *how]
    told = run([*command, f"https://{visitor.HOST}:{server.https}{visitor.TARGET}"])
    done, failed = re.search(r"(\d+) succeeded, (\d+) failed", told).groups()
    redirects = re.search(r"(\d+) 3xx", told).group(1)
    if "Application protocol: h2" not in told or failed != "0" or not int(redirects) >= int(done) > 0:
        raise SystemExit(f"{server.name}: {told}")
    return int(done)


def http2(server, seconds):
    log = server.dir / "h2load.log"
    log.unlink(missing_ok=True)
    done = h2load(server, f"-c{CONNECTIONS}", f"-D{seconds}", f"--log-file={log}")
    with open(log) as lines:
        times = [int(line.split()[2]) / 1e6 for line in lines]
    return {"requests": done, "latency": visitor.percentiles(times)}


def handshakes(kind):
    def cell(server, seconds):
        return json.loads(run([built("handshakes"), server.https, kind, seconds, visitor.request().decode(), visitor.LOCATION]))

    return cell


full, resumed = handshakes("full"), handshakes("resumed")


@functools.cache
def built(example):
    """A program beside this one. `handshakes` is a load: Python's own would take so long for one that the server had nothing to do
    meanwhile. `relay` is the least that a miss can take."""
    what = ["cargo", "build", "--release", "--quiet", "--example", example, "--message-format=json"]
    said = subprocess.run(what, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = [json.loads(line) for line in said.splitlines()]
    return next(each["executable"] for each in told if each.get("executable"))


def calls(tracker):
    """How many requests the tracker has had."""
    with urllib.request.urlopen(f"http://127.0.0.1:{tracker.http}/calls") as answer:
        return int(answer.read().split()[9])


def measure(cell, server, tracker, seconds):
    """One round."""
    asked, before = calls(tracker), server.ticks()
    told = cell(server, seconds)
    user, system = (1e6 / HZ * (after - b) / told["requests"] for after, b in zip(server.ticks(), before))
    asked = calls(tracker) - asked - 1
    # Each miss is one call, but for those that the load has not waited for at its end, and hedges; a hit is none.
    wanted = told["requests"] if cell is miss else 0
    if not wanted <= asked <= wanted * 1.06 + CONNECTIONS:
        raise SystemExit(f"{server.name}: {asked} calls of the tracker for {told['requests']} requests")
    return {"user": user, "system": system, "cpu": user + system, "rate": told["requests"] / seconds, "latency": told["latency"]}
