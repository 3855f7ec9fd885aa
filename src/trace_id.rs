//! The id of the trace that a request belongs to, as its client says it in `traceparent` (W3C Trace Context, section 3.2). A leaf.

use std::fmt;

/// What every version begins with: version, trace id, parent id and flags, with a dash between them.
const LENGTH: usize = 55;

/// Sixteen bytes that others chose; not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Reads the value of a `traceparent`. What is not written as the recommendation asks names no trace.
    pub fn of_traceparent(value: &[u8]) -> Option<Self> {
        let (known, later) = value.split_at_checked(LENGTH)?;
        let version = hex::<1>(known.get(..2)?)?;
        let trace = hex(known.get(3..35)?)?;
        let parent = hex::<8>(known.get(36..52)?)?;
        hex::<1>(known.get(53..)?)?;
        let has_dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        // A later version may have more behind another dash.
        let ends_well = match version {
            [0] => later.is_empty(),
            [0xff] => false,
            _ => later.first().is_none_or(|byte| *byte == b'-'),
        };
        (has_dashes && ends_well && trace != [0; 16] && parent != [0; 8]).then_some(Self(trace))
    }
}

/// Bytes out of hexadecimal digits, which are in lower case.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    (pairs.len() == N).then_some(bytes)
}

impl fmt::Display for TraceId {
    /// 32 hexadecimal digits, as they came.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn what_is_written_as_it_should_be_names_a_trace() {
        for value in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
            "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        ] {
            let id = TraceId::of_traceparent(value.as_bytes()).unwrap_or_else(|| panic!("{value}"));
            assert_eq!(id.to_string(), TRACE, "{value}");
        }
    }

    #[test]
    fn what_is_not_names_none() {
        for value in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bX-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0.",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\u{e9}",
        ] {
            assert_eq!(TraceId::of_traceparent(value.as_bytes()), None, "{value}");
        }
    }
}
