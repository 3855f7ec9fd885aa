//! What a call must hold before any offer is looked at. Which offers exist and what they answer is not decided here.

use super::answer::Answer;
use super::options::Key;
use super::query::Query;
use std::net::IpAddr;

/// A call that may be answered.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub offer_id: u64,
    pub campaign_id: u64,
    /// Canonical: an IPv4 address written as IPv6 is the same visitor.
    pub ip: IpAddr,
    pub user_agent: &'a [u8],
}

impl<'a> Call<'a> {
    /// The key comes first: a stranger learns nothing about the parameters.
    pub(super) fn read(query: &'a Query, key: &Key) -> Result<Self, Answer> {
        if !query.get("secure_key").is_some_and(|given| key.opens(given)) {
            return Err(Answer::access_denied());
        }
        let offer_id = id(query, "offer_id")?;
        let campaign_id = id(query, "campaign_id")?;
        // Checked, but no part of what makes two calls the same click.
        id(query, "promo_id")?;
        Ok(Self {
            offer_id,
            campaign_id,
            ip: field(query, "user_ip", ip)?,
            user_agent: field(query, "user_useragent", Some)?,
        })
    }
}

fn id(query: &Query, name: &'static str) -> Result<u64, Answer> {
    field(query, name, positive)
}

fn field<'a, T>(query: &'a Query, name: &'static str, read: impl Fn(&'a [u8]) -> Option<T>) -> Result<T, Answer> {
    query.get(name).and_then(read).ok_or_else(|| Answer::not_valid(name))
}

fn positive(value: &[u8]) -> Option<u64> {
    // Rust would also read "+5".
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = str::from_utf8(value).ok()?.parse().ok()?;
    (number > 0).then_some(number)
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    let ip: IpAddr = str::from_utf8(value).ok()?.parse().ok()?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "secure_key=k&offer_id=5306&campaign_id=816&promo_id=522&user_ip=192.0.2.7&user_useragent=UA%2F1+x%FF";

    /// The good call with one more parameter, which wins over the one before.
    fn refusal(change: &str) -> Option<Answer> {
        let query = Query::parse(&format!("{GOOD}&{change}"));
        Call::read(&query, &Key::new("k")).err()
    }

    #[test]
    fn a_good_call_is_read() {
        let query = Query::parse(GOOD);
        let expected = Call {
            offer_id: 5306,
            campaign_id: 816,
            ip: "192.0.2.7".parse().unwrap(),
            user_agent: b"UA/1 x\xff",
        };
        assert_eq!(Call::read(&query, &Key::new("k")), Ok(expected));
    }

    #[test]
    fn a_wrong_key_is_denied_before_anything_else() {
        for change in ["secure_key=", "secure_key=K", "secure_key=kk&offer_id=x"] {
            assert_eq!(refusal(change), Some(Answer::access_denied()), "{change}");
        }
        // Even a sandbox built with an empty key lets nobody in without one.
        for key in ["k", ""] {
            let query = Query::default();
            let denied = Err(Answer::access_denied());
            assert_eq!(Call::read(&query, &Key::new(key)), denied);
        }
    }

    #[test]
    fn ids_are_positive_integers() {
        for field in ["offer_id", "campaign_id", "promo_id"] {
            for bad in ["", "0", "-1", "%2B5", "1.5", "1e3", "abc", "5x", "%205"] {
                let expected = Some(Answer::not_valid(field));
                assert_eq!(refusal(&format!("{field}={bad}")), expected, "{bad}");
            }
            let long = "9".repeat(30);
            assert!(refusal(&format!("{field}={long}")).is_some());
            assert_eq!(refusal(&format!("{field}=1")), None);
        }
    }

    #[test]
    fn the_ip_must_be_one() {
        for bad in ["", "localhost", "1.2.3", "1.2.3.256", "1.2.3.4:80", "[::1]", "%FF"] {
            let expected = Some(Answer::not_valid("user_ip"));
            assert_eq!(refusal(&format!("user_ip={bad}")), expected, "{bad}");
        }
        for good in ["0.0.0.0", "2001:db8::1", "2001%3Adb8%3A%3A1"] {
            assert_eq!(refusal(&format!("user_ip={good}")), None, "{good}");
        }
    }

    #[test]
    fn a_mapped_ipv4_address_is_the_ipv4_address() {
        let query = Query::parse(&format!("{GOOD}&user_ip=::ffff:192.0.2.7"));
        let call = Call::read(&query, &Key::new("k")).unwrap();
        assert_eq!(call.ip, "192.0.2.7".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_user_agent_must_be_there() {
        let expected = Some(Answer::not_valid("user_useragent"));
        assert_eq!(refusal("user_useragent="), expected);
    }

    #[test]
    fn every_field_is_needed() {
        for field in ["offer_id", "campaign_id", "promo_id", "user_ip", "user_useragent"] {
            let query = Query::parse(&GOOD.replace(field, "other"));
            let read = Call::read(&query, &Key::new("k"));
            assert_eq!(read, Err(Answer::not_valid(field)));
        }
    }

    #[test]
    fn the_first_bad_field_is_named() {
        let expected = Some(Answer::not_valid("campaign_id"));
        assert_eq!(refusal("user_ip=x&promo_id=x&campaign_id=x"), expected);
    }
}
