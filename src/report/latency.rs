//! How long hits took: percentiles of any number of them, to within a twentieth.

/// Eight of them double.
const PER_DOUBLING: f64 = 8.0;
/// From a microsecond to some 18 minutes.
const BUCKETS: usize = 240;

/// Times, counted by their size.
#[derive(Debug, Default)]
pub(super) struct Latency(Option<Box<[u32; BUCKETS]>>);

impl Latency {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is held between the ends"
    )]
    pub(super) fn add(&mut self, ms: f64) {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let last = (BUCKETS - 1) as f64;
        let bucket = ((ms * 1000.0).max(1.0).log2() * PER_DOUBLING).clamp(0.0, last) as usize;
        let counts = self.0.get_or_insert_with(|| Box::new([0; BUCKETS]));
        counts[bucket] = counts[bucket].saturating_add(1);
    }

    /// Milliseconds within which that share of all ended.
    #[expect(clippy::cast_precision_loss, reason = "small numbers, and a share")]
    pub(super) fn percentile(&self, share: f64) -> Option<f64> {
        let counts = self.0.as_deref()?;
        let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let wanted = share * all as f64;
        let mut sum = 0;
        let bucket = counts.iter().position(|count| {
            sum += u64::from(*count);
            sum as f64 >= wanted
        })?;
        Some(2_f64.powf((bucket as f64 + 0.5) / PER_DOUBLING) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentile(0.5), None);
        for ms in 1..=1000 {
            latency.add(f64::from(ms));
        }
        for (share, ms) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = latency.percentile(share).expect("there are some");
            assert!((found / ms - 1.0).abs() < 0.05, "{found} {ms}");
        }
        let mut ends = Latency::default();
        for ms in [0.0, 1e12, f64::NAN] {
            ends.add(ms);
        }
        assert!(ends.percentile(0.1).is_some_and(|ms| ms < 0.002));
        assert!(ends.percentile(1.0).is_some_and(|ms| ms > 1e5));
    }
}
