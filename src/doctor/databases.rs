//! Databases of places: how long ago they were built, and whether they are for real visitors.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Check, Finding, Mark, count};

/// Networks move: the free databases are renewed monthly or more often.
const OLD_DAYS: u64 = 30;
/// The type of `geoip/sandbox.mmdb`, as that file says it itself.
const SANDBOX: &str = "onehop-Sandbox";

/// A database that is loaded.
#[derive(Clone, Debug)]
pub struct DatabaseOf {
    /// Its key in the configuration.
    pub key: &'static str,
    /// Its file.
    pub path: PathBuf,
    /// Its type, as it says itself.
    pub kind: String,
    /// When it was built, in seconds since 1970.
    pub built: u64,
}

/// How old they are, and whether one is the sandbox's.
pub fn databases(all: &[DatabaseOf], now: SystemTime) -> Vec<Finding> {
    all.iter().map(|database| age(database, now)).collect()
}

fn age(database: &DatabaseOf, now: SystemTime) -> Finding {
    let told = |mark, found: String| {
        let about = format!("{} {}", database.key, database.path.display());
        Finding::new(mark, Check::DatabaseAge, about, found)
    };
    if database.kind == SANDBOX {
        return told(
            Mark::Warn,
            "holds networks of documentation alone, for trials: no real visitor is found in it".to_owned(),
        )
        .mend("name a full one: `Places` in README tells where they are had. Until then rules of country and asn go by nothing");
    }
    let built = UNIX_EPOCH.checked_add(Duration::from_secs(database.built));
    match built.and_then(|built| now.duration_since(built).ok()) {
        Some(_) if database.built == 0 => told(Mark::Unknown, "does not say when it was built".to_owned()),
        None => told(Mark::Unknown, "says that it was built in the future".to_owned())
            .mend("see whether this machine's clock is right"),
        Some(age) => {
            let days = age.as_secs() / 86_400;
            let found = format!("was built {} ago", count(days, "day"));
            if days > OLD_DAYS {
                told(Mark::Warn, found)
                    .mend("fetch a newer one: networks change hands, and rules of country go by old ones")
            } else {
                told(Mark::Ok, found)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_are_not_old() {
        let day = |number: u64| UNIX_EPOCH + Duration::from_hours(24 * number);
        let of = |built| DatabaseOf {
            key: "geoip.country",
            path: PathBuf::from("a.mmdb"),
            kind: "DBIP-Country-Lite".to_owned(),
            built,
        };
        for (built, now, mark) in [
            (20_000 * 86_400, day(20_030), Mark::Ok),
            (20_000 * 86_400, day(20_031), Mark::Warn),
            (20_000 * 86_400, day(19_999), Mark::Unknown),
            (0, day(20_000), Mark::Unknown),
            (u64::MAX, day(20_000), Mark::Unknown),
        ] {
            assert_eq!(databases(&[of(built)], now)[0].mark, mark, "{built}");
        }
    }
}
