//! The header with which a load balancer says whom it speaks for: the PROXY protocol, versions 1 and 2.
//!
//! Owns the bytes of the header and nothing of the connection. Pure. Whether a peer may speak for others is not asked here:
//! who reads a header of a stranger believes a stranger.
//!
//! A parser of ours, since what could be had says "invalid" without a why, not how many bytes are certainly still the
//! header's, and takes addresses, commands and families that the specification refuses. The specification is `HAProxy`'s
//! `proxy-protocol.txt`, whose sections are named below.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// What a header of version 1 begins with (section 2.1).
const V1_SIGNATURE: &[u8] = b"PROXY ";
/// What a header of version 2 begins with (section 2.2). No request of HTTP and no record of TLS does.
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// `PROXY UNKNOWN\r\n`: bytes of the shortest header of either version.
const SHORTEST: usize = 15;
/// Bytes of the longest header of version 1, its line's end included (section 2.1).
const V1_LONGEST: usize = 107;
/// Bytes of version 2 before the addresses: the signature, version and command, family and transport, and a length.
const V2_START: usize = 16;
/// Bytes of a whole header of version 2. Balancers send their own and a client certificate's names, some hundreds; the
/// format's 64 KB would be memory for whoever connects.
const V2_LONGEST: usize = 4096;
/// The kind of a field of version 2 with a checksum (section 2.2.3).
const CRC32C: u8 = 0x03;
const CRC32C_BYTES: usize = 4;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header.
    Incomplete {
        /// At least so many bytes are still of the header, 1 or more: whoever reads no more than these reads nothing of the
        /// visitor's.
        more: usize,
    },
    /// A whole header.
    Header {
        /// Its bytes; what follows is the visitor's.
        consumed: usize,
        /// Whom the peer speaks for, an IPv4-mapped address as IPv4; `None` where it speaks for itself, or says not for
        /// whom: then the peer stands.
        source: Option<SocketAddr>,
    },
    /// No header; and why.
    Malformed(&'static str),
}

/// Looks at the first bytes of a connection, as many as there are. More bytes never change a verdict other than
/// [`Parsed::Incomplete`].
pub fn parse(bytes: &[u8]) -> Parsed {
    let parsed = if begins(bytes, V1_SIGNATURE) {
        version_1(bytes)
    } else if begins(bytes, V2_SIGNATURE) {
        version_2(bytes)
    } else {
        Err("it begins with no PROXY header")
    };
    parsed.unwrap_or_else(Parsed::Malformed)
}

/// Whether `bytes` are the signature and what follows it, or the beginning of the signature.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(a, b)| a == b)
}

/// `Err` says why it is no header.
type Verdict = Result<Parsed, &'static str>;

fn version_1(bytes: &[u8]) -> Verdict {
    let looked_at = &bytes[..bytes.len().min(V1_LONGEST)];
    let Some(end) = looked_at.iter().position(|&byte| byte == b'\n') else {
        if looked_at.len() == V1_LONGEST {
            return Err("its line is longer than 107 bytes");
        }
        let more = SHORTEST.saturating_sub(bytes.len());
        return Ok(Parsed::Incomplete {
            more: more.max(missing_of_line(bytes)),
        });
    };
    let line = looked_at[..end].strip_suffix(b"\r");
    let line = line.ok_or("its line ends with no carriage return")?;
    let line = str::from_utf8(line).map_err(|_| "its line is no text")?;
    let mut words = line.split(' ');
    let family = words.nth(1).unwrap_or_default();
    let source = match family {
        // What such a line says beyond is passed over (section 2.1).
        "UNKNOWN" => None,
        "TCP4" => Some(ends::<Ipv4Addr>(words)?),
        "TCP6" => Some(ends::<Ipv6Addr>(words)?),
        _ => return Err("its family is none of TCP4, TCP6 and UNKNOWN"),
    };
    Ok(Parsed::Header {
        consumed: end + 1,
        source,
    })
}

/// The source, of source and destination.
fn ends<'a, Ip: FromStr + Into<IpAddr>>(mut words: impl Iterator<Item = &'a str>) -> Result<SocketAddr, &'static str> {
    let mut address = || {
        let ip: Option<Ip> = words.next().and_then(|word| word.parse().ok());
        ip.ok_or("an address is none of its family")
    };
    let (source, _) = (address()?, address()?);
    let mut port = || port(words.next().unwrap_or_default()).ok_or("a port is none");
    let (source_port, _) = (port()?, port()?);
    if words.next().is_some() {
        return Err("its line goes on behind the ports");
    }
    Ok(SocketAddr::new(source.into().to_canonical(), source_port))
}

/// Digits alone, with no zero before others: what Rust reads as a number may have a sign and zeros.
fn port(word: &str) -> Option<u16> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| is_plain)
}

/// How many bytes at least a line of version 1 without its end still has.
fn missing_of_line(line: &[u8]) -> usize {
    if line.last() == Some(&b'\r') {
        return 1;
    }
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let shortest_address = match words.get(1) {
        Some(&b"TCP4") => "0.0.0.0".len(),
        Some(&b"TCP6") => "::".len(),
        _ => return "\r\n".len(),
    };
    let shortest = [shortest_address, shortest_address, "0".len(), "0".len()];
    let begun = words.len() - 2;
    let of_last = match (begun.checked_sub(1), words.last()) {
        (Some(last), Some(&b"")) => shortest.get(last).copied().unwrap_or(0),
        _ => 0,
    };
    let of_others: usize = shortest.iter().skip(begun).map(|shortest| " ".len() + shortest).sum();
    of_last + of_others + "\r\n".len()
}

fn version_2(bytes: &[u8]) -> Verdict {
    let Some((start, _)) = bytes.split_first_chunk::<V2_START>() else {
        // Until the signature is whole it might be cut off; version 1 has been told apart by its first byte.
        return Ok(Parsed::Incomplete {
            more: V2_START - bytes.len(),
        });
    };
    let [.., version_and_command, family, high, low] = *start;
    if version_and_command >> 4 != 2 {
        return Err("its version is not 2");
    }
    let total = V2_START + usize::from(u16::from_be_bytes([high, low]));
    if total > V2_LONGEST {
        return Err("it is longer than 4096 bytes");
    }
    let is_local = match version_and_command & 0xF {
        0 => true,
        1 => false,
        _ => return Err("its command is neither LOCAL nor PROXY"),
    };
    // All kinds that there are (section 2.2); those of datagrams are refused too: nothing that came over a stream is one.
    let addresses = match family {
        // The peer stands, and all behind the length is passed over: of a connection of the balancer's own, whatever the
        // family, and of one that it cannot describe.
        _ if is_local => None,
        0x00 => None,
        0x11 => Some(12),
        0x21 => Some(36),
        0x31 => Some(216),
        0x12 | 0x22 | 0x32 => return Err("it speaks for datagrams"),
        _ => return Err("its family and transport are no pair that there is"),
    };
    if addresses.is_some_and(|addresses| total < V2_START + addresses) {
        return Err("it is too short for its addresses");
    }
    let Some(header) = bytes.get(..total) else {
        return Ok(Parsed::Incomplete {
            more: total - bytes.len(),
        });
    };
    let mut source = None;
    if let Some(addresses) = addresses {
        source = source_of(family, &header[V2_START..]);
        fields(header, V2_START + addresses)?;
    }
    Ok(Parsed::Header {
        consumed: total,
        source,
    })
}

/// The source of an address block: source, destination, and their ports.
fn source_of(family: u8, block: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = match family {
        0x11 => (IpAddr::from(*block.first_chunk::<4>()?), block.get(8..10)?),
        0x21 => (IpAddr::from(*block.first_chunk::<16>()?), block.get(32..34)?),
        _ => return None,
    };
    let port = u16::from_be_bytes([port[0], port[1]]);
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// Walks the fields behind the addresses, each a kind, a length and a value (section 2.2.2). Of their values only a checksum
/// is looked at.
fn fields(header: &[u8], from: usize) -> Result<(), &'static str> {
    let mut at = from;
    let mut checksum = None;
    while at < header.len() {
        let &[kind, high, low] = header
            .get(at..)
            .and_then(<[u8]>::first_chunk::<3>)
            .ok_or("a field behind its addresses is cut off")?;
        let value = at + 3;
        let length = usize::from(u16::from_be_bytes([high, low]));
        at = value + length;
        if at > header.len() {
            return Err("a field behind its addresses is longer than the header");
        }
        if kind == CRC32C {
            if length != CRC32C_BYTES {
                return Err("its checksum has not four bytes");
            }
            if checksum.replace(value).is_some() {
                return Err("it has two checksums");
            }
        }
    }
    match checksum {
        Some(at) if !is_sound(header, at) => Err("its checksum is that of other bytes"),
        _ => Ok(()),
    }
}

/// Whether the checksum at `at` is that of the header, its own bytes taken as zeros (section 2.2.3).
fn is_sound(header: &[u8], at: usize) -> bool {
    let (before, rest) = header.split_at(at);
    let (said, behind) = rest.split_at(CRC32C_BYTES);
    let bytes = before.iter().chain(&[0; CRC32C_BYTES]).chain(behind);
    said == crc32c(bytes.copied()).to_be_bytes()
}

/// CRC-32C (RFC 3720, appendix B.4), bit by bit: at most 4 KB, once a connection, from the few who send one.
pub(super) fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82F6_3B78;
    !bytes.fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            let carry = (crc & 1) * REVERSED_POLYNOMIAL;
            (crc >> 1) ^ carry
        })
    })
}

#[cfg(test)]
#[path = "proxy_header_tests.rs"]
pub(super) mod tests;
