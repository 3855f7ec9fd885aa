"""What is not of requests under load: memory, idle connections, starting, and the way that a miss takes."""
import atexit, os, statistics, subprocess, time

import load, visitor
from servers import CORE, OTHER, Server, free_ports

# What the tracker is asked.
CALL = "/api/click/create?user_ip=192.0.2.1"


def idle(name, tracker, count):
    """Bytes at rest, and for each idle connection that had its answer: plain, and through TLS."""
    told = {}
    for kind in ("plain", "tls"):
        # What one kind has given back would be room for the other.
        server, hit = Server(name, tracker.http), visitor.request()

        def connect():
            connection = visitor.Connection(*((server.https, visitor.tls()) if kind == "tls" else (server.http,)))
            connection.click(hit)
            return connection

        told["rest"] = server.memory()
        # What the first connections make once is not theirs.
        for _ in range(50):
            connect().close()
        time.sleep(1)
        before = server.memory()
        connections = [connect() for _ in range(count)]
        time.sleep(2)
        told[kind] = (server.memory() - before) / count
        for connection in connections:
            connection.close()
        server.stop()
    return told


def start(name, tracker, ip=visitor.IP):
    """Milliseconds from the program's start to its first redirect through TLS."""
    server, hit, context = Server(name, tracker.http, wait=False), visitor.request(ip), visitor.tls()
    while True:
        try:
            connection = visitor.Connection(server.https, context)
            break
        except OSError:
            if server.process.poll() is not None or time.perf_counter() - server.began > 30:
                raise SystemExit(f"{name} does not start:\n{(server.dir / 'said').read_text()}")
            time.sleep(0.0002)
    head = connection.ask(hit)
    took = time.perf_counter() - server.began
    visitor.check(head, wanted=ip == visitor.IP or name != "onehop")
    connection.close()
    server.stop()
    return took * 1000


def starts(name, tracker):
    """A start to the first answer that asks nobody, as a constant one does, and one to the first click. The edge asks nobody for a
    visitor who is from nowhere that its link wants; Lua asks for all."""
    told = {}
    if not name.startswith("lua"):
        told["took"] = start(name, tracker, visitor.UNWANTED)
    if name == "onehop" or name.startswith("lua"):
        told["click"] = start(name, tracker)
    return told


def way_of_misses(names, tracker, connections, rounds):
    """Microseconds that an answer of each server takes beyond the tracker's own, by the medians of rounds, with as many misses at a
    time as there are connections."""
    servers = {name: Server(name, tracker.http) for name in names}
    times = {name: [] for name in ["tracker", *servers]}
    for _ in range(rounds):
        told = load.wrk(f"http://127.0.0.1:{tracker.http}{CALL}", 1, connections)
        times["tracker"].append(told["latency"][0])
        for name, server in servers.items():
            times[name].append(load.miss(server, 1, connections)["latency"][0])
    for server in servers.values():
        server.stop()
    return beyond({name: 1000 * statistics.median(each) for name, each in times.items()})


def way_of_a_miss(names, tracker, count):
    """Microseconds that an answer of each server takes beyond the tracker's own, by the medians, on one connection each by turns;
    and one of a relay, which is the least that is to be had."""
    servers = {name: Server(name, tracker.http) for name in names}
    connections = {name: visitor.Connection(server.http) for name, server in servers.items()}
    call = visitor.request(target=CALL)
    relaying, connections["relay"] = relay(tracker, call)
    direct = visitor.Connection(tracker.http)
    times = {name: [] for name in ["tracker", *connections]}
    for number in range(count):
        began = time.perf_counter()
        direct.ask(call)
        times["tracker"].append(time.perf_counter() - began)
        hit = visitor.request(visitor.another(load.strangers + number))
        for name, connection in connections.items():
            began = time.perf_counter()
            connection.click(hit)
            times[name].append(time.perf_counter() - began)
    load.strangers += count
    relaying.kill()
    relaying.wait()
    for server in servers.values():
        server.stop()
    return beyond({name: 1e6 * statistics.median(each) for name, each in times.items()})


def beyond(medians):
    own = medians.pop("tracker")
    return {"tracker": own, **{name: median - own for name, median in medians.items()}}


def relay(tracker, call):
    """A relay on the servers' core, and a connection to it."""
    port = free_ports(1)[0]
    answer = f"HTTP/1.1 302 Found\r\nlocation: {visitor.LOCATION}content-length: 0\r\n\r\n"
    command = [load.built("relay"), port, tracker.http, call.decode(), answer]
    os.sched_setaffinity(0, {CORE})
    process = subprocess.Popen(list(map(str, command)))
    atexit.register(process.kill)
    os.sched_setaffinity(0, {OTHER})
    while process.poll() is None:
        try:
            return process, visitor.Connection(port)
        except OSError:
            time.sleep(0.01)
    raise SystemExit("the relay does not start")
