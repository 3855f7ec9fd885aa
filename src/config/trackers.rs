//! The trackers: their URLs, their keys, their extra roots.

use std::{env, path::Path, sync::Arc};

use http::{Uri, uri::PathAndQuery};

use super::{
    Mistake, Mistakes, Node, Secrets, Spanned, TableReader, Value,
    load::Teller,
    quoted,
    source::{LARGEST, Place, read_bytes},
    values::suggestion,
    watched::Watched,
};
use crate::click::{
    Care, SecretKey, Tracker,
    client::{Client, Endpoint, Roots, System},
    tracker,
    wire::Prefix,
};
use crate::{percent, query};

/// Bytes of a key. One is a UUID: what is longer is another file.
const LONGEST_KEY: usize = 1024;

/// What each request tells, beside the key and tags.
const TOLD: [&str; 6] = [
    "offer_id",
    "campaign_id",
    "promo_id",
    "user_ip",
    "user_useragent",
    "user_referrer",
];

/// The trackers of a configuration, by number.
#[derive(Default)]
pub(super) struct Trackers(Vec<Entry>);

struct Entry {
    name: Arc<str>,
    /// `None` where a mistake was told of.
    usable: Option<Arc<Tracker>>,
}

impl Trackers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The only one there is.
    pub(super) fn only(&self) -> Option<usize> {
        (self.0.len() == 1).then_some(0)
    }

    /// The number of a name; an unknown one is a mistake.
    pub(super) fn find(&self, name: &Spanned<&str>, mistakes: &Mistakes) -> Option<usize> {
        let found = self.0.iter().position(|entry| *entry.name == *name.value);
        if found.is_none() {
            let names: Vec<&str> = self.0.iter().map(|entry| &*entry.name).collect();
            let mistake = Mistake::error(format!("there is no tracker {}", quoted(name.value))).at(name.place);
            mistakes.push(mistake.help(suggestion(name.value, &names, "trackers")));
        }
        found
    }

    /// Those that can be used.
    pub(super) fn usable(&self) -> impl Iterator<Item = &Arc<Tracker>> {
        self.0.iter().filter_map(|entry| entry.usable.as_ref())
    }

    /// The tracker of a number.
    pub(super) fn get(&self, number: usize) -> Option<Arc<Tracker>> {
        self.0.get(number)?.usable.clone()
    }
}

/// How trackers are made.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) care: Care,
    /// Those that there are: one that is as it was is not made anew.
    pub(super) known: &'a [Arc<Tracker>],
    pub(super) teller: Teller<'a>,
}

pub(super) fn read(
    table: Option<&TableReader<'_>>,
    folder: &Path,
    how: How<'_>,
    secrets: &mut Secrets,
    watched: &mut Watched,
    mistakes: &Mistakes,
) -> Trackers {
    let How { care, known, teller } = how;
    let mut trackers = Trackers::default();
    // A number that is free again would be another tracker's to clicks that are kept.
    let mut next = known.iter().map(|known| known.number + 1).max().unwrap_or_default();
    for (name, node) in table.into_iter().flat_map(TableReader::entries) {
        let name_text: Arc<str> = name.name.as_str().into();
        let usable = TableReader::new(node, mistakes).and_then(|table| {
            let parts = parts(table, folder, secrets, watched, mistakes)?;
            let print = tracker::print(&parts.url, &parts.key, &parts.ca, care);
            if let Some(same) = known
                .iter()
                .find(|known| known.name == name_text && known.print == print)
            {
                return Some(Arc::clone(same));
            }
            let client = Arc::new(Client::new(parts.endpoint, Arc::new(System)));
            let prefix = Prefix::new(&parts.path, &parts.key);
            let events = teller(&name_text);
            let tracker = Tracker::new(Arc::clone(&name_text), next, print, client, prefix, care, events);
            next += 1;
            Some(Arc::new(tracker))
        });
        trackers.0.push(Entry {
            name: name_text,
            usable,
        });
    }
    trackers
}

struct Parts {
    endpoint: Endpoint,
    url: String,
    path: String,
    key: SecretKey,
    ca: Vec<u8>,
}

fn parts(
    mut table: TableReader<'_>,
    folder: &Path,
    secrets: &mut Secrets,
    watched: &mut Watched,
    mistakes: &Mistakes,
) -> Option<Parts> {
    let url = table.required_string("url");
    let key = table
        .required_raw("secure_key")
        .and_then(|node| secure_key(node, folder, secrets, watched, mistakes));
    let roots = match table.string("ca") {
        Some(text) => roots(&text, folder, watched, mistakes),
        None => Some((Roots::default(), Vec::new())),
    };
    table.finish(&[]);
    let url = url?;
    let (roots, ca) = roots?;
    let (endpoint, path) = endpoint(&url, &roots, mistakes)?;
    Some(Parts {
        endpoint,
        url: url.value.to_owned(),
        path,
        key: key?,
        ca,
    })
}

/// Where the tracker is. Its mistakes do not quote it: a key might stand in it.
fn endpoint(text: &Spanned<&str>, roots: &Roots, mistakes: &Mistakes) -> Option<(Endpoint, String)> {
    let wrong = |message: &str| {
        let mistake = Mistake::error(message).at(text.place);
        mistakes.push(mistake.help("write it like \"https://tracker.example.com/api/click/create\""));
    };
    let Ok(uri) = text.value.parse::<Uri>() else {
        wrong("this is no URL");
        return None;
    };
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        wrong("a tracker's URL has no user name");
        return None;
    }
    if uri.query().is_some_and(|query| query.contains("secure_key=")) {
        wrong("the key does not belong into the URL, but into secure_key");
        return None;
    }
    let query = query::of_target(uri.path_and_query().map_or("", PathAndQuery::as_str)).1;
    let told = |name: &&&str| {
        query
            .pairs()
            .any(|pair| percent::decode_form(pair.name.as_bytes()) == name.as_bytes())
    };
    if let Some(name) = TOLD.iter().chain(&query::TAGS).find(told) {
        wrong(&format!(
            "`{name}` does not belong into the URL: each request tells its own"
        ));
        return None;
    }
    let endpoint = match Endpoint::new(&uri, roots) {
        Ok(endpoint) => endpoint,
        Err(why) => {
            wrong(&format!("this is no URL of a tracker: {why}"));
            return None;
        }
    };
    if uri.path() == "/" {
        let warning = Mistake::warning("the URL has no path").at(text.place);
        mistakes.push(warning.help("the Click API is usually at /api/click/create"));
    }
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Some((endpoint, path.to_owned()))
}

/// A key from a string, a file or the environment. No message quotes one.
fn secure_key(
    node: &Node,
    folder: &Path,
    secrets: &mut Secrets,
    watched: &mut Watched,
    mistakes: &Mistakes,
) -> Option<SecretKey> {
    let help = "write { env = \"NAME\" }, { file = \"key.txt\" }, or a string";
    let (text, place) = match &node.value {
        Value::String(text) => (text.clone(), node.place),
        Value::Table(_) => {
            let mut table = TableReader::new(node, mistakes)?;
            let (from_env, from_file) = (table.string("env"), table.string("file"));
            table.finish(&[]);
            match (from_env, from_file) {
                (Some(name), None) => (of_env(&name, mistakes)?, name.place),
                (None, Some(name)) => (of_file(&name, folder, watched, mistakes)?, name.place),
                _ => {
                    mistakes.push(Mistake::error("a key comes from one place").at(node.place).help(help));
                    return None;
                }
            }
        }
        _ => {
            mistakes.push(Mistake::error("this is no key").at(node.place).help(help));
            return None;
        }
    };
    if matches!(&node.value, Value::String(text) if text.starts_with('$')) {
        let mistake = Mistake::error("this looks like the name of a variable").at(place);
        mistakes.push(mistake.help("write { env = \"NAME\" } for a variable of the environment"));
        return None;
    }
    secrets.add(&text);
    let wrong = if text.trim().len() > LONGEST_KEY {
        "the key is longer than 1,024 bytes"
    } else if let Ok(key) = SecretKey::new(&text) {
        return Some(key);
    } else {
        "the key is empty, or not one word"
    };
    let mistake = Mistake::error(wrong).at(place);
    mistakes.push(mistake.help("it is the secret key of your account at the network, a UUID"));
    None
}

fn of_env(name: &Spanned<&str>, mistakes: &Mistakes) -> Option<String> {
    let found = env::var(name.value).ok();
    if found.is_none() {
        let mistake = Mistake::error(format!("the environment has no variable {}", quoted(name.value)));
        mistakes.push(
            mistake
                .at(name.place)
                .help("set it where onehop is started, or take the key from a file"),
        );
    }
    found
}

fn of_file(name: &Spanned<&str>, folder: &Path, watched: &mut Watched, mistakes: &Mistakes) -> Option<String> {
    let path = folder.join(name.value);
    let Ok(text) = String::from_utf8(bytes(&path, name.place, watched, mistakes)?) else {
        let mistake = Mistake::error(format!("`{}` is not UTF-8 text", path.display())).at(name.place);
        mistakes.push(mistake.help("the file holds the key alone, as text"));
        return None;
    };
    // Editors of Windows begin files with a mark.
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

/// The certificates, and the bytes that they were read from.
fn roots(name: &Spanned<&str>, folder: &Path, watched: &mut Watched, mistakes: &Mistakes) -> Option<(Roots, Vec<u8>)> {
    let path = folder.join(name.value);
    let pem = bytes(&path, name.place, watched, mistakes)?;
    let roots = Roots::from_pem(&pem).ok();
    if roots.is_none() {
        let mistake = Mistake::error(format!("`{}` holds no root certificates", path.display())).at(name.place);
        mistakes.push(mistake.help("it is a PEM file: -----BEGIN CERTIFICATE----- …"));
    }
    Some((roots?, pem))
}

fn bytes(path: &Path, place: Place, watched: &mut Watched, mistakes: &Mistakes) -> Option<Vec<u8>> {
    watched.file(path);
    let read = read_bytes(path, LARGEST).map_err(|(why, help)| {
        let mistake = Mistake::error(format!("cannot read `{}`: {why}", path.display())).at(place);
        mistakes.push(mistake.help(help.unwrap_or("paths are relative to the file that names them")));
    });
    read.ok()
}
