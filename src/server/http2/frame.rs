//! Frames as they stand on the wire (RFC 9113, sections 4 and 6): their header, and how those are written that the edge sends.
//!
//! Not owned: what a frame means (`session`), and what a head holds (`hpack`, `answer`).

/// What a client sends before its first frame (section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(super) const HEADER_BYTES: usize = 9;
/// The longest frame that either side takes unless it says otherwise, which the edge does not (section 6.5.2).
pub(super) const MOST_BYTES: usize = 16_384;
/// The largest window, and the largest stream (sections 6.9.1 and 5.1.1).
pub(super) const MOST: u32 = u32::MAX >> 1;

pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const PRIORITY: u8 = 0x2;
pub(super) const RST_STREAM: u8 = 0x3;
pub(super) const SETTINGS: u8 = 0x4;
pub(super) const PUSH_PROMISE: u8 = 0x5;
pub(super) const PING: u8 = 0x6;
pub(super) const GOAWAY: u8 = 0x7;
pub(super) const WINDOW_UPDATE: u8 = 0x8;
pub(super) const CONTINUATION: u8 = 0x9;

/// Of DATA and HEADERS.
pub(super) const END_STREAM: u8 = 0x1;
/// Of SETTINGS and PING.
pub(super) const ACK: u8 = 0x1;
/// Of HEADERS and CONTINUATION.
pub(super) const END_HEADERS: u8 = 0x4;
/// Of DATA and HEADERS.
pub(super) const PADDED: u8 = 0x8;
/// Of HEADERS.
pub(super) const HAS_PRIORITY: u8 = 0x20;

/// Settings (section 6.5.2).
pub(super) const HEADER_TABLE_SIZE: u16 = 0x1;
pub(super) const ENABLE_PUSH: u16 = 0x2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 0x4;
pub(super) const MAX_FRAME_SIZE: u16 = 0x5;
pub(super) const MAX_HEADER_LIST_SIZE: u16 = 0x6;

/// Why a stream or a connection ends (section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NoError = 0x0,
    Protocol = 0x1,
    FlowControl = 0x3,
    StreamClosed = 0x5,
    FrameSize = 0x6,
    RefusedStream = 0x7,
    Compression = 0x9,
    EnhanceYourCalm = 0xb,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Header {
    pub(super) fn read(bytes: [u8; HEADER_BYTES]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        Self {
            length: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & MOST,
        }
    }

    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn written(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let (first, stream) = out.split_at_mut(5);
        first.copy_from_slice(&(self.length << 16).to_be_bytes()[3..]);
        first[3..].copy_from_slice(&[self.kind, self.flags]);
        stream.copy_from_slice(&self.stream.to_be_bytes());
        out
    }
}

/// Writes a frame.
pub(super) fn write(kind: u8, flags: u8, stream: u32, holds: &[u8], out: &mut Vec<u8>) {
    let header = Header {
        length: holds.len(),
        kind,
        flags,
        stream,
    };
    out.extend_from_slice(&header.written());
    out.extend_from_slice(holds);
}

pub(super) fn write_settings(settings: &[(u16, u32)], out: &mut Vec<u8>) {
    let holds: Vec<u8> = settings
        .iter()
        .flat_map(|(name, value)| name.to_be_bytes().into_iter().chain(value.to_be_bytes()))
        .collect();
    write(SETTINGS, 0, 0, &holds, out);
}

pub(super) fn write_reset(stream: u32, code: Code, out: &mut Vec<u8>) {
    write(RST_STREAM, 0, stream, &(code as u32).to_be_bytes(), out);
}

pub(super) fn write_window_update(stream: u32, by: u32, out: &mut Vec<u8>) {
    write(WINDOW_UPDATE, 0, stream, &by.to_be_bytes(), out);
}

/// `last` is the newest stream that was or will be served.
pub(super) fn write_goaway(last: u32, code: Code, out: &mut Vec<u8>) {
    let holds = u64::from(last) << 32 | u64::from(code as u32);
    write(GOAWAY, 0, 0, &holds.to_be_bytes(), out);
}

/// Takes the padding away from what a frame of DATA or HEADERS holds (sections 6.1 and 6.2).
pub(super) fn unpadded(header: Header, holds: &[u8]) -> Result<&[u8], Code> {
    if !header.has(PADDED) {
        return Ok(holds);
    }
    let (padding, holds) = holds.split_first().ok_or(Code::FrameSize)?;
    let length = holds.len().checked_sub(usize::from(*padding)).ok_or(Code::Protocol)?;
    Ok(&holds[..length])
}

/// The stream that another depends on (RFC 7540, section 6.3).
pub(super) fn depends([a, b, c, d, _]: [u8; 5]) -> u32 {
    u32::from_be_bytes([a, b, c, d]) & MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_is_written() {
        let mut out = Vec::new();
        write(HEADERS, END_HEADERS, 7, &[1; 0x102], &mut out);
        assert_eq!(out[..HEADER_BYTES], [0, 1, 2, 1, 4, 0, 0, 0, 7]);
        out[5] |= 0x80;
        let header = Header::read(*out.first_chunk().expect("a header"));
        let expected = Header {
            length: 0x102,
            kind: HEADERS,
            flags: END_HEADERS,
            stream: 7,
        };
        assert_eq!(header, expected, "the reserved bit is nobody's");
    }

    #[test]
    fn padding_is_within_the_frame() {
        let of = |flags, holds| {
            let header = Header {
                length: 0,
                kind: DATA,
                flags,
                stream: 1,
            };
            unpadded(header, holds)
        };
        assert_eq!(of(0, &[2, 3]), Ok(&[2, 3][..]));
        assert_eq!(of(PADDED, &[1, 3, 0]), Ok(&[3][..]));
        assert_eq!(of(PADDED, &[2, 3, 0]), Ok(&[][..]));
        assert_eq!(of(PADDED, &[3, 3, 0]), Err(Code::Protocol));
        assert_eq!(of(PADDED, &[]), Err(Code::FrameSize));
    }
}
