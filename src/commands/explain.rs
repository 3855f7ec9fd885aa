//! `onehop explain`: what the edge would do with a request, and why.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
    time::SystemTime,
};

use http::header::{REFERER, USER_AGENT};

use super::{colour_on, failed, on_runtime, print};
use crate::{
    args, config,
    explain::{self, Explanation, Imagined, NoRequest, text},
};

/// A documentation address (RFC 5737): nobody's.
const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
/// What most visitors have who do not click on a phone.
const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/// Status of a wrong command line.
const USAGE: u8 = 2;

/// Explains on standard output.
pub fn run(args: &args::Explain) -> ExitCode {
    let (asked, assumed) = match asked(args) {
        Ok(asked) => asked,
        Err(NoRequest(why)) => {
            failed(&why);
            return ExitCode::from(USAGE);
        }
    };
    let read = config::read(&args.config.config, &|_| Box::new(|_| ()), colour_on(&io::stderr()));
    eprint!("{}", read.text);
    let Some(config) = read.config else {
        return failed(&format!("{} cannot be used", args.config.config.display()));
    };
    let limits = config.limits;
    let edge = config.into_edge();
    on_runtime(async move {
        let explained = explain::explain(&edge, &limits, &asked).await;
        let text = written(&explained, &assumed, args.json).map_err(io::Error::other)?;
        print(&text)
    })
}

fn written(explained: &Explanation, assumed: &[&str], json: bool) -> Result<String, serde_json::Error> {
    if json {
        return serde_json::to_string_pretty(explained).map(|text| text + "\n");
    }
    Ok(text::write(explained, assumed, colour_on(&io::stdout())))
}

/// The request, and what of it was not given.
fn asked(args: &args::Explain) -> Result<(Imagined, Vec<&'static str>), NoRequest> {
    let mut assumed = Vec::new();
    let peer = args.ip.unwrap_or_else(|| {
        assumed.push("ip");
        SOMEBODY
    });
    let at = args.at.unwrap_or_else(SystemTime::now);
    let mut asked = Imagined::new(&args.url, peer, at)?;
    for header in &args.headers {
        let Some((name, value)) = header.split_once(':') else {
            return Err(NoRequest(format!(
                "`{header}` is no header: write it like 'Accept-Language: de'"
            )));
        };
        asked.header(name, value)?;
    }
    if let Some(referrer) = &args.referrer {
        asked.header(REFERER.as_str(), referrer)?;
    }
    match &args.user_agent {
        Some(user_agent) => asked.header(USER_AGENT.as_str(), user_agent)?,
        None if asked.has(USER_AGENT) => {}
        None => {
            assumed.push("user agent");
            asked.header(USER_AGENT.as_str(), BROWSER)?;
        }
    }
    Ok((asked, assumed))
}
