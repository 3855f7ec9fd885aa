//! Which column of an export says what, by the names that networks give them.

/// What is said on the command line of columns whose names do not say it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The column of click ids.
    pub id: Option<String>,
    /// The column of times or days.
    pub time: Option<String>,
    /// The column of counts.
    pub count: Option<String>,
}

/// The numbers of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub id: Option<usize>,
    pub time: Option<usize>,
    /// The time of day, where the day has a column of its own.
    pub clock: Option<usize>,
    pub count: Option<usize>,
    pub offer: Option<usize>,
    pub campaign: Option<usize>,
    pub ip: Option<usize>,
    pub user_agent: Option<usize>,
}

// Names without case, blanks and signs; of several that are there, the first of the list is taken.
const IDS: &[&str] = &[
    "clickid",
    "clickuuid",
    "clickuid",
    "clickguid",
    "clickhash",
    "transactionid",
    "txid",
    "idклика",
    "кликid",
    "click",
];
const TIMES: &[&str] = &[
    "clicktime",
    "clickdatetime",
    "clicktimestamp",
    "clickedat",
    "clickdate",
    "dateclick",
    "datetime",
    "dateandtime",
    "timestamp",
    "createdat",
    "created",
    "datecreated",
    "creationdate",
    "датаивремя",
    "unixtime",
    "date",
    "day",
    "дата",
    "день",
    "time",
    "время",
];
const CLOCKS: &[&str] = &["time", "timeofday", "время"];
/// A tracker gives a visitor one click: unique clicks are what it counts where it tells them apart.
const COUNTS: &[&str] = &[
    "uniqueclicks",
    "uniqueclick",
    "clicksunique",
    "uniqclicks",
    "uniques",
    "unique",
    "hosts",
    "уникальныеклики",
    "уники",
    "хосты",
    "clicks",
    "totalclicks",
    "grossclicks",
    "rawclicks",
    "clickscount",
    "clickcount",
    "count",
    "клики",
    "всегокликов",
];
const OFFERS: &[&str] = &["offerid", "idоффера", "офферid"];
const CAMPAIGNS: &[&str] = &["campaignid", "idкампании"];
const IPS: &[&str] = &[
    "ip",
    "ipaddress",
    "userip",
    "clickip",
    "clientip",
    "visitorip",
    "sessionip",
    "ipадрес",
];
const USER_AGENTS: &[&str] = &["useragent", "ua", "useruseragent", "httpuseragent", "clientuseragent"];

impl Columns {
    /// Out of a header; the error says what is missing.
    pub(super) fn of(header: &[String], named: &Named) -> Result<Self, String> {
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let find = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| plain.iter().position(|found| found == name))
        };
        let said = |option: &str, name: Option<&String>| match name {
            None => Ok(None),
            Some(name) => {
                let exact = header.iter().position(|found| found == name);
                let found = exact.or_else(|| plain.iter().position(|found| *found == self::plain(name)));
                let missing = || format!("it has no column {name:?}, which {option} names");
                found.map(Some).ok_or_else(missing)
            }
        };
        let id = said("--id-column", named.id.as_ref())?;
        let time = said("--time-column", named.time.as_ref())?;
        let count = said("--count-column", named.count.as_ref())?;
        let wants_counts = count.is_some() && id.is_none();
        let mut columns = Self {
            id: id.or_else(|| find(IDS).filter(|_| !wants_counts)),
            time: time.or_else(|| find(TIMES)),
            clock: None,
            count: count.or_else(|| find(COUNTS)),
            offer: find(OFFERS),
            campaign: find(CAMPAIGNS),
            ip: find(IPS),
            user_agent: find(USER_AGENTS),
        };
        if columns.time != time || time.is_none() {
            columns.clock =
                find(CLOCKS).filter(|clock| Some(*clock) != columns.time && ends_in_day(&plain, columns.time));
        }
        if columns.id.is_some() {
            return Ok(columns);
        }
        match (columns.time, columns.count) {
            (Some(_), Some(_)) => Ok(columns),
            (Some(_), None) => Err("it has days, but no column of click ids or of clicks: say which with --id-column or --count-column".into()),
            (None, Some(_)) => Err("it has counts, but no column of days: say which with --time-column".into()),
            (None, None) => Err(
                "it has no column of click ids, and none of days and clicks: say which with --id-column, or with --time-column and \
                 --count-column; the first line has to name the columns"
                    .into(),
            ),
        }
    }
}

/// Whether the time's column is one of days, beside which a time of day may stand.
fn ends_in_day(plain: &[String], time: Option<usize>) -> bool {
    let names = ["date", "day", "clickdate", "дата", "день"];
    time.is_some_and(|time| names.contains(&&*plain[time]))
}

/// A name without case, blanks and signs.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str, named: &Named) -> Result<Columns, String> {
        Columns::of(&header.split(',').map(str::to_owned).collect::<Vec<_>>(), named)
    }

    #[test]
    fn names_are_known_however_they_are_spelt() {
        for header in [
            "click_id",
            "Click ID",
            "clickid",
            "CLICK-ID",
            "Transaction ID",
            "transaction_id",
            "ID клика",
        ] {
            let columns = of(&format!("x,{header},Created At"), &Named::default()).expect("columns");
            assert_eq!((columns.id, columns.time), (Some(1), Some(2)), "{header}");
        }
        let columns = of(
            "Date,Time,Click ID,Offer ID,Campaign_ID,User-Agent,IP address",
            &Named::default(),
        )
        .expect("columns");
        let expected = Columns {
            id: Some(2),
            time: Some(0),
            clock: Some(1),
            count: None,
            offer: Some(3),
            campaign: Some(4),
            ip: Some(6),
            user_agent: Some(5),
        };
        assert_eq!(columns, expected);
        let columns = of("Day,Clicks,Unique clicks", &Named::default()).expect("columns");
        assert_eq!((columns.id, columns.time, columns.count), (None, Some(0), Some(2)));
    }

    #[test]
    fn what_is_not_clear_can_be_said() {
        let named = Named {
            id: Some("sub_id".into()),
            ..Named::default()
        };
        assert_eq!(of("Sub ID,click", &named).expect("columns").id, Some(0));
        let missing = of("a,b", &named).expect_err("none");
        assert!(
            missing.contains("\"sub_id\"") && missing.contains("--id-column"),
            "{missing}"
        );
        for (header, words) in [
            ("a,b", "no column of click ids"),
            ("day,b", "--count-column"),
            ("clicks,b", "--time-column"),
        ] {
            let said = of(header, &Named::default()).expect_err("none");
            assert!(said.contains(words), "{said}");
        }
        let counts = Named {
            count: Some("n".into()),
            ..Named::default()
        };
        assert_eq!(of("click,day,n", &counts).expect("columns").id, None);
    }
}
