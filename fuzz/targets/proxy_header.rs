//! PROXY headers: any bytes, headers of version 2 whose length and checksum are right, and lines that are right altogether.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use onehop::listener::proxy_header::{Parsed, parse};

const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Beyond so many bytes not every cut is tried.
const ALL_CUTS: usize = 160;

pub fn check(bytes: &[u8]) {
    any(bytes);
    if let [version_and_command, family, block @ ..] = bytes {
        version_2(*version_and_command, *family, block);
    }
    if let Some((ends, rest)) = bytes.split_first_chunk::<36>() {
        lines(ends, rest);
    }
}

/// What holds of all bytes.
fn any(bytes: &[u8]) -> Parsed {
    let whole = parse(bytes);
    let shown = bytes.escape_ascii();
    let step = 1 + bytes.len() / ALL_CUTS;
    for length in (0..bytes.len()).step_by(step) {
        match parse(&bytes[..length]) {
            Parsed::Incomplete { more } => {
                assert!(more >= 1, "{length} of {shown}");
                if let Parsed::Header { consumed, .. } = whole {
                    assert!(length + more <= consumed, "{length} and {more} of {shown}");
                }
            }
            verdict => assert_eq!(verdict, whole, "{length} of {shown}"),
        }
    }
    let Parsed::Header { consumed, source } = whole else {
        return whole;
    };
    assert!(consumed <= bytes.len(), "{shown}");
    assert_eq!(parse(&bytes[..consumed]), whole, "{shown}");
    assert_eq!(parse(&bytes[..consumed - 1]), Parsed::Incomplete { more: 1 }, "{shown}");
    assert_eq!(read_as_told(bytes), consumed, "{shown}");
    if let Some(source) = source {
        assert_eq!(source.ip(), source.ip().to_canonical(), "{shown}");
    }
    let header = &bytes[..consumed];
    let expected = if header.starts_with(b"PROXY ") {
        source_of_line(header)
    } else {
        source_of_block(header)
    };
    assert_eq!(source, expected, "{shown}");
    whole
}

/// How much a reader has read of a header who reads no more than it is told to.
fn read_as_told(bytes: &[u8]) -> usize {
    let mut read = 0;
    while let Parsed::Incomplete { more } = parse(&bytes[..read]) {
        read += more;
    }
    read
}

/// The source of a line that is known to be right.
fn source_of_line(header: &[u8]) -> Option<SocketAddr> {
    assert!(header.len() <= 107);
    let line = str::from_utf8(header).expect("text").strip_suffix("\r\n");
    let line = line.expect("a whole line");
    assert!(!line.contains('\n'));
    let words: Vec<&str> = line.split(' ').collect();
    if words[1] == "UNKNOWN" {
        return None;
    }
    let [_, family, ip, destination, port, destination_port] = words[..] else {
        panic!("{} words", words.len());
    };
    for ip in [ip, destination] {
        match family {
            "TCP4" => assert!(ip.parse::<Ipv4Addr>().is_ok()),
            "TCP6" => assert!(ip.parse::<Ipv6Addr>().is_ok()),
            _ => panic!("{family}"),
        }
    }
    for port in [port, destination_port] {
        assert_eq!(port.parse::<u16>().expect("a port").to_string(), port);
    }
    let ip: IpAddr = ip.parse().expect("an address");
    Some(SocketAddr::new(ip.to_canonical(), port.parse().expect("a port")))
}

/// The source of a header of version 2 that is known to be right.
fn source_of_block(header: &[u8]) -> Option<SocketAddr> {
    let (start, block) = header.split_at(16);
    assert_eq!(&start[..12], V2_SIGNATURE);
    assert_eq!(usize::from(start[14]) << 8 | usize::from(start[15]), block.len());
    assert!(start[12] == 0x20 || start[12] == 0x21);
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    match (start[12], start[13]) {
        (0x21, 0x11) => {
            let ip = Ipv4Addr::new(block[0], block[1], block[2], block[3]);
            Some((ip, port(8)).into())
        }
        (0x21, 0x21) => {
            let ip: [u8; 16] = block[..16].try_into().expect("16 bytes");
            Some(SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), port(32)))
        }
        _ => None,
    }
}

/// A header whose length is right, and its checksum too if it has one; which is then changed.
fn version_2(version_and_command: u8, family: u8, block: &[u8]) {
    let Ok(length) = u16::try_from(block.len()) else { return };
    let mut header = [
        V2_SIGNATURE,
        &[version_and_command, family],
        &length.to_be_bytes(),
        block,
    ]
    .concat();
    let addresses = match family {
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        _ => block.len(),
    };
    let Some(at) = checksum(&header, 16 + addresses) else {
        any(&header);
        return;
    };
    header[at..at + 4].fill(0);
    let sum = crc32c(&header).to_be_bytes();
    header[at..at + 4].copy_from_slice(&sum);
    let right = any(&header);
    if let Parsed::Header { .. } = right
        && version_and_command == 0x21
    {
        let last = header.len() - 1;
        header[last] ^= 1;
        assert!(
            matches!(any(&header), Parsed::Malformed(_)),
            "{}",
            header.escape_ascii()
        );
    }
}

/// Where the value of the first checksum stands among the fields.
fn checksum(header: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let &[kind, high, low] = header.get(at..)?.first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind == 3 && length == 4 {
            return (at + 7 <= header.len()).then_some(at + 3);
        }
        at += 3 + length;
    }
}

/// CRC-32C by long division, most significant bit first.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut rest: u32 = !0;
    for byte in bytes {
        rest ^= u32::from(byte.reverse_bits()) << 24;
        for _ in 0..8 {
            let carries = rest >> 31 == 1;
            rest <<= 1;
            if carries {
                rest ^= 0x1EDC_6F41;
            }
        }
    }
    !rest.reverse_bits()
}

/// A line of version 1 for any addresses and ports is read as they are; what is behind it is not looked at.
fn lines(ends: &[u8; 36], behind: &[u8]) {
    let six = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&ends[at..at + 16]).expect("16 bytes"));
    let four = |at: usize| Ipv4Addr::new(ends[at], ends[at + 1], ends[at + 2], ends[at + 3]);
    let port = |at: usize| u16::from_be_bytes([ends[at], ends[at + 1]]);
    let (from, to) = (port(32), port(34));
    for (line, ip) in [
        (
            format!("PROXY TCP6 {} {} {from} {to}\r\n", six(0), six(16)),
            IpAddr::from(six(0)).to_canonical(),
        ),
        (
            format!("PROXY TCP4 {} {} {from} {to}\r\n", four(0), four(16)),
            four(0).into(),
        ),
    ] {
        let expected = Parsed::Header {
            consumed: line.len(),
            source: Some((ip, from).into()),
        };
        assert_eq!(any(&[line.as_bytes(), behind].concat()), expected, "{line}");
    }
}
