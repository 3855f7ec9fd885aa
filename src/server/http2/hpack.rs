//! HPACK, read (RFC 7541): from a block of a connection's to the fields that it stands for.
//!
//! Not owned: what a field means and how many are too many (`fields`), and what the tables hold (`table`).

use super::{
    fields::{Fields, Kind},
    huffman,
    table::{Entry, Table},
};

/// More bytes behind its prefix no number of a client's has.
const NUMBER_BYTES: u32 = 4;

/// A block that is none: the connection's state of compression is lost with it (RFC 9113, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// What a connection's blocks are read with.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Table,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { table: Table::new() }
    }

    /// Reads a whole block (section 6).
    pub(super) fn read(&mut self, mut block: &[u8], fields: &mut Fields) -> Result<(), Broken> {
        let mut is_first = true;
        while let Some(&byte) = block.first() {
            match byte {
                0x80.. => {
                    let index = number(7, &mut block)?;
                    fields.add(self.table.get(index).ok_or(Broken)?);
                }
                0x40.. => {
                    let literal = self.literal(6, &mut block, fields)?;
                    self.table.insert(fields.entry(literal));
                    fields.take(literal);
                }
                // Updates of the size come before all fields (section 4.2).
                0x20.. => {
                    let most = number(5, &mut block)?;
                    if !is_first || !self.table.resize(most) {
                        return Err(Broken);
                    }
                    continue;
                }
                // To be indexed never, or not now.
                _ => {
                    let literal = self.literal(4, &mut block, fields)?;
                    fields.take(literal);
                }
            }
            is_first = false;
        }
        Ok(())
    }

    /// Reads a literal to where `fields` ends.
    fn literal(&self, prefix: u32, block: &mut &[u8], fields: &mut Fields) -> Result<Literal, Broken> {
        let index = number(prefix, block)?;
        let name = fields.names.len();
        if index == 0 {
            string(block, &mut fields.names)?;
        } else {
            let Entry { name, .. } = self.table.get(index).ok_or(Broken)?;
            fields.names.extend_from_slice(name);
        }
        let value = fields.values.len();
        string(block, &mut fields.values)?;
        let kind = Kind::of(&fields.names[name..], &fields.values[value..]);
        Ok(Literal { kind, name, value })
    }
}

/// A field that has been read to the end of what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    pub(super) kind: Kind,
    /// Where its name begins.
    pub(super) name: usize,
    /// Where its value begins.
    pub(super) value: usize,
}

/// A number behind a prefix of so many bits (section 5.1).
fn number(prefix: u32, block: &mut &[u8]) -> Result<usize, Broken> {
    let (first, rest) = block.split_first().ok_or(Broken)?;
    *block = rest;
    let most = (1 << prefix) - 1;
    let mut number = usize::from(*first) & most;
    if number < most {
        return Ok(number);
    }
    for nth in 0..NUMBER_BYTES {
        let (byte, rest) = block.split_first().ok_or(Broken)?;
        *block = rest;
        number += usize::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Broken)
}

/// A string (section 5.2), behind what there is.
fn string(block: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let is_huffman = *block.first().ok_or(Broken)? & 0x80 != 0;
    let length = number(7, block)?;
    let (string, rest) = block.split_at_checked(length).ok_or(Broken)?;
    *block = rest;
    if is_huffman {
        return huffman::decode(string, out).ok_or(Broken);
    }
    out.extend_from_slice(string);
    Ok(())
}

#[cfg(test)]
#[path = "hpack_tests.rs"]
mod tests;
