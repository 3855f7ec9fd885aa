//! How many different ones there were, of any number.
//!
//! Exact as long as there is room to remember them, which all rows of a report share; then estimated, by the way that Flajolet and
//! others gave (`HyperLogLog`, 2007). What was counted exactly until then goes into the estimate.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

/// So many hashes are remembered in all; each takes some 18 bytes.
const REMEMBERED: usize = 4_000_000;
/// What one row remembers whatever the others do.
const FREE: usize = 256;
/// 2^12 registers of one byte: a standard error of 1.04 / 2^6, or 1.6 %.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;

/// How many hashes may still be remembered.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(REMEMBERED)
    }
}

#[cfg(test)]
impl Budget {
    pub(super) fn of(left: usize) -> Self {
        Self(left)
    }
}

/// A number, and whether it is one that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub number: u64,
    /// Whether it is estimated, to within some hundredths.
    pub is_estimate: bool,
}

/// Different texts.
#[derive(Debug)]
pub(super) enum Distinct {
    Exact(HashSet<u64>),
    Estimated(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(HashSet::new())
    }
}

impl Distinct {
    /// Counts a text by its hash.
    pub(super) fn add(&mut self, hash: u64, budget: &mut Budget) {
        match self {
            Self::Exact(hashes) => {
                if hashes.contains(&hash) {
                    return;
                }
                if hashes.len() >= FREE {
                    if budget.0 == 0 {
                        let mut registers = Box::new([0; REGISTERS]);
                        for hash in hashes.iter().copied().chain([hash]) {
                            register(&mut registers, hash);
                        }
                        budget.0 += hashes.len() - FREE;
                        *self = Self::Estimated(registers);
                        return;
                    }
                    budget.0 -= 1;
                }
                hashes.insert(hash);
            }
            Self::Estimated(registers) => register(registers, hash),
        }
    }

    pub(super) fn count(&self) -> Count {
        match self {
            Self::Exact(hashes) => Count {
                number: hashes.len() as u64,
                is_estimate: false,
            },
            Self::Estimated(registers) => Count {
                number: estimate(registers),
                is_estimate: true,
            },
        }
    }
}

/// The hash by which a text is counted.
pub(super) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

fn register(registers: &mut [u8; REGISTERS], hash: u64) {
    let number = usize::try_from(hash >> (64 - PRECISION)).expect("twelve bits");
    // The bit behind the rest ends a row of zeros that goes to its end.
    let rest = hash << PRECISION | 1 << (PRECISION - 1);
    let zeros = u8::try_from(rest.leading_zeros()).expect("below 64");
    registers[number] = registers[number].max(zeros + 1);
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate"
)]
fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let all = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|zeros| 2_f64.powi(-i32::from(*zeros))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / all) * all * all / sum;
    let empty: usize = registers.iter().map(|zeros| usize::from(*zeros == 0)).sum();
    let better = if raw <= 2.5 * all && empty > 0 {
        all * (all / empty as f64).ln()
    } else {
        raw
    };
    better.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_while_there_is_room_and_near_beyond() {
        let mut budget = Budget::of(1_000);
        let mut counted = Distinct::default();
        let mut other = Distinct::default();
        for number in 0..1_256_u64 {
            for _ in 0..2 {
                counted.add(hash(&number.to_string()), &mut budget);
            }
        }
        let exact = |number| Count {
            number,
            is_estimate: false,
        };
        assert_eq!(counted.count(), exact(1_256));
        for number in 0..FREE {
            other.add(hash(&number.to_string()), &mut budget);
        }
        assert_eq!(other.count(), exact(256));
        for last in [10_000_u64, 100_000, 1_000_000] {
            for number in 0..last {
                counted.add(hash(&number.to_string()), &mut budget);
            }
            let Count { number, is_estimate } = counted.count();
            assert!(is_estimate);
            assert!(number.abs_diff(last) * 20 < last, "{number} of {last}");
        }
        // What one has given back another has.
        for number in 0..1_000 {
            other.add(hash(&number.to_string()), &mut budget);
        }
        assert_eq!(other.count(), exact(1_000));
    }
}
