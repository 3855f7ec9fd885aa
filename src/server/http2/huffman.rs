//! The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B), read only: answers are written plain.
//!
//! The code is canonical, so that the lengths of its words are all there is to know. Words of up to eight bits, which text is
//! made of, are looked up; longer ones are found by their length.

/// The length of each symbol's word in bits; the last is the end of a string, which never stands in one.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const LONGEST: usize = 30;
const END: u16 = 256;
/// Bits that are looked up at once.
const SHORT: u32 = 8;

/// A symbol and the length of its word.
type Word = (u16, u8);

struct Code {
    /// By the next eight bits; a length of zero where the word is longer.
    short: [Word; 1 << SHORT],
    /// Every symbol, by its word.
    sorted: [u16; LENGTHS.len()],
    /// By length: the first word, its place in `sorted`, and where longer words begin; words are aligned to the left.
    first: [u32; LONGEST + 1],
    place: [u16; LONGEST + 1],
    beyond: [u64; LONGEST + 1],
}

static CODE: Code = code();

#[expect(clippy::cast_possible_truncation, reason = "symbols and lengths are small")]
const fn code() -> Code {
    let mut code = Code {
        short: [(0, 0); 1 << SHORT],
        sorted: [0; LENGTHS.len()],
        first: [0; LONGEST + 1],
        place: [0; LONGEST + 1],
        beyond: [0; LONGEST + 1],
    };
    let (mut next, mut placed, mut length) = (0_u64, 0, 1);
    while length <= LONGEST {
        let one = 1_u64 << (32 - length);
        code.first[length] = next as u32;
        code.place[length] = placed as u16;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                code.sorted[placed] = symbol as u16;
                placed += 1;
                let mut filled = 0;
                while length <= SHORT as usize && filled < 1 << (SHORT as usize - length) {
                    code.short[(next >> (32 - SHORT)) as usize + filled] = (symbol as u16, length as u8);
                    filled += 1;
                }
                next += one;
            }
            symbol += 1;
        }
        code.beyond[length] = next;
        length += 1;
    }
    code
}

/// Decodes a string behind what there is. `None` when it is none: with an end in it, or padded by more than seven bits or by
/// others than ones.
pub(super) fn decode(mut coded: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // No word is shorter than five bits.
    out.reserve(coded.len() * 8 / 5);
    // Bits that are not read yet, aligned to the left.
    let (mut bits, mut count) = (0_u64, 0_u32);
    loop {
        if count < 32 {
            if let Some((four, rest)) = coded.split_first_chunk() {
                bits |= u64::from(u32::from_be_bytes(*four)) << (32 - count);
                count += 32;
                coded = rest;
            } else {
                for byte in coded {
                    bits |= u64::from(*byte) << (56 - count);
                    count += 8;
                }
                coded = &[];
            }
        }
        let mut word = CODE.short[(bits >> (64 - SHORT)) as usize];
        if word.1 == 0 {
            word = long(bits);
        }
        let (symbol, length) = (word.0, u32::from(word.1));
        if length > count {
            // All ones are the beginning of no short word, and of the end alone.
            let padding = bits | u64::MAX >> count;
            return (count < 8 && padding == u64::MAX).then_some(());
        }
        if symbol == END {
            return None;
        }
        out.push(symbol.to_le_bytes()[0]);
        bits <<= length;
        count -= length;
    }
}

#[cold]
fn long(bits: u64) -> Word {
    let bits = bits >> 32;
    let length = (usize::try_from(SHORT).unwrap_or(8)..LONGEST).find(|length| bits < CODE.beyond[*length]);
    let length = length.unwrap_or(LONGEST);
    let nth = (bits - u64::from(CODE.first[length])) >> (32 - length);
    let at = usize::from(CODE.place[length]) + usize::try_from(nth).unwrap_or(0);
    (CODE.sorted[at], u8::try_from(length).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each symbol's word, aligned to the right.
    fn words() -> Vec<(u64, u32)> {
        let mut words = vec![(0, 0); LENGTHS.len()];
        let mut next = 0;
        let mut before = 0;
        for symbol in CODE.sorted {
            let length = u32::from(LENGTHS[usize::from(symbol)]);
            next <<= length - before;
            before = length;
            words[usize::from(symbol)] = (next, length);
            next += 1;
        }
        words
    }

    fn encoded(plain: &[u8], padding: u8) -> Vec<u8> {
        let words = words();
        let mut bits: Vec<bool> = Vec::new();
        for byte in plain {
            let (word, length) = words[usize::from(*byte)];
            bits.extend((0..length).rev().map(|bit| word >> bit & 1 == 1));
        }
        while !bits.len().is_multiple_of(8) {
            bits.push(padding >> (7 - bits.len() % 8) & 1 == 1);
        }
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        bits.chunks(8).map(byte).collect()
    }

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        decode(coded, &mut out)?;
        Some(out.split_off(6))
    }

    /// RFC 7541, appendix C.4 and C.6.
    #[test]
    fn examples_of_the_rfc() {
        for (coded, plain) in [
            (
                &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
                "www.example.com",
            ),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f", "custom-key"),
            (b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", "custom-value"),
            (b"\x64\x02", "302"),
            (b"\xae\xc3\x77\x1a\x4b", "private"),
            (
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
                "Mon, 21 Oct 2013 20:13:21 GMT",
            ),
            (
                b"\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3",
                "https://www.example.com",
            ),
            (b"", ""),
        ] {
            assert_eq!(decoded(coded).as_deref(), Some(plain.as_bytes()), "{plain}");
            assert_eq!(encoded(plain.as_bytes(), 0xff), coded, "{plain}");
        }
        assert_eq!(words()[usize::from(END)], (0x3fff_ffff, 30));
    }

    #[test]
    fn wrong_padding_is_no_string() {
        // Eight bits of it, and more.
        assert_eq!(decoded(b"\xff"), None);
        assert_eq!(decoded(b"\x64\x02\xff"), None);
        assert_eq!(decoded(b"\x64\x02\xff\xff\xff\xff"), None);
        // Zeros.
        assert_eq!(decoded(&encoded(b"a", 0)), None);
        assert_eq!(decoded(&encoded(b"a", 0xfe)), None);
        // The end, in a string and alone.
        assert_eq!(decoded(b"\xff\xff\xff\xff"), None);
        assert_eq!(decoded(b"\x64\x02\xff\xff\xff\xff\x64\x02"), None);
        // A word cut short.
        assert_eq!(decoded(&encoded(b"\0\0", 0xff)[..3]), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(plain in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encoded(&plain, 0xff)), Some(plain));
        }

        /// Whatever is a string is the only way to write it.
        #[test]
        fn what_is_decoded_is_encoded_so(coded in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(plain) = decoded(&coded) {
                prop_assert_eq!(encoded(&plain, 0xff), coded);
            }
        }
    }
}
