//! The visitor's address out of forwarding headers, held against a second reading of them.
//!
//! A seed's first byte chooses the header and the peer; its other lines are those of the header, as strangers and proxies
//! wrote them.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use onehop::{
    networks::{self, Networks},
    visitor::{
        RealIp, RealIpHeader,
        real_ip::{Because, MAX_HOPS},
    },
};

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"];
/// The first three are trusted.
const PEERS: [&str; 5] = [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "2001:db8:1::1",
    "198.51.100.9",
    "::ffff:198.51.100.9",
];
/// Neither trusted nor in any seed.
const VISITOR: &str = "203.0.113.213";

pub fn check(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let choice = usize::from(choice.wrapping_sub(b'a'));
    let headers = [
        RealIpHeader::XForwardedFor,
        RealIpHeader::Forwarded,
        RealIpHeader::Single(HeaderName::from_static("cf-connecting-ip")),
    ];
    let real_ip = RealIp {
        trusted: Networks::new(TRUSTED.map(|text| networks::parse(text).expect("a network"))),
        header: headers[choice % 3].clone(),
    };
    let peer: IpAddr = PEERS[choice / 3 % PEERS.len()].parse().expect("an address");
    let lines: Vec<&[u8]> = rest
        .split(|&byte| byte == b'\n')
        .filter(|line| HeaderValue::from_bytes(line).is_ok())
        .collect();

    let (ip, because) = decide(&real_ip, peer, &lines);
    let shown = || rest.escape_ascii();
    assert_eq!(ip, ip.to_canonical(), "{}", shown());
    assert_eq!(ip, real_ip.of(peer, (&header(&real_ip, &lines)).into()), "{}", shown());
    if !real_ip.trusted.contain(peer) {
        assert_eq!(
            (ip, because),
            (peer.to_canonical(), Because::PeerIsNoProxy),
            "{}",
            shown()
        );
        return;
    }
    match &real_ip.header {
        RealIpHeader::XForwardedFor => {
            assert_eq!((ip, because), walk(&real_ip, peer, &lines), "{}", shown());
            as_forwarded(&real_ip, peer, &lines);
        }
        RealIpHeader::Forwarded => forwarded(&real_ip, peer, &lines),
        RealIpHeader::Single(_) => {
            let only = match lines[..] {
                [only] => str::from_utf8(only.trim_ascii()).ok().and_then(address),
                _ => None,
            };
            assert_eq!(ip, only.unwrap_or(peer.to_canonical()), "{}", shown());
            return;
        }
    }
    match because {
        Because::FirstStranger => assert!(!real_ip.trusted.contain(ip), "{}", shown()),
        _ => assert!(real_ip.trusted.contain(ip), "{}", shown()),
    }
    appended(&real_ip, peer, &lines);
}

fn header(real_ip: &RealIp, lines: &[&[u8]]) -> HeaderMap {
    let name = real_ip.header.name().clone();
    let value = |line: &&[u8]| HeaderValue::from_bytes(line).expect("a value");
    lines.iter().map(|line| (name.clone(), value(line))).collect()
}

fn decide(real_ip: &RealIp, peer: IpAddr, lines: &[&[u8]]) -> (IpAddr, Because) {
    real_ip.decide(peer, (&header(real_ip, lines)).into())
}

/// An address in the words of the standard library, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    if text.contains('%') {
        return None;
    }
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok();
    let in_brackets = || format!("{text}:0").parse().ok().filter(|_| text.starts_with('['));
    bare.or_else(|| with_port().or_else(in_brackets).map(|at| at.ip()))
        .map(|ip| ip.to_canonical())
}

/// Elements of an `X-Forwarded-For`, the last one first; `None` is no address.
fn elements(lines: &[&[u8]]) -> Vec<Option<IpAddr>> {
    let whole = lines.join(&b","[..]);
    let mut elements: Vec<Option<IpAddr>> = whole
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(|element| str::from_utf8(element).ok().and_then(address))
        .collect();
    elements.reverse();
    elements
}

/// The first element that is none of a trusted proxy ends it.
fn walk(real_ip: &RealIp, peer: IpAddr, lines: &[&[u8]]) -> (IpAddr, Because) {
    let elements = elements(lines);
    let is_proxy = |element: &&Option<IpAddr>| element.is_some_and(|ip| real_ip.trusted.contain(ip));
    let proxies = elements.iter().take(MAX_HOPS).take_while(is_proxy).count();
    let last_proxy = match proxies {
        0 => peer.to_canonical(),
        some => elements[some - 1].expect("an address"),
    };
    match elements.get(proxies) {
        None if proxies == 0 => (last_proxy, Because::NothingIsSaid),
        None => (last_proxy, Because::AllAreProxies),
        Some(_) if proxies == MAX_HOPS => (last_proxy, Because::TooManyHops),
        Some(None) => (last_proxy, Because::EntryIsUnusable),
        Some(Some(stranger)) => (*stranger, Because::FirstStranger),
    }
}

/// The same chain in a `Forwarded`, each node quoted, means the same.
fn as_forwarded(real_ip: &RealIp, peer: IpAddr, lines: &[&[u8]]) {
    // Ports that stand for others are there alone.
    if lines.iter().any(|line| line.contains(&b'_')) {
        return;
    }
    let same = RealIp {
        header: RealIpHeader::Forwarded,
        ..real_ip.clone()
    };
    let quoted: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| {
            let mut out = Vec::new();
            for element in line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                if element.is_empty() {
                    out.extend_from_slice(b" , ");
                    continue;
                }
                out.extend_from_slice(b"proto=http;FOR=\"");
                for byte in element {
                    out.extend_from_slice(&[b'\\', *byte]);
                }
                out.extend_from_slice(b"\" ; by=\"a,for=192.0.2.1\",");
            }
            out
        })
        .collect();
    let quoted: Vec<&[u8]> = quoted.iter().map(Vec::as_slice).collect();
    let (is, should) = (decide(&same, peer, &quoted), decide(real_ip, peer, lines));
    assert_eq!(is, should, "{}", lines.join(&b"\n"[..]).escape_ascii());
}

/// Each line stands for itself: what follows a line that breaks the grammar has been read, what stands before it has not.
fn forwarded(real_ip: &RealIp, peer: IpAddr, lines: &[&[u8]]) {
    let Some((last, before)) = lines.split_last() else {
        return;
    };
    let (ip, because) = decide(real_ip, peer, &[last]);
    if !matches!(because, Because::AllAreProxies | Because::NothingIsSaid) {
        assert_eq!(decide(real_ip, peer, lines), (ip, because), "{before:?}");
    }
}

/// What a trusted proxy appends is the visitor, whatever a stranger wrote before.
fn appended(real_ip: &RealIp, peer: IpAddr, lines: &[&[u8]]) {
    let visitor: IpAddr = VISITOR.parse().expect("an address");
    let is_forwarded = real_ip.header == RealIpHeader::Forwarded;
    let own = if is_forwarded {
        format!("for={VISITOR}")
    } else {
        VISITOR.to_owned()
    };
    let of_its_own = [lines, &[own.as_bytes()]].concat();
    assert_eq!(decide(real_ip, peer, &of_its_own), (visitor, Because::FirstStranger));
    let Some((last, before)) = lines.split_last() else {
        return;
    };
    let appended = [last, b", ".as_slice(), own.as_bytes()].concat();
    let to_the_line = [before, &[&appended]].concat();
    let (ip, because) = decide(real_ip, peer, &to_the_line);
    // A line without its last quote says nothing any more.
    let is_broken = is_forwarded && because == Because::EntryIsUnusable && ip == peer.to_canonical();
    assert!(
        ip == visitor || is_broken,
        "{ip}, {because:?}: {}",
        appended.escape_ascii()
    );
}
