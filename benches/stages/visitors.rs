//! Visitors as browsers make them: their addresses, their heads, and the hits that they are.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use onehop::{
    headers::{Header, Headers, Lines},
    hit::Hit,
    hit_id::{HitId, HitIds},
    query::Query,
};
use tokio::time::Instant;

pub(crate) const HOST: &str = "go.example.com";
pub(crate) const PATH: &str = "/shoes";
pub(crate) const QUERY: &str =
    "utm_source=newsletter&utm_medium=email&utm_campaign=summer%20sale&subid1=zone-17&gclid=EAIaIQobChMI4tOZkJ";

/// The proxy that all connections come from.
pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

/// The networks of `geoip/sandbox.mmdb`, each of them with 256 addresses.
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// What most visits come with. `MINOR` is another number for each who is to be unknown.
const USER_AGENTS: [&str; 10] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.MINOR.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.MINOR.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15EMINOR Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6.MINOR Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.MINOR",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.MINOR.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.MINOR Chrome/122.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.MINOR.81 Mobile Safari/537.36 Instagram 355.1.0.44.103 Android (34/14; 450dpi; 1080x2125; samsung; SM-S918B; dm3q; qcom; de_DE; 665435862)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22BMINOR [FBAN/FBIOS;FBAV/489.0.0.49.81;FBBV/661107120;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.1;FBSS/3;FBLC/de_DE;FBOP/5]",
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15EMINOR Safari/604.1",
];

/// One who clicks. Lives as long as the program, as all that is measured with.
#[derive(Clone, Copy)]
pub(crate) struct Visitor {
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: &'static str,
    /// The fields of the request.
    pub(crate) fields: &'static Lines<'static>,
    /// The whole request.
    pub(crate) request: &'static str,
}

/// The User-Agent of a number.
pub(crate) fn user_agent(kind: usize, minor: usize) -> &'static str {
    USER_AGENTS[kind % USER_AGENTS.len()]
        .replace("MINOR", &(6000 + minor).to_string())
        .leak()
}

/// The address of a number.
pub(crate) fn address(number: usize) -> IpAddr {
    let [a, b, c] = NETWORKS[number % NETWORKS.len()];
    let last = number / NETWORKS.len() % 256;
    IpAddr::V4(Ipv4Addr::new(a, b, c, u8::try_from(last).expect("a byte")))
}

/// The visitors of the numbers from 0; no two of them are the same, and ten by ten have the ten User-Agents.
pub(crate) fn visitors(count: usize) -> Vec<Visitor> {
    assert!(count <= USER_AGENTS.len() * NETWORKS.len() * 256, "that many differ");
    (0..count).map(visitor).collect()
}

fn visitor(number: usize) -> Visitor {
    let ip = address(number / USER_AGENTS.len());
    let user_agent = user_agent(number, 0);
    let forwarded: &'static str = format!("{ip}, 172.16.4.2").leak();
    // As Chrome writes them, and a proxy before the edge.
    let fields = [
        ("Host", HOST),
        ("Connection", "keep-alive"),
        (
            "sec-ch-ua",
            r#""Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24""#,
        ),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Windows\""),
        ("Upgrade-Insecure-Requests", "1"),
        ("User-Agent", user_agent),
        (
            "Accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
        ),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-User", "?1"),
        ("Sec-Fetch-Dest", "document"),
        ("Referer", "https://www.blog.example/2026/best-shoes-for-summer"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", "de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7"),
        ("X-Forwarded-For", forwarded),
    ];
    let mut request = format!("GET {PATH}?{QUERY} HTTP/1.1\r\n");
    for (name, value) in fields {
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let lines = fields.map(|(name, value)| Header {
        name: name.as_bytes(),
        value: value.as_bytes(),
    });
    Visitor {
        ip,
        user_agent,
        fields: Box::leak(Box::new(Lines::of(Box::leak(Box::new(lines))))),
        request: request.leak(),
    }
}

impl Visitor {
    pub(crate) fn headers(&self) -> Headers<'static> {
        self.fields.into()
    }

    /// The visitor's hit, as it stands once its head has been read.
    pub(crate) fn hit(&self) -> Hit<'static> {
        Hit {
            at: at(),
            began: Instant::now(),
            ids: HitIds {
                hit: HitId::new(at()),
                trace: None,
            },
            head: false,
            host: HOST,
            path: PATH,
            query: Query::new(QUERY),
            headers: self.headers(),
            sender: self.headers().into(),
            peer: PEER,
        }
    }
}

/// When all that is measured without a server happens.
pub(crate) fn at() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_764_000_000_123)
}
