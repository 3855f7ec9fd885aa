//! From files to a [`Config`]: every mistake of the main file and of the files of links, in one run.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    File, Mistake, Mistakes, Node, Secrets, Sources, Spanned, TableReader, Value, click_log,
    geoip::{self, BuiltIn},
    limits,
    links::{LinkReader, Links},
    loops::{Loops, Served},
    render::Remark,
    sections::{self, Defaults},
    source::SourceId,
    tls, trackers,
    watched::Watched,
};
use crate::{
    click::{self, ClickApi, Tracker, tracker::OnEvent},
    databases::Database,
    edge::{BotRule, Edge, Link, Unmatched},
    link::Table,
    observe::click_log::Settings,
    server::Limits,
    tls::Certificates,
    visitor::{Lookups, Places, RealIp, agents::Agents},
};

/// By which a file names its schema, for editors.
const SCHEMA: &str = "$schema";

/// Keys of the main file, where a file of links holds none of them.
const OF_MAIN: (&[&str], &str, &str) = (
    &[
        "links",
        "listen",
        "tls",
        "visitor",
        "geoip",
        "click",
        "click_log",
        "limits",
        "metrics",
        "unmatched",
        "tracker",
        "defaults",
    ],
    "belongs into the main file: a file of links holds [[link]] alone",
    "move it to the file that names this one in `links`",
);

/// A configuration: valid by construction.
pub struct Config {
    /// Where visitors are served without TLS.
    pub http: Vec<SocketAddr>,
    /// Where visitors are served with it.
    pub https: Vec<SocketAddr>,
    /// What they are shown there; with an address for TLS there are some.
    pub certificates: Option<Certificates>,
    /// Whether trusted proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Where the operator looks.
    pub admin: Option<SocketAddr>,
    /// Where hits are written down, and how.
    pub click_log: Option<Settings>,
    /// What connections and requests may take.
    pub limits: Limits,
    /// Whether each link's hits are counted.
    pub per_link: bool,
    /// The trackers.
    pub trackers: Vec<Arc<Tracker>>,
    /// The links.
    pub links: Table<Link>,
    pub(super) real_ip: RealIp,
    pub(super) bots: BotRule,
    /// Databases on disk.
    pub databases: Vec<Database>,
    pub(super) places: Places,
    pub(super) unmatched: Unmatched,
    pub(super) click: click::Settings,
}

impl Config {
    /// How many offers there are.
    pub fn offers(&self) -> usize {
        self.links.items().iter().map(|link| link.offers.len()).sum()
    }

    /// What addresses are looked up in.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// How visitors' addresses are decided.
    pub fn real_ip(&self) -> &RealIp {
        &self.real_ip
    }

    /// The longest that a visitor waits for trackers.
    pub fn deadline(&self) -> Duration {
        self.click.care.deadline
    }

    /// Counts on where links of the same first place are counted already.
    pub fn count_on(&mut self, before: &Table<Link>) {
        if !self.per_link {
            return;
        }
        let counts = |link: &Link| Some((Arc::clone(&link.at), Arc::clone(link.counts.as_ref()?)));
        let known: HashMap<_, _> = before.items().iter().filter_map(counts).collect();
        for link in self.links.items_mut() {
            if let Some(counts) = known.get(&link.at) {
                link.counts = Some(Arc::clone(counts));
            }
        }
    }

    /// What hits are served from.
    pub fn into_edge(self) -> Edge {
        let clicks = Arc::new(ClickApi::new(self.click));
        self.edge(clicks, Arc::default())
    }

    /// The same in place of another, whose clicks it has.
    pub fn into_edge_after(self, before: &Edge) -> Edge {
        let clicks = before.clicks.under(self.click);
        self.edge(clicks, Arc::clone(&before.lookups.agents))
    }

    fn edge(self, clicks: Arc<ClickApi>, agents: Arc<Agents>) -> Edge {
        Edge {
            real_ip: self.real_ip,
            bots: self.bots,
            lookups: Arc::new(Lookups {
                places: self.places,
                agents,
            }),
            links: Arc::new(self.links),
            trackers: self.trackers.into(),
            unmatched: self.unmatched,
            clicks,
        }
    }
}

/// What reading came to.
pub struct Read {
    /// The configuration, if it can be used.
    pub config: Option<Config>,
    /// Every mistake and warning, to print.
    pub text: String,
    /// The same one by one.
    pub remarks: Vec<Remark>,
    /// How many mistakes there are.
    pub errors: usize,
    /// The files that it is made of, whether it can be used or not.
    pub watched: Watched,
}

/// Makes, for a tracker of a name, the one who is told of what happens there.
pub type Teller<'a> = &'a dyn Fn(&str) -> OnEvent;

/// Reads a configuration and what it names. `colour` is for the text.
pub fn read(path: &Path, teller: Teller<'_>, colour: bool) -> Read {
    read_again(path, teller, colour, &[])
}

/// The same while the edge serves: trackers that are as they were are those that are `known`, with their connections.
pub fn read_again(path: &Path, teller: Teller<'_>, colour: bool, known: &[Arc<Tracker>]) -> Read {
    let mut files = Files {
        known: known.to_vec(),
        ..Files::default()
    };
    files.watched.file(path);
    let main = files.sources.read(path, path, None, &files.mistakes);
    files.finish(main, teller, colour)
}

/// Reads a configuration out of a text. `name` stands in messages and decides the format; files that the text names are
/// relative to its folder, but for databases that are built in.
pub fn read_text(name: &Path, text: &str, built_in: &'static [BuiltIn], teller: Teller<'_>) -> Read {
    let mut files = Files {
        built_in,
        ..Files::default()
    };
    let main = files.sources.add(name, text);
    files.finish(Some(main), teller, false)
}

#[derive(Default)]
struct Files {
    sources: Sources,
    secrets: Secrets,
    mistakes: Mistakes,
    built_in: &'static [BuiltIn],
    known: Vec<Arc<Tracker>>,
    watched: Watched,
}

impl Files {
    fn finish(mut self, main: Option<SourceId>, teller: Teller<'_>, colour: bool) -> Read {
        let config = main.and_then(|main| self.config(main, teller));
        let errors = self.mistakes.errors();
        let (text, remarks) = self.mistakes.told(&self.sources, &self.secrets, colour);
        Read {
            config: config.filter(|_| errors == 0),
            text,
            remarks,
            errors,
            watched: self.watched,
        }
    }

    /// Reads everything, even where the result cannot be used, so that all mistakes are found.
    fn config(&mut self, main: SourceId, teller: Teller<'_>) -> Option<Config> {
        let folder = folder(&self.sources.get(main)?.path);
        let main = File::read(&self.sources, main, &self.mistakes)?;
        let tree = main.tree.as_ref()?;
        let link_files = self.link_files(&tree.root, &folder);

        let (sources, mistakes) = (&self.sources, &self.mistakes);
        let mut root = TableReader::new(&tree.root, mistakes)?;
        root.raw("links");
        root.string(SCHEMA);
        let listen = sections::listen(root.table("listen"), mistakes);
        let certificates = tls::read(root.table("tls"), &listen, &folder, &mut self.watched, mistakes);
        let visitor = sections::visitor(root.table("visitor"), mistakes);
        let proxy_protocol = sections::proxy_protocol(listen.proxy_protocol, &visitor, mistakes);
        let click = sections::click(root.table("click"));
        let click_log = click_log::read(root.table("click_log"), &folder, mistakes);
        let limits = limits::read(root.table("limits"));
        let per_link = sections::per_link(root.table("metrics"));
        let geoip = geoip::read(root.table("geoip"), &folder, self.built_in, &mut self.watched, mistakes);
        let loops = Loops::default();
        let unmatched = sections::unmatched(root.table("unmatched"), geoip.named, &loops, mistakes);
        let trackers = trackers::read(
            root.table("tracker").as_ref(),
            &folder,
            trackers::How {
                care: click.care,
                known: &self.known,
                teller,
            },
            &mut self.secrets,
            &mut self.watched,
            mistakes,
        );
        let defaults = Defaults::read(root.table("defaults"), &trackers, geoip.named, &loops, mistakes);
        let mut links = Links::default();
        let reader = LinkReader {
            trackers: &trackers,
            defaults: &defaults,
            named: geoip.named,
            bots: visitor.bots,
            loops: &loops,
            per_link,
            mistakes,
        };
        let aside = |file: &File| file.links_aside();
        links.reserve(aside(&main) + link_files.iter().map(aside).sum::<usize>());
        let mut read_links = |file: &File, root: Option<&mut TableReader<'_>>| {
            for link in file.links(sources, mistakes) {
                if let Some(link) = TableReader::new(&link, mistakes) {
                    links.add(reader.link(link), mistakes);
                }
            }
            for link in root.and_then(|root| root.tables("link")).into_iter().flatten() {
                links.add(reader.link(link), mistakes);
            }
        };
        read_links(&main, Some(&mut root));
        root.finish(&[]);
        for file in &link_files {
            let root = file
                .tree
                .as_ref()
                .and_then(|tree| TableReader::new(&tree.root, mistakes));
            let Some(mut root) = root else {
                read_links(file, None);
                continue;
            };
            read_links(file, Some(&mut root));
            root.string(SCHEMA);
            root.finish(&[OF_MAIN]);
        }
        let served = Served {
            links: &links.table,
            hosts: &links.hosts,
            listen: &listen.all(),
        };
        loops.tell(&served, mistakes);
        if tree.complete && mistakes.errors() == 0 && links.is_empty() {
            let missing = Mistake::error("there is no link").at(tree.root.place);
            mistakes.push(missing.help("add a [[link]], or name files of them in `links`"));
        }
        Some(Config {
            http: listen.http,
            https: listen.https,
            certificates,
            proxy_protocol,
            admin: listen.admin,
            click_log,
            limits,
            per_link,
            trackers: trackers.usable().cloned().collect(),
            links: links.into_table(),
            real_ip: visitor.real_ip,
            bots: visitor.bots,
            databases: geoip.databases,
            places: geoip.places,
            unmatched,
            click,
        })
    }

    /// The files that `links` names, in the order of their names.
    fn link_files(&mut self, root: &Node, folder: &Path) -> Vec<File> {
        let mistakes = &self.mistakes;
        let Some(mut root) = TableReader::new(root, mistakes) else {
            return Vec::new();
        };
        if let Some(node) = root.raw("links").filter(|node| holds_tables(node)) {
            let mistake = Mistake::error("`links` names files; a link itself is a [[link]]").at(node.place);
            mistakes.push(mistake.help("did you mean `link`?"));
            return Vec::new();
        }
        let Some(patterns) = root.strings("links") else {
            return Vec::new();
        };
        let mut files = Vec::new();
        for pattern in patterns.value {
            self.watched.pattern(folder, pattern.value);
            for path in matching(folder, &pattern, mistakes) {
                let file = self.sources.read(&path, &path, Some(pattern.place), mistakes);
                files.extend(file.and_then(|file| File::read(&self.sources, file, mistakes)));
            }
        }
        files
    }
}

fn holds_tables(node: &Node) -> bool {
    match &node.value {
        Value::Table(_) => true,
        Value::Array(items) => items.iter().any(|item| matches!(item.value, Value::Table(_))),
        _ => false,
    }
}

/// The files of one pattern. A name without `*` that is missing is a mistake; a pattern that finds nothing may be filled
/// later. As in shells, a name that begins with a dot fits what begins with one: editors leave such files.
pub(super) fn matching(folder: &Path, pattern: &Spanned<&str>, mistakes: &Mistakes) -> Vec<PathBuf> {
    let is_pattern = pattern.value.contains(['*', '?', '[']);
    if !is_pattern {
        return vec![folder.join(pattern.value)];
    }
    let base = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&base).join(pattern.value);
    let found = match glob::glob(&whole.to_string_lossy()) {
        Ok(found) => found,
        Err(error) => {
            let mistake = Mistake::error("this is no pattern of file names").at(pattern.place);
            let help = "`*` stands for any part of a name, `?` for one letter, `[ab]` for one of some";
            mistakes.push(mistake.label(error.msg).help(help));
            return Vec::new();
        }
    };
    // The crate's own option for this forgets patterns that begin with a dot.
    let dotted = whole.components().map(|part| part.as_os_str().to_string_lossy());
    let dotted: Vec<_> = dotted
        .filter(|part| part.starts_with('.'))
        .filter_map(|part| glob::Pattern::new(&part).ok())
        .collect();
    let is_hidden = |path: &Path| {
        path.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            name.starts_with('.') && !dotted.iter().any(|pattern| pattern.matches(&name))
        })
    };
    let mut paths = Vec::new();
    for path in found {
        // What cannot be looked at may hold links: to read it says what is wrong with it.
        let (is_folder, path) = match path {
            Ok(path) => (path.is_dir(), path),
            Err(error) => (false, error.path().to_owned()),
        };
        if !is_folder && !is_hidden(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let warning = Mistake::warning("no file has such a name").at(pattern.place);
        mistakes.push(warning.help("patterns are relative to the folder of the file that names them"));
    }
    paths
}

fn folder(file: &Path) -> PathBuf {
    file.parent().map_or_else(PathBuf::new, Path::to_owned)
}
