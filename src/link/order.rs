//! In which order a link's offers are tried.
//!
//! The weighted order is drawn by weighted rendezvous hashing: each offer gets a score of the visitor's and its own hash, and
//! the scores decide. So a visitor has the same order on every node and after every restart, without state; the first of the
//! order is drawn by weight, the second by weight among the others, and so on; and a changed weight moves only the visitors
//! whom that offer wins or loses.

use std::net::IpAddr;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How a link's offers follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they stand.
    Listed,
    /// As drawn for the visitor, with a ticket for each offer.
    Weighted(Box<[Ticket]>),
}

/// An offer's part in the draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What tells the offer from others, for ever: [`Ticket::identity`].
    pub identity: u64,
    /// Its share, in relation to those of the others; with 0 it comes after them.
    pub weight: u32,
    /// Whether it comes before all that have shares.
    pub first: bool,
}

impl Ticket {
    /// The identity of an offer by its tracker's name, its ids and its own name. `before` counts offers of the same link that
    /// are the same in all of these and stand before it.
    pub fn identity(tracker: &str, ids: [u64; 3], name: &str, before: u64) -> u64 {
        let mut bytes: SmallVec<[u8; 96]> = SmallVec::new();
        for number in ids.into_iter().chain([before]) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(tracker.as_bytes());
        // No UTF-8 text holds this byte.
        bytes.push(0xff);
        bytes.extend_from_slice(name.as_bytes());
        xxh3_64_with_seed(&bytes, 0)
    }
}

/// The numbers of offers in the order in which they are tried.
pub type Drawn = SmallVec<[u16; 16]>;

impl Order {
    /// The order of `offers` offers, 65,535 at most, for a visitor, who is an address and a User-Agent.
    pub fn draw(&self, offers: usize, ip: IpAddr, user_agent: &[u8]) -> Drawn {
        let listed = 0..u16::try_from(offers).expect("a configuration takes fewer offers for a link");
        let Self::Weighted(tickets) = self else {
            return listed.collect();
        };
        let visitor = visitor(ip, user_agent);
        let scored = tickets.iter().map(|ticket| score(visitor, *ticket));
        let mut drawn: SmallVec<[(f64, u16); 16]> = scored.zip(listed).collect();
        // Stable, so that those without a share keep their order.
        drawn.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        drawn.into_iter().map(|(_, number)| number).collect()
    }
}

fn visitor(ip: IpAddr, user_agent: &[u8]) -> u64 {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    xxh3_64_with_seed(user_agent, xxh3_64_with_seed(&ip.octets(), 0))
}

/// A draw from the exponential distribution whose rate is the weight: the least of several is each one's with the
/// probability of its share (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
///
/// The logarithm is of a library that computes it alike on every machine.
fn score(visitor: u64, ticket: Ticket) -> f64 {
    if ticket.first {
        return f64::NEG_INFINITY;
    }
    if ticket.weight == 0 {
        return f64::INFINITY;
    }
    let hash = xxh3_64_with_seed(&visitor.to_le_bytes(), ticket.identity);
    // 53 bits are exact; the half keeps zero out.
    #[expect(clippy::cast_precision_loss, reason = "the upper 53 bits alone are left")]
    let drawn = ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -libm::log(drawn) / f64::from(ticket.weight)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const BROWSER: &[u8] = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0";

    fn weighted(weights: &[u32]) -> Order {
        let ticket = |(number, &weight): (u64, &u32)| Ticket {
            identity: Ticket::identity("hoqu", [5306 + number, 816, 522], "", 0),
            weight,
            first: false,
        };
        Order::Weighted((0..).zip(weights).map(ticket).collect())
    }

    fn visitors(number: u32) -> impl Iterator<Item = IpAddr> {
        (0..number).map(|n| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + n)))
    }

    /// The share of each offer among the first of 100,000 orders.
    fn shares(order: &Order, offers: usize) -> Vec<f64> {
        let mut first = vec![0; offers];
        for ip in visitors(100_000) {
            first[usize::from(order.draw(offers, ip, BROWSER)[0])] += 1;
        }
        first.into_iter().map(|count| f64::from(count) / 100_000.0).collect()
    }

    #[test]
    fn visitors_are_drawn_by_weight() {
        for weights in [
            &[70, 30][..],
            &[5, 3, 2],
            &[1, 1, 1, 1],
            &[1, 0, 3],
            &[1_000_000, 1_000_000],
        ] {
            let sum: u32 = weights.iter().sum();
            let shares = shares(&weighted(weights), weights.len());
            for (share, weight) in shares.iter().zip(weights) {
                let expected = f64::from(*weight) / f64::from(sum);
                assert!((share - expected).abs() < 0.01, "{weights:?} {shares:?}");
            }
        }
    }

    #[test]
    fn the_second_is_drawn_by_weight_among_the_others() {
        let order = weighted(&[5, 3, 2]);
        let (mut after_first, mut of_them) = (0, 0);
        for ip in visitors(100_000) {
            let drawn = order.draw(3, ip, BROWSER);
            if drawn[0] == 0 {
                after_first += 1;
                of_them += i32::from(drawn[1] == 1);
            }
        }
        let share = f64::from(of_them) / f64::from(after_first);
        assert!((share - 0.6).abs() < 0.01, "{share}");
    }

    #[test]
    fn a_weight_of_zero_comes_last_in_listed_order() {
        let order = weighted(&[0, 1, 0, 1]);
        for ip in visitors(100) {
            let drawn = order.draw(4, ip, BROWSER);
            assert_eq!(drawn[2..], [0, 2]);
        }
        assert_eq!(Order::Listed.draw(3, [192, 0, 2, 1].into(), BROWSER)[..], [0, 1, 2]);
    }

    #[test]
    fn some_come_first_and_the_others_are_drawn_as_ever() {
        let mut order = weighted(&[5, 0, 2, 3]);
        let without = weighted(&[5, 0, 2, 3]);
        if let Order::Weighted(tickets) = &mut order {
            (tickets[3].first, tickets[1].first) = (true, true);
        }
        for ip in visitors(100) {
            let drawn = order.draw(4, ip, BROWSER);
            assert_eq!(drawn[..2], [1, 3]);
            let mut others = without.draw(4, ip, BROWSER);
            others.retain(|number| !matches!(number, 1 | 3));
            assert_eq!(drawn[2..], others[..]);
        }
    }

    #[test]
    fn an_offer_that_goes_moves_only_its_own_visitors() {
        let (three, mut two) = (weighted(&[5, 3, 2]), weighted(&[5, 3, 2]));
        if let Order::Weighted(tickets) = &mut two {
            *tickets = tickets[..2].into();
        }
        for ip in visitors(10_000) {
            let mut with = three.draw(3, ip, BROWSER);
            with.retain(|number| *number != 2);
            assert_eq!(with, two.draw(2, ip, BROWSER));
        }
    }

    #[test]
    fn a_greater_weight_only_wins_visitors() {
        let (before, after) = (weighted(&[5, 3, 2]), weighted(&[5, 3, 4]));
        let mut moved = 0;
        for ip in visitors(10_000) {
            let (before, after) = (before.draw(3, ip, BROWSER)[0], after.draw(3, ip, BROWSER)[0]);
            assert!(after == before || after == 2);
            moved += i32::from(after != before);
        }
        assert!((moved - 1333).abs() < 200, "from 20 % to 33 %: {moved}");
    }

    /// Computed by another program from the same definition. A change here sends visitors to other offers than yesterday, and to others than on a node that is not upgraded yet.
    #[test]
    fn a_visitors_order_is_for_ever() {
        let order = weighted(&[5, 3, 2, 0]);
        let table = [
            ("192.0.2.1", "Mozilla/5.0", [0, 2, 1, 3]),
            (
                "192.0.2.1",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [2, 0, 1, 3],
            ),
            ("192.0.2.2", "Mozilla/5.0", [0, 1, 2, 3]),
            (
                "192.0.2.2",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [0, 2, 1, 3],
            ),
            ("192.0.2.3", "Mozilla/5.0", [0, 1, 2, 3]),
            (
                "192.0.2.3",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [1, 2, 0, 3],
            ),
            ("198.51.100.77", "Mozilla/5.0", [0, 1, 2, 3]),
            (
                "198.51.100.77",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [0, 2, 1, 3],
            ),
            ("203.0.113.254", "Mozilla/5.0", [0, 1, 2, 3]),
            (
                "203.0.113.254",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [1, 2, 0, 3],
            ),
            ("2001:db8::1", "Mozilla/5.0", [0, 1, 2, 3]),
            (
                "2001:db8::1",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [1, 0, 2, 3],
            ),
            ("2001:db8:0:1::7", "Mozilla/5.0", [2, 1, 0, 3]),
            (
                "2001:db8:0:1::7",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
                [0, 2, 1, 3],
            ),
        ];
        for (ip, user_agent, expected) in table {
            let ip = ip.parse().expect("an address");
            assert_eq!(
                order.draw(4, ip, user_agent.as_bytes())[..],
                expected,
                "{ip} {user_agent}"
            );
        }
    }
}
