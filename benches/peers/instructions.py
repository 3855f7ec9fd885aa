"""Instructions that a server takes for a request in user space, by callgrind: two loads of different length, the difference.

Starting, connecting and what is made once fall out of it. Valgrind knows no AVX-512 and no SHA instructions, so that all servers
take the ways that they have without them.
"""
import subprocess, time

import load, visitor
from servers import Server, run_quietly


def plain(server, count):
    connection, hit = visitor.Connection(server.http), visitor.request()
    for _ in range(count):
        connection.click(hit)
    connection.close()


def tls(server, count):
    connection, hit = visitor.Connection(server.https, visitor.tls()), visitor.request()
    for _ in range(count):
        connection.click(hit)
    connection.close()


def http2(server, count):
    load.h2load(server, "-c1", f"-n{count}")


def miss(server, count):
    connection = visitor.Connection(server.http)
    for number in range(load.strangers, load.strangers + count):
        connection.click(visitor.request(visitor.another(number)))
    load.strangers += count
    connection.close()


def full(server, count):
    visitor.new_connections(server.https, False, count)


def resumed(server, count):
    visitor.new_connections(server.https, True, count)


def start(name, tracker):
    under = ["valgrind", "--tool=callgrind", "--callgrind-out-file=counted"]
    return Server(name, tracker.http, under=under)


def control(server, option):
    run_quietly(["callgrind_control", option, server.process.pid], server.dir)


def count(server, cell, requests):
    cell(server, requests // 4)
    counts = []
    for number in (requests, 3 * requests):
        control(server, "-z")
        cell(server, number)
        for old in server.dir.glob("counted.*"):
            old.unlink()
        control(server, "-d")
        counts.append(total(server))
    return (counts[1] - counts[0]) / (2 * requests)


def total(server):
    for _ in range(300):
        for file in server.dir.glob("counted.*"):
            lines = [line for line in file.read_text().splitlines() if line.startswith("totals:")]
            if lines:
                return int(lines[0].split()[1])
        time.sleep(0.1)
    raise SystemExit(f"callgrind tells nothing of {server.name}")
